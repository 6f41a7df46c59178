"""What happened, as records: the frozen rows that the world appends and that everything else is computed from.

Times are integer nanoseconds of simulated time, energies integer nanojoules, sizes integer bytes, so that sums are
exact and conservation laws can be checked with ``==``. Actors are named ``server``, ``client-00``, ``client-01``, ...;
cells, jammers and the nodes at the ends of wires as in the scenario (``cell`` where there is one cell and no network),
wires ``from>to``, each direction by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SERVER = "server"
CELL = "cell"
CLIENT_PREFIX = "client-"

NO_VERSION = -1
NO_UPDATE = -1

Tensors = tuple[tuple[str, int], ...]
"""Names and sizes of the tensors in a payload: ``((name, bytes), ...)`` in the order in which they travel."""


class SpanKind(StrEnum):
    """What an actor does during a span."""

    COMPUTE = "compute"
    QUEUE = "queue"
    UPLOAD = "upload"
    RETRANSMIT = "retransmit"
    DOWNLOAD = "download"
    IDLE = "idle"
    AGGREGATE = "aggregate"
    EVALUATE = "evaluate"
    HANDOVER = "handover"
    BACKHAUL = "backhaul"
    JAM = "jam"


class Direction(StrEnum):
    """``up`` from a client to the server, ``down`` from the server to a client."""

    UP = "up"
    DOWN = "down"


class Fate(StrEnum):
    """What became of an update: used in an aggregation, too late for it, lost on the way, never begun, or kept at home
    by a method that uploads nothing."""

    APPLIED = "applied"
    LATE = "late"
    LOST = "lost"
    SKIPPED = "skipped"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Span:
    """An actor does one thing from ``start_ns`` for ``duration_ns``; a client's spans tile its lifetime.

    A cell's row shows uploads where one client at a time has its band, a wire's the messages that it carries
    (``backhaul``, until the last bit is sent), a jammer's when it is on (``jam``).

    ``version`` is the global version that the work is based on (-1: none), ``update`` the id of the update that it
    belongs to (-1: none), ``bytes`` what a transfer carried (0 elsewhere).
    """

    actor: str
    kind: SpanKind
    start_ns: int
    duration_ns: int
    stage: str
    round: int
    version: int = NO_VERSION
    bytes: int = 0
    energy_nj: int = 0
    update: int = NO_UPDATE
    note: str = ""

    @property
    def end_ns(self) -> int:
        """The first nanosecond after the span."""
        return self.start_ns + self.duration_ns


@dataclass(frozen=True, slots=True)
class Message:
    """One transfer between the server and a client.

    ``sent_ns`` is when its first bit goes on air (a wait for the medium lies before it), ``received_ns`` when its last
    bit has left the air; what lies between, less the ``held_ns`` between two cells and in further queues, is its air
    time. For ``on_air_ns`` of that the sender transmits (less than all where the air is shared by turns), which
    radiates as much as ``full_power_ns`` at full power. ``cell`` is the cell in which it ended, after ``handovers``
    changes. ``payload_bytes`` = ``delivered_bytes`` + ``lost_bytes`` = the sum of ``tensors``' bytes. ``transmissions``
    counts each packet as often as it was sent. ``energy_nj`` is what the client spent on it. ``mean_snr_db`` counts
    interference as noise.
    """

    update: int
    source: str
    target: str
    direction: Direction
    sent_ns: int
    received_ns: int
    stage: str
    round: int
    version: int
    payload_bytes: int
    delivered_bytes: int
    lost_bytes: int
    packets: int
    transmissions: int
    energy_nj: int
    mean_snr_db: float
    mean_rate_bps: float
    complete: bool
    cell: str
    handovers: int
    held_ns: int
    on_air_ns: int
    full_power_ns: int
    tensors: Tensors = ()

    @property
    def client(self) -> str:
        """The end of the link that is not the server."""
        return self.source if self.direction == Direction.UP else self.target


@dataclass(frozen=True, slots=True)
class Aggregation:
    """The server makes global version ``version`` out of ``updates``; entries of the four tuples belong together.

    ``weights`` are the aggregation's coefficients (their sum is 1), ``staleness`` how many versions the global model
    had moved on since each update's base, ``digest`` the content address of the new state ("" where none was made).
    """

    time_ns: int
    stage: str
    round: int
    version: int
    updates: tuple[int, ...]
    clients: tuple[str, ...]
    weights: tuple[float, ...]
    staleness: tuple[int, ...]
    digest: str = ""


@dataclass(frozen=True, slots=True)
class UpdateFate:
    """What became of the update with this id; every update that was started has exactly one fate."""

    update: int
    client: str
    stage: str
    round: int
    version: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured value, e.g. ``accuracy`` of ``client-03`` at a simulated time."""

    time_ns: int
    actor: str
    stage: str
    round: int
    name: str
    value: float


Record = Span | Message | Aggregation | UpdateFate | Metric


def is_client(actor: str) -> bool:
    """Whether an actor is a client."""
    return actor.startswith(CLIENT_PREFIX)

"""A scenario's radio on a clock of its own: transfers of stated sizes at stated times, and all that is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2
from types import SimpleNamespace
from typing import Any

from worlds import blueprint_of

from pwffsim.architecture.tensors import TensorShape
from pwffsim.kernel.clock import Kernel, ns
from pwffsim.runs.records import Direction, Message, Span, SpanKind
from pwffsim.world.diary import Diary
from pwffsim.world.radio.access import RadioAccess
from pwffsim.world.radio.meter import RestMeter
from pwffsim.world.tasks import Report, Task

BAND_HZ = 1e6
STILL = {"fading": "none", "packets": "fluid", "mean_snr_db": 5.0, "bandwidth_hz": BAND_HZ, "downlink": {"ideal": True}}
"""A radio without chance; downloads are free."""

RATE_BPS = BAND_HZ * log2(1 + 10**0.5)
"""Of a client that has STILL's band to itself: B log2(1 + SNR)."""

SIZE_BYTES = 250_000
ALONE_S = 8 * SIZE_BYTES / RATE_BPS
"""How long such a payload takes it."""


@dataclass
class Log:
    """Keeps spans and messages in the order in which they are recorded."""

    spans: list[Span] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def span(self, record: Span) -> None:
        self.spans.append(record)

    def message(self, record: Message) -> None:
        self.messages.append(record)


class RadioAlone:
    """RadioAccess without server or learning. Transfers are numbered 0, 1, ... in the order of asking for them.

    Attributes:
        reports: (time in ns, update) in the order in which the server got them.
    """

    def __init__(self, clients: Any = 2, seed: int = 4, network: Any = None, **radio: Any) -> None:
        settings = {"seed": seed, "clients": clients, "stages": {"instruction": {"rounds": 1}}, "radio": radio}
        blueprint = blueprint_of(settings | ({"network": network} if network else {}))
        self.scenario, self.profiles = blueprint.scenario, blueprint.profiles
        self.kernel, self.log = Kernel(), Log()
        self.reports: list[tuple[int, int]] = []
        self.access = RadioAccess(self.kernel, self.log, self.scenario, self.profiles, self._told)  # type: ignore[arg-type]
        power = self.scenario.radio.energy.build()
        self._diaries = [Diary(self.kernel, self.log, p.name, RestMeter(power)) for p in self.profiles]  # type: ignore[arg-type]
        self._transfers: list[Any] = []

    def upload(self, client: int, start_s: float = 0.0, size_bytes: int = SIZE_BYTES) -> RadioAlone:
        """An upload that is asked for at a time."""
        return self._ask(self._up, client, start_s, size_bytes)

    def download(self, client: int, start_s: float = 0.0, size_bytes: int = SIZE_BYTES, version: int = 0) -> RadioAlone:
        """A download that is asked for at a time, of what the server has in a version."""
        return self._ask(self._down, client, start_s, size_bytes, version)

    def play(self, until_s: float = 0.0) -> RadioAlone:
        """Until all is done, and at least so long."""
        self.kernel.run(until=self.kernel.all_of(self._transfers))
        self.kernel.run(until=self.kernel.all_of(self.access.forwards))
        self.kernel.run(until=self.kernel.at(max(ns(until_s), self.kernel.now_ns)))
        self.access.close()
        for diary in self._diaries:
            diary.close()
        return self

    def __getitem__(self, update: int) -> Message:
        return next(message for message in self.log.messages if message.update == update)

    def spans(self, actor: str, *kinds: SpanKind) -> list[Span]:
        """An actor's spans, of some kinds or of all."""
        return [span for span in self.log.spans if span.actor == actor and (not kinds or span.kind in kinds)]

    def trace(self, update: int) -> list[tuple[str, int, int]]:
        """(kind, start, end) of a transfer's spans on its client's row."""
        client = self[update].client
        own = [span for span in self.spans(client) if span.update == update]
        return [(str(span.kind), span.start_ns, span.end_ns) for span in own]

    def _ask(self, way: Any, client: int, start_s: float, size_bytes: int, version: int = 0) -> RadioAlone:
        task = Task(len(self._transfers), "client-00", 1, version, SimpleNamespace(name="instruction"), {}, 1)  # type: ignore[arg-type]
        tensors = [TensorShape("payload", (size_bytes // 4,))]
        process = self.kernel.process(way(client, ns(start_s), tensors, task), f"transfer {task.update}")
        self._transfers.append(process)
        return self

    def _up(self, client: int, start_ns: int, tensors: Any, task: Task) -> Any:
        yield self.kernel.at(start_ns)
        delivery = yield from self.access.upload(client, tensors, task, self._diaries[client])
        self.access.hand_in(Report(task, client, None, delivery))  # type: ignore[arg-type]

    def _down(self, client: int, start_ns: int, tensors: Any, task: Task) -> Any:
        yield self.kernel.at(start_ns)
        yield from self.access.download(client, tensors, task, self._diaries[client])

    def _told(self, report: Report) -> None:
        self.reports.append((self.kernel.now_ns, report.task.update))


def tiled(spans: list[Span]) -> bool:
    """Whether spans follow each other without gap or overlap, from 0 on."""
    ends = [0, *(span.end_ns for span in spans)]
    return [span.start_ns for span in spans] == ends[:-1]


def direction(log: Log, way: Direction) -> list[Message]:
    """The messages that go one way."""
    return [message for message in log.messages if message.direction == way]

"""Which cell serves a client when, and how strong the link is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from channel_models.geometry.coverage import Coverage as SiteLoss
from channel_models.geometry.handover import Attachment, Handover
from channel_models.mobility import Mobility
from channel_models.units import db_to_linear
from pwffsim.kernel.clock import ns, seconds

FloatArray = NDArray[np.float64]

_STEP_S = 0.01
_STEPS_A_CHUNK = 256
_CHUNKS_KEPT = 4096

_HALF_NS = 0.5e-9


class Coverage(Protocol):
    """The cells, and who is served by which."""

    @property
    def cells(self) -> Sequence[str]:
        """Names of the cells."""
        ...

    @property
    def interruption_ns(self) -> int:
        """How long nothing goes through when a client changes cells."""
        ...

    def serving(self, client: int, now_ns: int) -> int:
        """Number of the cell that serves a client now."""
        ...

    def next_handover_ns(self, client: int, now_ns: int, until_ns: int) -> int | None:
        """When the client next changes cells, if that is after now and not after ``until_ns``."""
        ...


@dataclass(frozen=True)
class OneCell:
    """One cell for everybody, for ever."""

    cells: Sequence[str] = ("cell",)
    interruption_ns: int = 0

    def serving(self, client: int, now_ns: int) -> int:
        return 0

    def next_handover_ns(self, client: int, now_ns: int, until_ns: int) -> int | None:
        return None


@dataclass(frozen=True, eq=False)
class Terrain:
    """Loss between every cell and every client on its way.

    The loss is taken every 10 ms, in which nobody gets far, and goes straight (in dB) in between.

    Attributes:
        loss: what reaches a place from the cells: path loss, line of sight, shadowing.
        mobility: where clients are when.
    """

    loss: SiteLoss
    mobility: Mobility

    def loss_db(self, client: int, times_s: FloatArray) -> FloatArray:
        """Loss f64[T, S] between a client and the cells at absolute times f64[T]."""
        steps = np.asarray(times_s, dtype=np.float64) / _STEP_S
        before = steps.astype(np.int64)
        first, last = int(before.min()) // _STEPS_A_CHUNK, int(before.max()) // _STEPS_A_CHUNK
        chunks = [self._chunk(client, chunk) for chunk in range(first, last + 1)]
        known = np.concatenate([*(chunk[:-1] for chunk in chunks), chunks[-1][-1:]])
        at, part = before - first * _STEPS_A_CHUNK, (steps - before)[:, None]
        return known[at] * (1.0 - part) + known[at + 1] * part

    @cached_property
    def _chunk(self) -> Callable[[int, int], FloatArray]:
        """(client, chunk) -> loss f64[steps + 1, S] at the steps of a chunk and the first one after it."""
        return lru_cache(maxsize=_CHUNKS_KEPT)(self._walk)

    def _walk(self, client: int, chunk: int) -> FloatArray:
        steps = np.arange(chunk * _STEPS_A_CHUNK, (chunk + 1) * _STEPS_A_CHUNK + 1)
        return self.loss.loss_db(self.mobility.positions_m(client, steps * _STEP_S))


class Roaming:
    """Several cells; clients are handed over as they move.

    Args:
        cells: names, in the order of the terrain's sites.
        terrain: what decides the received power.
        rules: of handover.
    """

    def __init__(self, cells: Sequence[str], terrain: Terrain, rules: Handover) -> None:
        self.cells = cells
        self.interruption_ns = ns(rules.interruption_s)
        self._terrain = terrain
        self._rules = rules
        self._attachments: dict[int, Attachment] = {}

    def serving(self, client: int, now_ns: int) -> int:
        return self._attachment(client).cell_at(_within_s(now_ns))

    def next_handover_ns(self, client: int, now_ns: int, until_ns: int) -> int | None:
        events = self._attachment(client).events(_within_s(until_ns))
        times_ns = (ns(event.time_s) for event in events)
        return next((time_ns for time_ns in times_ns if now_ns < time_ns <= until_ns), None)

    def _attachment(self, client: int) -> Attachment:
        if client not in self._attachments:
            self._attachments[client] = self._rules.follow(_Received(self._terrain, client))
        return self._attachments[client]


def _within_s(time_ns: int) -> float:
    """Not before any event that happens at this nanosecond, to the nearest one."""
    return seconds(time_ns) + _HALF_NS


@dataclass(frozen=True)
class _Received:
    """Received power of every cell at a client, in dB to a common reference: all cells send alike."""

    terrain: Terrain
    client: int

    def __call__(self, times_s: FloatArray) -> FloatArray:
        return -self.terrain.loss_db(self.client, times_s)


@dataclass(frozen=True)
class SnrOnTheWay:
    """Linear mean SNR of a client's link to a cell as a function of time: ``reference_db`` less the loss."""

    terrain: Terrain
    client: int
    site: int
    reference_db: float

    def __call__(self, times_s: FloatArray) -> FloatArray:
        loss_db = self.terrain.loss_db(self.client, times_s)[:, self.site]
        return db_to_linear(self.reference_db - loss_db)

    @property
    def at_start(self) -> float:
        """Linear mean SNR at time 0."""
        return float(self(np.zeros(1))[0])

"""Handover between cells by the measurement event A3: a neighbour becomes offset better than the serving cell."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from channel_models.model import Model, parameter

FloatArray = NDArray[np.float64]
ReceivedPower = Callable[[FloatArray], FloatArray]
"""Times f64[T] in seconds -> received power in dB (any common reference), f64[T, cells], a pure function of time."""

_SAMPLES_A_CHUNK = 256
_GRID_TOLERANCE = 1e-9


class HandoverEvent(NamedTuple):
    """At ``time_s`` the terminal leaves a cell for another; columns of the received power count the cells."""

    time_s: float
    source: int
    target: int


@dataclass(frozen=True, kw_only=True)
class Handover(Model):
    """Rules of handover: 3GPP TS 38.331, event A3, measured on a grid.

    Power is measured every interval. When one neighbour has been more than the hysteresis above the serving cell in
    every measurement for the time to trigger, the terminal moves to it (to the strongest, if several have); for the
    interruption no data flow and nothing is measured. The first cell is the strongest at time 0.
    """

    hysteresis_db: float = parameter("How much stronger the neighbour must be.", default=3.0, least=0)
    time_to_trigger_s: float = parameter("For how long, without a break.", default=0.16, least=0)
    interruption_s: float = parameter("Time without data at each handover.", default=0.05, least=0)
    interval_s: float = parameter("Time between measurements.", default=0.04, least=1e-3)

    def follow(self, received: ReceivedPower) -> Attachment:
        """Which cell serves a terminal whose received power is this function of time."""
        return Attachment(self, received)

    @property
    def samples_to_trigger(self) -> int:
        """Measurements in a row that must find the neighbour better: one more than intervals in the time to trigger."""
        return self._intervals(self.time_to_trigger_s) + 1

    @property
    def samples_blind(self) -> int:
        """Intervals from a handover to the next measurement that counts."""
        return max(1, self._intervals(self.interruption_s))

    def _intervals(self, time_s: float) -> int:
        return ceil(time_s / self.interval_s - _GRID_TOLERANCE)


class Attachment:
    """The serving cell of one terminal as a function of time.

    It is worked out forwards from time 0, in chunks of measurements and as far as anybody asked; what it found stays,
    so every order of questions gets the same answers.
    """

    def __init__(self, rules: Handover, received: ReceivedPower) -> None:
        self.rules = rules
        self._received = received
        self._first = int(np.argmax(self._powers(0, 1)[0]))
        self._events: list[HandoverEvent] = []
        self._measured = 0
        self._held = np.zeros(0, dtype=np.int64)
        self._blind_until = 0

    def events(self, until_s: float) -> tuple[HandoverEvent, ...]:
        """The handovers at times <= until_s, in order. Raises ValueError for a time that is negative or not finite."""
        self._extend(until_s)
        return tuple(self._events[: self._count(until_s)])

    def cell_at(self, time_s: float) -> int:
        """Column of the serving cell; from the instant of a handover on, the new one."""
        self._extend(time_s)
        return self._events[count - 1].target if (count := self._count(time_s)) else self._first

    def is_interrupted(self, time_s: float) -> bool:
        """Whether a handover keeps data from flowing: within [handover, handover + interruption)."""
        self._extend(time_s)
        count = self._count(time_s)
        return count > 0 and time_s < self._events[count - 1].time_s + self.rules.interruption_s

    def _count(self, time_s: float) -> int:
        return bisect_right(self._events, time_s, key=lambda event: event.time_s)

    def _extend(self, time_s: float) -> None:
        if not (isfinite(time_s) and time_s >= 0):
            raise ValueError(f"the time must be a finite number of at least 0 s, got {time_s!r}")
        while self._measured * self.rules.interval_s <= time_s:
            self._measure(self._powers(self._measured, _SAMPLES_A_CHUNK))

    def _powers(self, first: int, samples: int) -> FloatArray:
        times_s = self.rules.interval_s * np.arange(first, first + samples, dtype=np.float64)
        powers = np.asarray(self._received(times_s), dtype=np.float64)
        if powers.ndim != 2 or len(powers) != samples or powers.shape[1] == 0 or np.isnan(powers).any():
            raise ValueError(f"received power must be numbers of shape [times, cells], got shape {powers.shape}")
        return powers

    def _measure(self, powers: FloatArray) -> None:
        """Go through one chunk: from handover to handover, or to its end."""
        start, end = self._measured, self._measured + len(powers)
        while self._blind_until < end:
            row = max(self._blind_until, start) - start
            trigger = self._next_trigger(powers[row:])
            if trigger is None:
                break
            self._hand_over(start + row + trigger[0], trigger[1])
        self._measured = end

    def _next_trigger(self, powers: FloatArray) -> tuple[int, int] | None:
        """Row and cell of the next handover, or None; then the runs still going are kept for the next chunk."""
        serving = self._events[-1].target if self._events else self._first
        better = powers > powers[:, [serving]] + self.rules.hysteresis_db
        runs = _run_lengths(better, self._held if self._held.size else np.zeros(powers.shape[1], dtype=np.int64))
        ripe = runs >= self.rules.samples_to_trigger
        rows = np.flatnonzero(ripe.any(axis=1))
        if rows.size == 0:
            self._held = runs[-1]
            return None
        row = int(rows[0])
        return row, int(np.argmax(np.where(ripe[row], powers[row], -np.inf)))

    def _hand_over(self, sample: int, target: int) -> None:
        source = self._events[-1].target if self._events else self._first
        self._events.append(HandoverEvent(sample * self.rules.interval_s, source, target))
        self._held = np.zeros(0, dtype=np.int64)
        self._blind_until = sample + self.rules.samples_blind


def _run_lengths(true: NDArray[np.bool_], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """i64[T, cells]: how many rows in a row, up to each, are true; ``before`` counts those ahead of the first row."""
    rows = np.arange(len(true))[:, None]
    last_false = np.maximum.accumulate(np.where(true, -1 - before, rows), axis=0)
    return np.asarray(rows - last_false, dtype=np.int64)

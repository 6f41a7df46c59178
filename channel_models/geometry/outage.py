"""Outages: up and down by turns, a pure function of time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from channel_models.randomness import stream
from channel_models.validation import non_negative, positive

FloatArray = NDArray[np.float64]

_FIRST_PERIODS = 64
_CACHED_PROCESSES = 1024


@dataclass(frozen=True, kw_only=True)
class Outages:
    """Exponential up and down periods by turns, in the stationary state at time 0: a Markov process of two states.

    Attributes:
        mean_up_s, mean_down_s: means of the two kinds of period.
        seed, purpose: what the process is a pure function of; purposes differ from link to link.
    """

    mean_up_s: float
    mean_down_s: float
    seed: int
    purpose: str

    def __post_init__(self) -> None:
        positive("mean_up_s", self.mean_up_s)
        positive("mean_down_s", self.mean_down_s)

    @property
    def availability(self) -> float:
        """Share of the time up: mean_up/(mean_up + mean_down)."""
        return self.mean_up_s / (self.mean_up_s + self.mean_down_s)

    def is_up(self, time_s: float) -> bool:
        """Whether the link is up at a time."""
        starts, _ = self._periods_from(non_negative("time_s", time_s), 0.0)
        return bool(starts[0] <= time_s)

    def finish_s(self, start_s: float, airtime_s: float) -> float:
        """The earliest time by which the link has been up for ``airtime_s`` since ``start_s``: exact, no time step."""
        start, airtime = non_negative("start_s", start_s), non_negative("airtime_s", airtime_s)
        if airtime == 0.0:
            return start
        starts, ends = self._periods_from(start, airtime)
        begin = np.maximum(starts, start)
        done = np.concatenate(([0.0], np.cumsum(ends - begin)))
        period = int(np.searchsorted(done, airtime)) - 1
        return float(begin[period] + (airtime - done[period]))

    def _periods_from(self, start_s: float, airtime_s: float) -> tuple[FloatArray, FloatArray]:
        """Starts and ends of the periods up that end after start, enough of them for an airtime."""
        periods = _FIRST_PERIODS
        while True:
            starts, ends = _up_periods(self, periods)
            late = ends > start_s
            if np.sum(ends[late] - np.maximum(starts[late], start_s)) > airtime_s:
                return starts[late], ends[late]
            periods *= 2


@lru_cache(maxsize=_CACHED_PROCESSES)
def _up_periods(outages: Outages, periods: int) -> tuple[FloatArray, FloatArray]:
    """Starts and ends of the first periods up; asking for more leaves the earlier ones as they are."""
    random = stream(outages.seed, outages.purpose)
    down_first = random.random() >= outages.availability
    offset_s = outages.mean_down_s * random.standard_exponential() * down_first
    up_down_s = random.standard_exponential((periods, 2)) * (outages.mean_up_s, outages.mean_down_s)
    starts = np.concatenate(([0.0], np.cumsum(up_down_s.sum(axis=1))[:-1])) + offset_s
    return starts, starts + up_down_s[:, 0]

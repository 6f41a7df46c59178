"""A jammer: a transmitter that is on for a part of every period, to the harm of a receiver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, inf

import numpy as np
from numpy.typing import NDArray

from channel_models.interference.power import check_stretch
from channel_models.model import Model, parameter
from channel_models.randomness import stream
from channel_models.units import db_to_linear

FloatArray = NDArray[np.float64]

MAX_PERIODS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Jammer(Model):
    """On during the first ``duty`` of each period, between start_s and stop_s; silent otherwise.

    Period k begins at start_s - phase_s + k period_s, computed anew for every k and never accumulated. The phase is
    drawn from (seed, index) if it is left out, uniform over the period. While on, the receiver gets the power
    power_w 10^(-loss_db/10) watts. seed, index: context, which jammer of which run this is.
    Raises ValueError for a stop before the start or a phase beyond the period.
    """

    power_w: float = parameter("Radiated power while on.", above=0)
    loss_db: float = parameter("Loss on the path to the receiver, antenna gains included.", default=0.0, least=0)
    period_s: float = parameter("Length of a period.", default=1.0, least=1e-3)
    duty: float = parameter("Share of a period that the jammer is on.", default=1.0, least=0, most=1)
    start_s: float = parameter("When it begins.", default=0.0, least=0)
    stop_s: float = parameter("When it ends; infinite: never.", default=inf, above=0, infinite=True)
    phase_s: float | None = parameter("How far into a period it starts; left out: drawn.", default=None, least=0)
    seed: int = 0
    index: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stop_s <= self.start_s:
            raise ValueError(f"Jammer: stop_s must be above start_s = {self.start_s:g} s, got {self.stop_s!r}")
        if self.phase_s is not None and self.phase_s >= self.period_s:
            raise ValueError(f"Jammer: phase_s must be below period_s = {self.period_s:g} s, got {self.phase_s!r}")

    @property
    def received_w(self) -> float:
        """Power at the receiver while on [W]."""
        return self.power_w * db_to_linear(-self.loss_db)

    @cached_property
    def origin_s(self) -> float:
        """Beginning of period 0 [s], at most one period before start_s."""
        if self.phase_s is not None:
            return self.start_s - self.phase_s
        return self.start_s - self.period_s * float(stream(self.seed, "jammer", self.index).random())

    def on(self, time_s: float) -> bool:
        """Whether it is on at a time; a window takes in its beginning and not its end."""
        begins, ends = self._windows(time_s, time_s)
        return bool(np.any((begins <= time_s) & (time_s < ends)))

    def toggles(self, start_s: float, stop_s: float) -> FloatArray:
        """Times strictly between start and stop at which it goes on or off, rising."""
        check_stretch(start_s, stop_s)
        times = np.unique(np.concatenate(self._windows(start_s, stop_s)))
        return times[(times > start_s) & (times < stop_s)]

    def steps(self, start_s: float, stop_s: float) -> tuple[FloatArray, FloatArray]:
        """Edges f64[n + 1] from start to stop and the received power f64[n] in watts between them, exact."""
        edges = np.concatenate(([start_s], self.toggles(start_s, stop_s), [stop_s]))
        begins, ends = self._windows(start_s, stop_s)
        # As many windows have begun as have ended: silence.
        begun, ended = (np.searchsorted(times, edges[:-1], side="right") for times in (begins, ends))
        return edges, np.where(begun > ended, self.received_w, 0.0)

    def _windows(self, first_s: float, last_s: float) -> tuple[FloatArray, FloatArray]:
        """Beginnings and ends of all windows that touch [first, last], and a neighbour on each side."""
        if self.duty == 1.0:
            return np.array([self.start_s]), np.array([self.stop_s])
        lowest, highest = ((time_s - self.origin_s) / self.period_s for time_s in (first_s, last_s))
        if highest - lowest > MAX_PERIODS:
            raise ValueError(f"{first_s:g} .. {last_s:g} s holds more than {MAX_PERIODS} periods: ask for less at once")
        starts = np.arange(floor(lowest) - 1, ceil(highest) + 2) * self.period_s
        begins = np.clip(self.origin_s + starts, self.start_s, self.stop_s)
        ends = np.clip(self.origin_s + (starts + self.duty * self.period_s), self.start_s, self.stop_s)
        return begins[ends > begins], ends[ends > begins]

"""Straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, radians, sin

import numpy as np
from numpy.typing import ArrayLike

from channel_models.mobility import MOBILITY, FloatArray, Mobility, checked_times_s
from channel_models.model import parameter
from channel_models.randomness import draws


@MOBILITY.register("linear")
@dataclass(frozen=True, kw_only=True)
class Linear(Mobility):
    """x(t) = x(0) + v t with one heading for all clients, or a uniform one for each where none is given."""

    speed_mps: float = parameter("Speed in metres a second.", default=1.0, least=0, most=1e4)
    heading_deg: float | None = parameter("Direction, anticlockwise from east; random if not given.", default=None)

    def positions_m(self, client: int, times_s: ArrayLike) -> FloatArray:
        start, heading = self.placement.position_m(client), self._heading(client)
        path = self.speed_mps * checked_times_s(times_s)
        return np.asarray(start + path[:, None] * np.array((cos(heading), sin(heading))))

    def _heading(self, client: int) -> float:
        if self.heading_deg is not None:
            return radians(self.heading_deg)
        return 2.0 * pi * float(draws(self.seed, "mobility/heading").at(client).random())

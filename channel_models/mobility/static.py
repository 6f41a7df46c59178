"""Clients that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from channel_models.mobility import MOBILITY, FloatArray, Mobility, checked_times_s


@MOBILITY.register("static")
@dataclass(frozen=True, kw_only=True)
class Static(Mobility):
    """Every client stays where it was placed."""

    moves: ClassVar[bool] = False

    def positions_m(self, client: int, times_s: ArrayLike) -> FloatArray:
        return np.tile(self.placement.position_m(client), (checked_times_s(times_s).size, 1))

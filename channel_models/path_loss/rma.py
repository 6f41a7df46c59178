"""Rural macro cell."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, pi

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import parameter
from channel_models.path_loss import PATH_LOSS, FloatArray, distances_within
from channel_models.path_loss._tr_38_901 import LOWEST_HZ, SPEED_OF_LIGHT_M_PER_S, Tr38901

_SIGMA_BEYOND_BREAKPOINT_DB = 6.0


@PATH_LOSS.register("rma")
@dataclass(frozen=True, kw_only=True)
class RuralMacro(Tr38901):
    """RMa of 3GPP TR 38.901, Tables 7.4.1-1 and 7.4.2-1 (f in GHz, distances in metres, h buildings, W streets).

    LOS, up to d_BP = 2 pi h_BS h_UT f_c/c: 20 log10(40 pi d_3D f/3) + min(0.03 h^1.72, 10) log10 d_3D - min(0.044
    h^1.72, 14.77) + 0.002 log10(h) d_3D; beyond, its value at d_BP + 40 log10(d_3D/d_BP), to 10 km. NLOS, to 5 km: at
    least 161.04 - 7.1 log10 W + 7.5 log10 h - (24.37 - 3.7 (h/h_BS)^2) log10 h_BS + (43.42 - 3.1 log10 h_BS)(log10 d_3D
    - 3) + 20 log10 f - (3.2 log10(11.75 h_UT)^2 - 4.97).
    """

    los_range_m = (10.0, 10_000.0)
    nlos_range_m = (10.0, 5000.0)
    sigma_db = (4.0, 8.0)
    decorrelation_m = (37.0, 120.0)
    los_decorrelation_m = 60.0

    carrier_hz: float = parameter("Carrier frequency.", default=3.5e9, least=LOWEST_HZ, most=30e9)
    h_bs_m: float = parameter("Height of the base station's antenna.", default=35.0, least=10, most=150)
    h_ut_m: float = parameter("Height of the terminal's antenna.", default=1.5, least=1, most=10)
    building_height_m: float = parameter("Average height of buildings.", default=5.0, least=5, most=50)
    street_width_m: float = parameter("Average width of streets.", default=20.0, least=5, most=50)

    @property
    def breakpoint_m(self) -> float:
        """d_BP in metres."""
        return 2.0 * pi * self.h_bs_m * self.h_ut_m * self.carrier_hz / SPEED_OF_LIGHT_M_PER_S

    def los_db(self, d2d_m: FloatArray, d3d_m: FloatArray) -> FloatArray:
        beyond = self._near_db(np.asarray(self.breakpoint_m)) + 40.0 * np.log10(d3d_m / self.breakpoint_m)
        return np.where(d2d_m <= self.breakpoint_m, self._near_db(d3d_m), beyond)

    def nlos_db(self, d3d_m: FloatArray) -> FloatArray:
        h, base = self.building_height_m, log10(self.h_bs_m)
        town = 161.04 - 7.1 * log10(self.street_width_m) + 7.5 * log10(h)
        mast = (24.37 - 3.7 * (h / self.h_bs_m) ** 2) * base
        hand = 3.2 * log10(11.75 * self.h_ut_m) ** 2 - 4.97
        slope = (43.42 - 3.1 * base) * (np.log10(d3d_m) - 3.0)
        return np.asarray(town - mast + slope + 20.0 * log10(self.carrier_ghz) - hand)

    def los_probability(self, distance_2d_m: ArrayLike) -> FloatArray:
        """e^(-(d - 10)/1000) beyond 10 m, 1 up to there."""
        distance = distances_within(self, distance_2d_m, 0.0, np.inf)
        return np.asarray(np.exp(-np.maximum(distance - 10.0, 0.0) / 1000.0))

    def shadowing_sigma_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike) -> FloatArray:
        """4 dB up to the breakpoint and 6 dB beyond with line of sight, 8 dB without."""
        far = np.asarray(line_of_sight, bool) & (np.asarray(distance_2d_m) > self.breakpoint_m)
        return np.where(far, _SIGMA_BEYOND_BREAKPOINT_DB, super().shadowing_sigma_db(distance_2d_m, line_of_sight))

    def _near_db(self, d3d_m: FloatArray) -> FloatArray:
        h = self.building_height_m
        spread = 20.0 * np.log10(40.0 * pi * d3d_m * self.carrier_ghz / 3.0)
        clutter = min(0.03 * h**1.72, 10.0) * np.log10(d3d_m) - min(0.044 * h**1.72, 14.77)
        return np.asarray(spread + clutter + 0.002 * log10(h) * d3d_m)

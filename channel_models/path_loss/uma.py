"""Urban macro cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import parameter
from channel_models.path_loss import PATH_LOSS, FloatArray, distances_within
from channel_models.path_loss._tr_38_901 import Tr38901, sight_above_streets, street_breakpoint_m


@PATH_LOSS.register("uma")
@dataclass(frozen=True, kw_only=True)
class UrbanMacro(Tr38901):
    """UMa of 3GPP TR 38.901, Tables 7.4.1-1 and 7.4.2-1 (f in GHz, distances in metres).

    LOS: 28 + 22 log10 d_3D + 20 log10 f up to d'_BP, then 28 + 40 log10 d_3D + 20 log10 f - 9 log10(d'_BP^2 + (h_BS -
    h_UT)^2). NLOS: at least 13.54 + 39.08 log10 d_3D + 20 log10 f - 0.6 (h_UT - 1.5). 10 m to 5 km.

    The standard draws h_E for terminals of 13 m and more; here it is a parameter, 1 m, right for all lower ones.
    """

    los_range_m = nlos_range_m = (10.0, 5000.0)
    sigma_db = (4.0, 6.0)
    decorrelation_m = (37.0, 50.0)
    los_decorrelation_m = 50.0

    h_bs_m: float = parameter(
        "Height of the base station's antenna; the standard has 25 m.", default=25.0, least=25, most=25
    )
    h_ut_m: float = parameter("Height of the terminal's antenna.", default=1.5, least=1.5, most=22.5)
    h_e_m: float = parameter("Height of the effective environment.", default=1.0, least=1.0, most=21.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.h_e_m >= self.h_ut_m:
            raise ValueError(f"UrbanMacro: h_e_m must be below h_ut_m ({self.h_ut_m:g} m), got {self.h_e_m!r}")

    @property
    def breakpoint_m(self) -> float:
        """d'_BP in metres."""
        return street_breakpoint_m(self.h_bs_m, self.h_ut_m, self.h_e_m, self.carrier_hz)

    def los_db(self, d2d_m: FloatArray, d3d_m: FloatArray) -> FloatArray:
        near = 28.0 + 22.0 * np.log10(d3d_m)
        corner = self.breakpoint_m**2 + (self.h_bs_m - self.h_ut_m) ** 2
        far = 28.0 + 40.0 * np.log10(d3d_m) - 9.0 * np.log10(corner)
        return np.where(d2d_m <= self.breakpoint_m, near, far) + 20.0 * np.log10(self.carrier_ghz)

    def nlos_db(self, d3d_m: FloatArray) -> FloatArray:
        return np.asarray(
            13.54 + 39.08 * np.log10(d3d_m) + 20.0 * np.log10(self.carrier_ghz) - 0.6 * (self.h_ut_m - 1.5)
        )

    def los_probability(self, distance_2d_m: ArrayLike) -> FloatArray:
        """(18/d + e^(-d/63)(1 - 18/d)) (1 + C 5/4 (d/100)^3 e^(-d/150)) beyond 18 m.

        C = ((h_UT - 13)/10)^1.5 for terminals above 13 m, else 0. For those the table's formula passes 1 by up to 0.6 %
        just beyond 18 m; it is cut at 1.
        """
        distance = distances_within(self, distance_2d_m, 0.0, np.inf)
        height = (max(self.h_ut_m - 13.0, 0.0) / 10.0) ** 1.5
        lift = 1.0 + height * 1.25 * (distance / 100.0) ** 3 * np.exp(-distance / 150.0)
        return np.where(distance <= 18.0, 1.0, np.minimum(sight_above_streets(distance, 63.0) * lift, 1.0))

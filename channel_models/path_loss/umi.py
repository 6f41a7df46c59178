"""Urban micro cell in a street canyon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import parameter
from channel_models.path_loss import PATH_LOSS, FloatArray, distances_within
from channel_models.path_loss._tr_38_901 import Tr38901, sight_above_streets, street_breakpoint_m

_EFFECTIVE_ENVIRONMENT_M = 1.0


@PATH_LOSS.register("umi")
@dataclass(frozen=True, kw_only=True)
class UrbanMicro(Tr38901):
    """UMi street canyon of 3GPP TR 38.901, Tables 7.4.1-1 and 7.4.2-1 (f in GHz, distances in metres).

    LOS: 32.4 + 21 log10 d_3D + 20 log10 f up to d'_BP, then 32.4 + 40 log10 d_3D + 20 log10 f - 9.5 log10(d'_BP^2 +
    (h_BS - h_UT)^2). NLOS: at least 22.4 + 35.3 log10 d_3D + 21.3 log10 f - 0.3 (h_UT - 1.5). 10 m to 5 km.
    """

    los_range_m = nlos_range_m = (10.0, 5000.0)
    sigma_db = (4.0, 7.82)
    decorrelation_m = (10.0, 13.0)
    los_decorrelation_m = 50.0

    h_bs_m: float = parameter(
        "Height of the base station's antenna; the standard has 10 m.", default=10.0, least=10, most=10
    )
    h_ut_m: float = parameter("Height of the terminal's antenna.", default=1.5, least=1.5, most=22.5)

    @property
    def breakpoint_m(self) -> float:
        """d'_BP in metres."""
        return street_breakpoint_m(self.h_bs_m, self.h_ut_m, _EFFECTIVE_ENVIRONMENT_M, self.carrier_hz)

    def los_db(self, d2d_m: FloatArray, d3d_m: FloatArray) -> FloatArray:
        near = 32.4 + 21.0 * np.log10(d3d_m)
        corner = self.breakpoint_m**2 + (self.h_bs_m - self.h_ut_m) ** 2
        far = 32.4 + 40.0 * np.log10(d3d_m) - 9.5 * np.log10(corner)
        return np.where(d2d_m <= self.breakpoint_m, near, far) + 20.0 * np.log10(self.carrier_ghz)

    def nlos_db(self, d3d_m: FloatArray) -> FloatArray:
        return np.asarray(22.4 + 35.3 * np.log10(d3d_m) + 21.3 * np.log10(self.carrier_ghz) - 0.3 * (self.h_ut_m - 1.5))

    def los_probability(self, distance_2d_m: ArrayLike) -> FloatArray:
        """18/d + e^(-d/36)(1 - 18/d) beyond 18 m, 1 up to there."""
        distance = distances_within(self, distance_2d_m, 0.0, np.inf)
        return np.where(distance <= 18.0, 1.0, sight_above_streets(distance, 36.0))

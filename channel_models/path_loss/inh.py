"""Indoor office."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import parameter
from channel_models.path_loss import PATH_LOSS, FloatArray, distances_within
from channel_models.path_loss._tr_38_901 import Tr38901

_OFFICES = {"mixed": ((1.2, 4.7), (6.5, 32.6, 0.32)), "open": ((5.0, 70.8), (49.0, 211.7, 0.54))}


@PATH_LOSS.register("inh")
@dataclass(frozen=True, kw_only=True)
class IndoorOffice(Tr38901):
    """InH of 3GPP TR 38.901, Tables 7.4.1-1 and 7.4.2-1 (f in GHz, distances in metres), d_3D from 1 m to 150 m.

    LOS: 32.4 + 17.3 log10 d_3D + 20 log10 f. NLOS: at least 17.3 + 38.3 log10 d_3D + 24.9 log10 f.
    """

    los_range_m = nlos_range_m = (0.0, 150.0)
    range_3d_m = (1.0, 150.0)
    sigma_db = (3.0, 8.03)
    decorrelation_m = (10.0, 6.0)
    los_decorrelation_m = 10.0

    h_bs_m: float = parameter("Height of the access point's antenna.", default=3.0, above=0)
    h_ut_m: float = parameter("Height of the terminal's antenna.", default=1.0, above=0)
    office: str = parameter(
        "Kind of office, for the probability of line of sight.", default="mixed", choices=tuple(_OFFICES)
    )

    def los_db(self, d2d_m: FloatArray, d3d_m: FloatArray) -> FloatArray:
        return np.asarray(32.4 + 17.3 * np.log10(d3d_m) + 20.0 * np.log10(self.carrier_ghz))

    def nlos_db(self, d3d_m: FloatArray) -> FloatArray:
        return np.asarray(17.3 + 38.3 * np.log10(d3d_m) + 24.9 * np.log10(self.carrier_ghz))

    def los_probability(self, distance_2d_m: ArrayLike) -> FloatArray:
        """1 up to a, e^(-(d-a)/b) to c, then w e^(-(d-c)/e): mixed (a, b, c, e, w) = (1.2, 4.7, 6.5, 32.6, 0.32), open
        (5, 70.8, 49, 211.7, 0.54)."""
        distance = distances_within(self, distance_2d_m, 0.0, np.inf)
        (clear, first), (corner, second, weight) = _OFFICES[self.office]
        near = np.exp(-np.maximum(distance - clear, 0.0) / first)
        inside = distance <= corner if self.office == "open" else distance < corner
        return np.where(inside, near, weight * np.exp(-(distance - corner) / second))

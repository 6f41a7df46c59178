"""Free space."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, pi

import numpy as np
from numpy.typing import ArrayLike

from channel_models.doppler import SPEED_OF_LIGHT_M_PER_S
from channel_models.model import parameter
from channel_models.path_loss import PATH_LOSS, FloatArray, PathLoss, distances_within


@PATH_LOSS.register("free_space")
@dataclass(frozen=True, kw_only=True)
class FreeSpace(PathLoss):
    """20 log10(4 pi d f_c/c) dB, d the distance between the antennas (Friis 1946). From one wavelength on."""

    carrier_hz: float = parameter("Carrier frequency.", default=3.5e9, above=0)
    h_bs_m: float = parameter("Height of the base station's antenna.", default=1.5, above=0)
    h_ut_m: float = parameter("Height of the terminal's antenna.", default=1.5, above=0)

    @property
    def wavelength_m(self) -> float:
        """c/f_c in metres."""
        return SPEED_OF_LIGHT_M_PER_S / self.carrier_hz

    def loss_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike | None = None) -> FloatArray:
        distance = np.hypot(np.asarray(distance_2d_m, dtype=np.float64), self.h_bs_m - self.h_ut_m)
        distance = distances_within(self, distance, self.wavelength_m, inf, "3D")
        return np.asarray(20.0 * np.log10(4.0 * pi * distance / self.wavelength_m))

"""Two rays over flat ground."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import parameter
from channel_models.path_loss import PATH_LOSS, FloatArray
from channel_models.path_loss.free_space import FreeSpace


@PATH_LOSS.register("two_ray")
@dataclass(frozen=True, kw_only=True)
class TwoRay(FreeSpace):
    """Free space up to 4 pi h_BS h_UT/lambda, then 20 log10(d^2/(h_BS h_UT)) dB (Rappaport, Wireless Communications).

    The two meet at the crossover distance. d is the horizontal distance in the second, where it hardly matters.
    """

    h_bs_m: float = parameter("Height of the base station's antenna.", default=25.0, above=0)

    @property
    def crossover_m(self) -> float:
        """Distance in metres from which the loss grows by 40 dB a decade."""
        return 4.0 * pi * self.h_bs_m * self.h_ut_m / self.wavelength_m

    def loss_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike | None = None) -> FloatArray:
        distance = np.asarray(distance_2d_m, dtype=np.float64)
        near = super().loss_db(distance)
        far = 20.0 * np.log10(np.maximum(distance, self.crossover_m) ** 2 / (self.h_bs_m * self.h_ut_m))
        return np.where(distance <= self.crossover_m, near, far)

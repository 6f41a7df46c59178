"""Log-distance."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import parameter
from channel_models.path_loss import PATH_LOSS, FloatArray, PathLoss, distances_within
from channel_models.path_loss.free_space import FreeSpace


@PATH_LOSS.register("log_distance")
@dataclass(frozen=True, kw_only=True)
class LogDistance(PathLoss):
    """PL(d0) + 10 n log10(d/d0) dB from d0 on (Rappaport, Wireless Communications, ch. 4).

    PL(d0) is ``reference_loss_db``, or the loss of free space at the carrier where that is not given.
    """

    exponent: float = parameter(
        "Path loss exponent n: 2 in free space, 3 to 5 in built-up areas.", default=3.5, above=0
    )
    reference_m: float = parameter("Reference distance d0.", default=1.0, above=0)
    reference_loss_db: float | None = parameter("Loss at d0; free space if not given.", default=None, least=0)
    carrier_hz: float = parameter(
        "Carrier frequency; used where reference_loss_db is not given.", default=3.5e9, above=0
    )

    def loss_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike | None = None) -> FloatArray:
        distance = distances_within(self, distance_2d_m, self.reference_m, inf)
        return np.asarray(self.loss_at_reference_db + 10.0 * self.exponent * np.log10(distance / self.reference_m))

    @property
    def loss_at_reference_db(self) -> float:
        """PL(d0) in dB."""
        if self.reference_loss_db is not None:
            return self.reference_loss_db
        return float(FreeSpace(carrier_hz=self.carrier_hz).loss_db(self.reference_m))

"""The LTE macro cell."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log10

import numpy as np
from numpy.typing import ArrayLike

from channel_models.model import parameter
from channel_models.path_loss import PATH_LOSS, FloatArray, PathLoss, distances_within

_REFERENCE_HZ = 2e9
_LEAST_M = 35.0


@PATH_LOSS.register("lte_macro")
@dataclass(frozen=True, kw_only=True)
class LteMacro(PathLoss):
    """128.1 + 37.6 log10(d/km) dB at 2 GHz, plus 21 log10(f_c/2 GHz) elsewhere (3GPP TR 36.814, TR 36.942 4.5.2).

    The base station's antenna is 15 m above the rooftops. From 35 m on, the least distance of those evaluations.
    """

    carrier_hz: float = parameter("Carrier frequency.", default=_REFERENCE_HZ, above=0)

    def loss_db(self, distance_2d_m: ArrayLike, line_of_sight: ArrayLike | None = None) -> FloatArray:
        distance = distances_within(self, distance_2d_m, _LEAST_M, inf)
        return np.asarray(128.1 + 37.6 * np.log10(distance / 1000.0) + 21.0 * log10(self.carrier_hz / _REFERENCE_HZ))

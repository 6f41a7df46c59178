"""No loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LOSS_MAPS, FloatArray, LossMap, Reception


@LOSS_MAPS.register("none")
@dataclass(frozen=True, kw_only=True)
class NoLoss(LossMap):
    """Every packet arrives."""

    needs_snr: ClassVar[bool] = False
    certain: ClassVar[bool] = True

    @property
    def lossless(self) -> bool:
        return True

    def packet_error_rate(self, reception: Reception) -> FloatArray:
        return np.zeros_like(reception.snr)

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        return 0.0

"""Loss that knows nothing of the channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LOSS_MAPS, FloatArray, LossMap, Reception
from channel_models.model import parameter


@LOSS_MAPS.register("constant")
@dataclass(frozen=True, kw_only=True)
class ConstantLoss(LossMap):
    """Every transmission of a packet is lost with the same probability, whatever the SNR."""

    error_rate: float = parameter("Probability that a packet is lost.", default=0.02, least=0, most=1)
    needs_snr: ClassVar[bool] = False

    @property
    def lossless(self) -> bool:
        return self.error_rate == 0.0

    def packet_error_rate(self, reception: Reception) -> FloatArray:
        return np.full_like(reception.snr, self.error_rate)

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        return self.error_rate

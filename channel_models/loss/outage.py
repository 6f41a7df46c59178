"""Outage: packets that end in a deep fade are lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LOSS_MAPS, FloatArray, LossMap, Reception
from channel_models.model import parameter
from channel_models.units import db_to_linear


@LOSS_MAPS.register("outage")
@dataclass(frozen=True, kw_only=True)
class OutageLoss(LossMap):
    """Outage step: a packet is lost if and only if the SNR of its block is below the threshold.

    Mean over Rayleigh blocks: 1 - exp(-threshold/mean_snr).
    """

    certain: ClassVar[bool] = True

    threshold_db: float = parameter(
        "A packet that ends in a block below this SNR is lost.", default=-5.0, least=-400, most=400
    )

    @property
    def threshold_snr(self) -> float:
        """The threshold as a linear SNR."""
        return db_to_linear(self.threshold_db)

    def packet_error_rate(self, reception: Reception) -> FloatArray:
        return (reception.snr < self.threshold_snr).astype(np.float64)

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        return fading.outage(self.threshold_snr, mean_snr)

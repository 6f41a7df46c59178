"""The packet error rate that papers on federated learning over wireless links use, in both of its readings.

    q = 1 - exp(-m/snr),     m: the waterfall threshold.

With the mean SNR in it, the formula is the packet error rate averaged over Rayleigh fading, as Xi, Burr, Wei and Grace
derive it (IEEE Trans. Wireless Commun. 10(5), 2011). Chen, Yang, Saad, Yin, Poor and Cui (IEEE Trans. Wireless Commun.
20(1), 2021) write it with the gain of the moment and average over that gain once more. The two differ: 0.272 and 0.450
at a mean SNR of 5 dB. Choose one, and average never twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LOSS_MAPS, FloatArray, LossMap, Reception
from channel_models.model import parameter
from channel_models.units import db_to_linear

RAYLEIGH_LAWS = ("rayleigh", "clarke")
"""Fading models whose power gain is exponential at any one time."""


@LOSS_MAPS.register("chen")
@dataclass(frozen=True, kw_only=True)
class ChenLoss(LossMap):
    """q = 1 - exp(-m/snr), of the mean SNR ("averaged") or of the SNR of the packet's block ("instantaneous").

    The threshold is in dB: 0.023 dB is m = 1.0053, and taking it for linear makes q 38 times too small at 5 dB.
    """

    threshold_db: float = parameter("Waterfall threshold m.", default=0.023, least=-400, most=400)
    reading: str = parameter(
        "SNR in the formula: the link's mean, or the block's.",
        default="averaged",
        choices=("averaged", "instantaneous"),
    )

    @property
    def threshold_snr(self) -> float:
        """m, linear."""
        return db_to_linear(self.threshold_db)

    @property
    def by_block(self) -> bool:
        return self.reading == "instantaneous"

    def error_rate(self, snr: FloatArray | float) -> FloatArray:
        """1 - exp(-m/snr) at linear SNRs; 1 at SNR 0."""
        with np.errstate(divide="ignore", over="ignore"):
            return -np.expm1(-np.divide(self.threshold_snr, snr))

    def packet_error_rate(self, reception: Reception) -> FloatArray:
        if self.by_block:
            return self.error_rate(reception.snr)
        return self.error_rate(np.broadcast_to(np.asarray(reception.mean_snr, dtype=np.float64), reception.snr.shape))

    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        """The formula itself if it is an average already; else its mean over the law of the gain.

        Raises ValueError for the average under another law than Rayleigh's, which it is not.
        """
        if self.by_block:
            return fading.expectation(lambda gain: self.error_rate(mean_snr * gain))
        if fading.name not in RAYLEIGH_LAWS:
            raise ValueError(
                f"loss chen with reading 'averaged' is an average over Rayleigh fading, not over {fading.name!r}: "
                "take reading 'instantaneous'"
            )
        return float(self.error_rate(mean_snr))

    def rayleigh_mean(self, mean_snr: float) -> float:
        """E[1 - exp(-m/snr)] for an exponential SNR of linear mean g: 1 - 2 sqrt(a) K1(2 sqrt(a)), a = m/g."""
        from scipy.special import k1

        root = 2.0 * sqrt(self.threshold_snr / mean_snr)
        return float(1.0 - root * k1(root))

"""Shannon's capacity as a rate."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log2

import numpy as np
from numpy.typing import ArrayLike

from channel_models.fading.fading import Fading
from channel_models.rates.rate_map import RATE_MAPS, FloatArray, RateMap, linear_snr


@RATE_MAPS.register("shannon")
@dataclass(frozen=True, kw_only=True)
class Shannon(RateMap):
    """AWGN capacity log2(1 + snr) b/s/Hz (Shannon 1948); the sender knows each block's SNR and adapts."""

    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        return np.log1p(linear_snr(snr)) / log(2.0)

    def ergodic(self, mean_snr: float, fading: Fading) -> float:
        """Never log2(1 + mean SNR), which is 20 % too high for Rayleigh fading at 5 dB."""
        return fading.mean_rate(mean_snr)

    def outage_efficiency(self, mean_snr: float, fading: Fading, outage: float) -> float:
        """eps-outage rate: the largest fixed b/s/Hz that a block fails to carry with probability ``outage``.

        Rayleigh: log2(1 - mean_snr ln(1 - eps)) (Tse and Viswanath, ch. 5).
        """
        return log2(1.0 + mean_snr * fading.quantile(outage))

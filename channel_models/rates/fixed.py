"""One rate whatever the channel."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import ArrayLike

from channel_models.fading.fading import Fading
from channel_models.model import parameter
from channel_models.rates.rate_map import RATE_MAPS, FloatArray, RateMap, linear_snr


@RATE_MAPS.register("fixed")
@dataclass(frozen=True, kw_only=True)
class FixedRate(RateMap):
    """A sender that does not know the channel and always sends at one rate R.

    The map itself loses nothing: blocks below 2^R - 1 cannot carry the rate, and it takes a loss map to say so.
    """

    efficiency_b_per_s_hz: float = parameter("Rate R for each hertz.", default=1.0, above=0)

    @property
    def efficiencies(self) -> tuple[float, ...]:
        return (self.efficiency_b_per_s_hz,)

    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        return np.full_like(linear_snr(snr), self.efficiency_b_per_s_hz)

    def ergodic(self, mean_snr: float, fading: Fading) -> float:
        return self.efficiency_b_per_s_hz

    @property
    def threshold_snr(self) -> float:
        """2^R - 1, the least linear SNR that carries the rate."""
        return 2.0**self.efficiency_b_per_s_hz - 1.0

    def goodput(self, mean_snr: float, fading: Fading) -> float:
        """R P(snr >= 2^R - 1) in b/s/Hz; Rayleigh: R exp(-(2^R - 1)/mean_snr)."""
        return self.efficiency_b_per_s_hz * (1.0 - fading.outage(self.threshold_snr, mean_snr))

    @classmethod
    def best_for_rayleigh(cls, mean_snr: float) -> FixedRate:
        """The rate of greatest goodput under Rayleigh fading: R* = W0(mean_snr) / ln 2."""
        from scipy.special import lambertw

        return cls(efficiency_b_per_s_hz=float(lambertw(mean_snr).real) / log(2.0))

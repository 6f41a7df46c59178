"""Shannon's rate as real modems reach it: attenuated, and cut off at both ends."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, log1p

import numpy as np
from numpy.typing import ArrayLike

from channel_models.fading.fading import Fading
from channel_models.model import parameter
from channel_models.rates.partial_mean import mean_between
from channel_models.rates.rate_map import RATE_MAPS, FloatArray, RateMap, linear_snr
from channel_models.special import scaled_exponential_integral
from channel_models.units import db_to_linear


@RATE_MAPS.register("truncated_shannon")
@dataclass(frozen=True, kw_only=True)
class TruncatedShannon(RateMap):
    """0 below the least SNR a, alpha log2(1 + snr) up to the SNR b, alpha log2(1 + b) beyond, in b/s/Hz.

    The shape of 3GPP TR 36.942, annex A, fitted there to the throughput of modems that adapt: the attenuation stands
    for all that they lose. Its uplink has alpha 0.4 from -10 to 15 dB (the defaults), its downlink 0.6 from -10 to
    22 dB.
    """

    attenuation: float = parameter("Share alpha of Shannon's rate that is reached.", default=0.4, above=0, most=1)
    min_snr_db: float = parameter("Nothing is sent below this SNR.", default=-10.0, least=-400, most=400)
    max_snr_db: float = parameter("The rate grows no more above this SNR.", default=15.0, least=-400, most=400)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_snr_db >= self.max_snr_db:
            raise ValueError(
                f"TruncatedShannon: min_snr_db must be below max_snr_db = {self.max_snr_db!r}, got {self.min_snr_db!r}"
            )

    @property
    def min_snr(self) -> float:
        """a, linear."""
        return db_to_linear(self.min_snr_db)

    @property
    def max_snr(self) -> float:
        """b, linear."""
        return db_to_linear(self.max_snr_db)

    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        values = linear_snr(snr)
        return np.where(values >= self.min_snr, self._attenuated(np.minimum(values, self.max_snr)), 0.0)

    def ergodic(self, mean_snr: float, fading: Fading) -> float:
        """E[se], split where the map has a jump and a kink."""
        inside = mean_between(self._attenuated, self.min_snr, self.max_snr, mean_snr, fading)
        top = float(self._attenuated(np.array(self.max_snr)))
        return inside + mean_between(lambda snr: np.full_like(snr, top), self.max_snr, inf, mean_snr, fading)

    def rayleigh_ergodic(self, mean_snr: float) -> float:
        """E[se] for Rayleigh fading of linear mean SNR g, in closed form:

        (alpha/ln 2) [ln(1+a) e^(-a/g) + e^(1/g) (E1((1+a)/g) - E1((1+b)/g))].
        """
        a, b, g = self.min_snr, self.max_snr, mean_snr
        lower = exp(-a / g) * (log1p(a) + scaled_exponential_integral((1.0 + a) / g))
        upper = exp(-b / g) * scaled_exponential_integral((1.0 + b) / g)
        return self.attenuation / log(2.0) * (lower - upper)

    def _attenuated(self, snr: FloatArray) -> FloatArray:
        return self.attenuation / log(2.0) * np.log1p(snr)

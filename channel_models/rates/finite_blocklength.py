"""The rate of short codewords: the normal approximation.

A codeword of n complex symbols at linear SNR g that may fail with probability eps carries

    R = C - sqrt(V/n) Q^-1(eps) + log2(n)/(2n)   b/s/Hz,
    C = log2(1 + g),   V = g(g + 2)/(g + 1)^2 log2(e)^2.

Source: Polyanskiy, Poor and Verdu, IEEE Trans. Inf. Theory 56(5), 2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import e, inf, log, log2
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from channel_models.fading.fading import Fading
from channel_models.model import parameter
from channel_models.rates.partial_mean import mean_between
from channel_models.rates.rate_map import RATE_MAPS, FloatArray, RateMap, linear_snr

_SURE_DEVIATIONS = 9.0
_LEAST_SPREAD = 1e-150


@RATE_MAPS.register("finite_blocklength")
@dataclass(frozen=True, kw_only=True)
class FiniteBlocklength(RateMap):
    """The rate at which a codeword of n symbols fails with probability eps. A packet is one codeword, so eps is its
    loss: no loss map may come on top.

    Where the backoff sqrt(V/n) Q^-1(eps) eats up the capacity the approximation means nothing, and nothing is sent.
    """

    carries_loss: ClassVar[bool] = True

    blocklength: int = parameter("Complex symbols n of a codeword.", default=500, least=10)
    target_bler: float = parameter("Share eps of codewords that fail.", default=1e-3, above=0, below=0.5)

    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        values = linear_snr(snr)
        return np.where(values >= self.least_snr, self._rate(values), 0.0)

    def ergodic(self, mean_snr: float, fading: Fading) -> float:
        """E[se] over blocks, in each of which the sender takes the rate of the block's SNR."""
        return mean_between(self._rate, self.least_snr, inf, mean_snr, fading)

    def error_rate(self, snr: ArrayLike) -> FloatArray:
        """eps at any SNR: the rate gives way instead."""
        return np.full_like(linear_snr(snr), self.target_bler)

    @cached_property
    def least_snr(self) -> float:
        """The linear SNR at which C = sqrt(V/n) Q^-1(eps); nothing is sent below."""
        from scipy.optimize import brentq

        # C/sqrt(V) rises from about sqrt(snr/2); as V < log2(e)^2, the root has ln(1 + snr) < Q^-1(eps)/sqrt(n).
        low = min(self._deviations**2 / self.blocklength, 1e-3)
        high = np.exp(self._deviations)
        return float(brentq(lambda snr: float(capacity(snr) - self._backoff(snr)), low, high, xtol=1e-16))

    def block_error_rate(self, snr: ArrayLike, efficiency: float) -> FloatArray:
        """Share of codewords that fail at a rate of ``efficiency`` b/s/Hz: Q((C - R + log2(n)/(2n)) / sqrt(V/n))."""
        from scipy.special import ndtr

        values = linear_snr(snr)
        margin = capacity(values) - efficiency + self._gain
        spread = np.sqrt(dispersion(values) / self.blocklength)
        return ndtr(-margin / np.maximum(spread, _LEAST_SPREAD))

    def mean_block_error_rate(self, mean_snr: float, fading: Fading, efficiency: float) -> float:
        """E[block_error_rate] over fading, at a rate of ``efficiency`` b/s/Hz that is the same in all blocks.

        Close to the outage probability P(C < R) (Yang, Durisi, Koch and Polyanskiy, 2014).
        """
        reach = _SURE_DEVIATIONS * log2(e) / np.sqrt(self.blocklength)
        low = 2.0 ** max(efficiency - self._gain - reach, 0.0) - 1.0
        high = 2.0 ** max(efficiency - self._gain + reach, reach) - 1.0
        slope = mean_between(lambda snr: self.block_error_rate(snr, efficiency), low, high, mean_snr, fading)
        return fading.outage(low, mean_snr) + slope

    @property
    def _gain(self) -> float:
        return log2(self.blocklength) / (2.0 * self.blocklength)

    @cached_property
    def _deviations(self) -> float:
        from scipy.special import ndtri

        return float(-ndtri(self.target_bler))

    def _backoff(self, snr: ArrayLike) -> FloatArray:
        return np.sqrt(dispersion(snr) / self.blocklength) * self._deviations

    def _rate(self, snr: FloatArray) -> FloatArray:
        return capacity(snr) - self._backoff(snr) + self._gain


def capacity(snr: ArrayLike) -> FloatArray:
    """C = log2(1 + snr), b/s/Hz."""
    return np.log1p(linear_snr(snr)) / log(2.0)


def dispersion(snr: ArrayLike) -> FloatArray:
    """V = g(g + 2)/(g + 1)^2 log2(e)^2 of the complex AWGN channel, bits^2 a symbol."""
    g = linear_snr(snr)
    return g * (g + 2.0) / np.square(g + 1.0) * log2(e) ** 2

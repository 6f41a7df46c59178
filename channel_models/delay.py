"""Closed forms of the delay of a transfer: one draw for a whole upload, and many blocks in an upload."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, inf, log, log2, sqrt

import numpy as np

from channel_models.fading import Fading, exponential_expectation
from channel_models.rates import RateMap
from channel_models.validation import non_negative, positive, positive_or_infinite, probability

_LARGEST_EXPONENT = 1000.0


@dataclass(frozen=True)
class QuasiStaticDelay:
    """Delay when one Rayleigh draw lasts for the whole upload at Shannon's rate.

    T = S / (B log2(1 + g x)), x ~ Exp(1), so P(T <= t) = exp(-(2^(S/(B t)) - 1)/g). Since t P(T > t) tends to
    S ln 2 / (B g), the law has a Pareto tail of index 1 and its mean is infinite: report quantiles.
    """

    bits: float
    bandwidth_hz: float
    mean_snr: float

    def __post_init__(self) -> None:
        positive("bits", self.bits)
        positive("bandwidth_hz", self.bandwidth_hz)
        positive("mean_snr", self.mean_snr)

    def cdf(self, delay_s: float) -> float:
        """P(T <= delay)."""
        if positive_or_infinite("delay_s", delay_s) == inf:
            return 1.0
        exponent = self.bits / (self.bandwidth_hz * delay_s)
        if exponent > _LARGEST_EXPONENT:
            return 0.0
        return exp(-expm1(exponent * log(2.0)) / self.mean_snr)

    def quantile(self, p: float) -> float:
        """Seconds within which a share p of uploads ends: S / (B log2(1 - g ln p))."""
        if probability("p", p) == 0.0:
            return 0.0
        if p == 1.0:
            return inf
        return self.bits / (self.bandwidth_hz * log2(1.0 - self.mean_snr * log(p)))

    def mean(self) -> float:
        """Infinite; any finite sample mean is a function of the sample size."""
        return inf

    def mean_above(self, threshold_snr: float) -> float:
        """E[T | SNR >= threshold] in seconds (linear, > 0): the mean once worse draws are refused."""
        floor = positive("threshold_snr", threshold_snr)
        # The exponential law has no memory: above the threshold x = threshold/g + Exp(1).
        nats = exponential_expectation(lambda x: 1.0 / np.log1p(floor + self.mean_snr * x))
        return self.bits * log(2.0) / self.bandwidth_hz * nats


@dataclass(frozen=True)
class MultiBlockDelay:
    """Delay of a transfer over many coherence blocks, T = inf{t : int_0^t R ds >= S}, from any phase of a
    block.

    E[T] = S/C + (Tc/2) CV^2 and Var[T] = S Tc CV^2 / C, with C the ergodic rate and CV^2 the squared
    coefficient of variation of a block's rate (renewal theory: the block in which a transfer ends is not a
    typical one). Holds for S well above the work of a block. Source: Wald's identity with the mean
    overshoot of a renewal process.
    """

    bits: float
    bandwidth_hz: float
    mean_snr: float
    fading: Fading

    def __post_init__(self) -> None:
        non_negative("bits", self.bits)
        positive("bandwidth_hz", self.bandwidth_hz)
        positive("mean_snr", self.mean_snr)
        positive("coherence_s", self.fading.coherence_s)

    @property
    def mean_s(self) -> float:
        """E[T] in seconds under Shannon's rate."""
        return self.bits / self._rate_bps + 0.5 * self.fading.coherence_s * self.fading.rate_cv2(self.mean_snr)

    @property
    def variance_s2(self) -> float:
        """Var[T] in seconds squared under Shannon's rate."""
        return self.bits * self.fading.coherence_s * self.fading.rate_cv2(self.mean_snr) / self._rate_bps

    @property
    def std_s(self) -> float:
        """Standard deviation of T in seconds."""
        return sqrt(self.variance_s2)

    @property
    def _rate_bps(self) -> float:
        return self.bandwidth_hz * self.fading.mean_rate(self.mean_snr)


def constant_rate_delay_s(bits: float, bandwidth_hz: float, snr: float, rate_map: RateMap) -> float:
    """S / (B se(snr)): the delay on a channel that does not fade (the "cost / rate" of many papers)."""
    efficiency = float(rate_map.spectral_efficiency(positive("snr", snr)))
    return non_negative("bits", bits) / (positive("bandwidth_hz", bandwidth_hz) * efficiency)

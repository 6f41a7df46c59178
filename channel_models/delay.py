"""Closed forms of the delay of a transfer: one draw for a whole upload, and many blocks in an upload."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, isinf, log, sqrt

import numpy as np

from channel_models.fading.fading import Fading
from channel_models.fading.rayleigh import BlockRayleigh, RayleighLaw
from channel_models.rates.rate_map import RateMap
from channel_models.rates.shannon import Shannon
from channel_models.validation import count, non_negative, positive, positive_or_infinite, probability

_RARE = (1e-9, 1e-10)
_LEAST_INDEX = 1.0 + 1e-3
_LEAST_SNR, _LARGEST_SNR = 1e-30, 1e30
_TOLERANCE = 1e-13
_QUADRATURE = 1e-11


class InfiniteMean(ValueError):  # noqa: N818
    """A mean was asked for that does not exist."""


@dataclass(frozen=True)
class QuasiStaticDelay:
    """Delay when one draw of the fading lasts for the whole upload.

        T = S / (B se(g x)),    P(T <= t) = P(x >= se^-1(S/(B t)) / g)

    Rayleigh fading at Shannon's rate: P(T <= t) = exp(-(2^(S/(B t)) - 1)/g), and since t P(T > t) tends to S ln 2/(B g)
    the law has a Pareto tail of index 1 and no mean: report quantiles. bits: S on the air; bandwidth_hz: B; mean_snr:
    g, linear. Raises ValueError for unphysical values.
    """

    bits: float
    bandwidth_hz: float
    mean_snr: float
    fading: Fading = field(default_factory=BlockRayleigh)
    rate_map: RateMap = field(default_factory=Shannon)

    def __post_init__(self) -> None:
        positive("bits", self.bits)
        positive("bandwidth_hz", self.bandwidth_hz)
        positive("mean_snr", self.mean_snr)

    def cdf(self, delay_s: float) -> float:
        """P(T <= delay)."""
        if positive_or_infinite("delay_s", delay_s) == inf:
            return 1.0
        threshold_snr = _least_snr(self.rate_map, self.bits / (self.bandwidth_hz * delay_s))
        return 0.0 if isinf(threshold_snr) else 1.0 - self.fading.outage(threshold_snr, self.mean_snr)

    def quantile(self, p: float) -> float:
        """Seconds within which a share p of uploads ends; Rayleigh at Shannon's rate: S / (B log2(1 - g ln p))."""
        if probability("p", p) == 0.0:
            return 0.0
        return self._delay_s(self._gain_exceeded(p))

    def quantile_of_slowest(self, uploads: int, p: float) -> float:
        """Seconds within which, with probability p, the last of n independent uploads ends: the p^(1/n) quantile."""
        return self.quantile(probability("p", p) ** (1.0 / count("uploads", uploads, least=1)))

    @property
    def tail_index(self) -> float:
        """a in P(T > t) ~ t^-a, from the quantiles at 1e-9 and 1e-10: 1 for Rayleigh and Rician fading, m for
        Nakagami's, 0 where some draws never end, infinity where the delay is bounded."""
        late_s, later_s = (self._delay_s(self.fading.quantile(p)) for p in _RARE)
        if isinf(later_s):
            return 0.0
        return inf if late_s == later_s else log(_RARE[0] / _RARE[1]) / log(later_s / late_s)

    def mean(self) -> float:
        """E[T] in seconds. Raises InfiniteMean for a tail of index 1 or less: any finite average of such delays is a
        function of how many were averaged."""
        if self.tail_index < _LEAST_INDEX:
            raise InfiniteMean(
                f"the mean delay of one draw of {type(self.fading).__name__} a whole upload is infinite (Pareto tail "
                f"of index {self.tail_index:.3g}, at most 1): report quantiles, or let the channel change under way"
            )
        inverse = self.fading.expectation(lambda x: 1.0 / self.rate_map.spectral_efficiency(self.mean_snr * x))
        return self.bits / self.bandwidth_hz * inverse

    def mean_above(self, threshold_snr: float) -> float:
        """E[T | SNR >= threshold] in seconds (linear, > 0): the mean once worse draws are refused."""
        from scipy.integrate import quad

        refused = self.fading.outage(positive("threshold_snr", threshold_snr), self.mean_snr)
        if refused == 1.0:
            raise ValueError(f"threshold_snr {threshold_snr!r} refuses every draw: lower it")

        # In v = -ln P(larger gain): the tail of good channels is spread out, and ends at e^-40 of the draws.
        def weighted(v: float) -> float:
            return self._delay_s(self._gain_exceeded(float(np.exp(-v)))) * float(np.exp(-v))

        first = -float(np.log1p(-refused))
        total, _ = quad(weighted, first, first + 40.0, epsabs=0.0, epsrel=_QUADRATURE, limit=200)
        return float(total) / (1.0 - refused)

    def _delay_s(self, gain: float) -> float:
        rate_bps = self.bandwidth_hz * float(self.rate_map.spectral_efficiency(self.mean_snr * gain))
        return self.bits / rate_bps if rate_bps > 0.0 else inf

    def _gain_exceeded(self, p: float) -> float:
        """The x with P(gain > x) = p; without loss of digits where 1 - p rounds, for the exponential law."""
        if isinstance(self.fading, RayleighLaw):
            return -log(p)
        return self.fading.quantile(1.0 - p)


@dataclass(frozen=True)
class MultiBlockDelay:
    """Delay of a transfer over many independent blocks, T = inf{t : int_0^t R ds >= S}, from any phase of a block.

        E[T] = S/C + (Tc/2) CV^2,        Var[T] = S Tc CV^2 / C

    with C the ergodic rate and CV^2 the squared coefficient of variation of a block's rate (renewal theory: the block
    in which a transfer ends is not a typical one). Holds for S well above the work of a block. Source: Wald's identity
    with the mean overshoot of a renewal process (Feller II, ch. XI). Raises ValueError for one endless block and for
    blocks that are not independent.
    """

    bits: float
    bandwidth_hz: float
    mean_snr: float
    fading: Fading
    rate_map: RateMap = field(default_factory=Shannon)

    def __post_init__(self) -> None:
        non_negative("bits", self.bits)
        positive("bandwidth_hz", self.bandwidth_hz)
        positive("mean_snr", self.mean_snr)
        positive("coherence_s", self.fading.block_s)
        if not self.fading.independent_blocks:
            raise ValueError(f"{type(self.fading).__name__} has blocks that depend on each other: simulate it")

    @property
    def mean_s(self) -> float:
        """E[T] in seconds."""
        return self.bits / self.rate_bps + 0.5 * self.fading.block_s * self.rate_cv2

    @property
    def variance_s2(self) -> float:
        """Var[T] in seconds squared."""
        return self.bits * self.fading.block_s * self.rate_cv2 / self.rate_bps

    @property
    def std_s(self) -> float:
        """Standard deviation of T in seconds."""
        return sqrt(self.variance_s2)

    @property
    def rate_bps(self) -> float:
        """C, the ergodic rate."""
        return self.bandwidth_hz * rate_moments(self.rate_map, self.fading, self.mean_snr)[0]

    @property
    def rate_cv2(self) -> float:
        """CV^2 = Var/mean^2 of a block's rate."""
        return rate_moments(self.rate_map, self.fading, self.mean_snr)[1]


def constant_rate_delay_s(bits: float, bandwidth_hz: float, snr: float, rate_map: RateMap) -> float:
    """S / (B se(snr)): the delay on a channel that does not fade (the "cost / rate" of many papers)."""
    efficiency = float(rate_map.spectral_efficiency(positive("snr", snr)))
    return non_negative("bits", bits) / (positive("bandwidth_hz", bandwidth_hz) * efficiency)


@lru_cache(maxsize=4096)
def rate_moments(rate_map: RateMap, fading: Fading, mean_snr: float) -> tuple[float, float]:
    """E[se] in b/s/Hz and Var[se]/E[se]^2 of the spectral efficiency in a block."""
    mean = rate_map.ergodic(mean_snr, fading)
    if mean == 0.0:
        raise ValueError(f"{type(rate_map).__name__} carries nothing at a mean SNR of {mean_snr:g} (linear): raise it")
    cv2 = fading.expectation(lambda x: np.square(rate_map.spectral_efficiency(mean_snr * x) / mean - 1.0))
    return mean, cv2


def _least_snr(rate_map: RateMap, efficiency: float) -> float:
    """The least linear SNR that carries so many b/s/Hz, infinity if none up to 300 dB does: bisection in dB."""
    low, high = log(_LEAST_SNR), log(_LARGEST_SNR)
    if rate_map.spectral_efficiency(_LARGEST_SNR) < efficiency:
        return inf
    if rate_map.spectral_efficiency(_LEAST_SNR) >= efficiency:
        return 0.0
    while high - low > _TOLERANCE:
        middle = 0.5 * (low + high)
        carried = float(rate_map.spectral_efficiency(np.exp(middle)))
        low, high = (low, middle) if carried >= efficiency else (middle, high)
    return float(np.exp(high))

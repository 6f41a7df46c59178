"""Rate maps: spectral efficiency in b/s/Hz as a function of the instantaneous linear SNR."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log2
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.fading import Fading
from channel_models.validation import positive

FloatArray = NDArray[np.float64]


class RateMap(Protocol):
    """How many bits a second and hertz a link carries."""

    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        """b/s/Hz at linear SNRs."""
        ...

    def ergodic(self, mean_snr: float, fading: Fading) -> float:
        """E[spectral_efficiency(mean_snr gain)] in b/s/Hz."""
        ...


@dataclass(frozen=True)
class Shannon:
    """AWGN capacity log2(1 + snr) b/s/Hz (Shannon 1948); the sender knows each block's SNR and adapts."""

    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        return np.log1p(np.asarray(snr, dtype=np.float64)) / log(2.0)

    def ergodic(self, mean_snr: float, fading: Fading) -> float:
        """Never log2(1 + mean SNR), which is 20 % too high for Rayleigh fading at 5 dB."""
        return fading.mean_rate(mean_snr)

    def outage_efficiency(self, mean_snr: float, fading: Fading, outage: float) -> float:
        """eps-outage rate: the largest fixed b/s/Hz that a block fails to carry with probability ``outage``.

        Rayleigh: log2(1 - mean_snr ln(1 - eps)) (Tse and Viswanath, ch. 5).
        """
        return log2(1.0 + mean_snr * fading.quantile(outage))


@dataclass(frozen=True)
class FixedRate:
    """A sender that does not know the channel and always sends at one rate; blocks below 2^R - 1 lose it.

    Pair it with ``OutageLoss(threshold_snr)`` of the same threshold: without that loss the rate would exceed
    capacity in bad blocks, which is why no scenario name leads here yet.
    """

    efficiency_b_per_s_hz: float

    def __post_init__(self) -> None:
        positive("efficiency_b_per_s_hz", self.efficiency_b_per_s_hz)

    def spectral_efficiency(self, snr: ArrayLike) -> FloatArray:
        return np.full_like(np.asarray(snr, dtype=np.float64), self.efficiency_b_per_s_hz)

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

        return cls(float(lambertw(mean_snr).real) / log(2.0))


RATE_MAPS: dict[str, type[Shannon]] = {"shannon": Shannon}
"""Rate maps by scenario name."""

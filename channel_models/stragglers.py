"""How long the last of N takes: the barrier of a synchronous round.

A shifted exponential time, shift a and rate mu, is the usual model of a worker; the mean of the k-th of N is

    a + (H_N - H_(N-k)) / mu        H_n = 1 + 1/2 + ... + 1/n

and that of the last one a + H_N / mu (Lee, Lam, Pedarsani, Papailiopoulos and Ramchandran, IEEE TIT 64(3), 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import expm1, inf, log1p
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.randomness import stream
from channel_models.validation import count, finite, non_negative, positive, probability

FloatArray = NDArray[np.float64]

_DEVIATIONS = 12.0
_STEP = 1.0 / 64.0


def harmonic(n: int) -> float:
    """H_n = 1 + 1/2 + ... + 1/n, H_0 = 0."""
    return float(np.sum(1.0 / np.arange(count("n", n), 0, -1)))


@dataclass(frozen=True, kw_only=True)
class ShiftedExponential:
    """a + Exp(mu): at least shift_s, then without memory at rate_hz. Raises ValueError for a bad shift or rate."""

    shift_s: float
    rate_hz: float

    def __post_init__(self) -> None:
        non_negative("shift_s", self.shift_s)
        positive("rate_hz", self.rate_hz)

    @property
    def mean_s(self) -> float:
        """a + 1/mu [s]."""
        return self.shift_s + 1.0 / self.rate_hz

    def cdf(self, time_s: ArrayLike) -> FloatArray:
        """P(T <= t) = 1 - e^(-mu (t - a)) for t >= a."""
        return -np.expm1(-self.rate_hz * np.maximum(np.asarray(time_s, dtype=np.float64) - self.shift_s, 0.0))

    def quantile_s(self, p: float) -> float:
        """The t with P(T <= t) = p [s]."""
        return inf if probability("p", p) == 1.0 else float(self.shift_s - np.log1p(-p) / self.rate_hz)

    def order_mean_s(self, rank: int, workers: int) -> float:
        """Mean time until the rank-th of so many workers is done [s]. Raises ValueError unless 1 <= rank <= workers."""
        if count("rank", rank, least=1) > count("workers", workers, least=1):
            raise ValueError(f"rank must be at most the number of workers, {workers}, got {rank}")
        return self.shift_s + (harmonic(workers) - harmonic(workers - rank)) / self.rate_hz

    def maximum_mean_s(self, workers: int) -> float:
        """a + H_N / mu [s]: mean time until all are done."""
        return self.order_mean_s(workers, workers)

    def draw_s(self, seed: int, round_index: int, workers: int) -> FloatArray:
        """Times f64[workers] of one round, pure in (seed, round); one worker more does not change the others'."""
        draws = stream(seed, "stragglers", round_index).standard_exponential(count("workers", workers))
        return self.shift_s + draws / self.rate_hz


def normal_maximum(workers: int) -> float:
    """Mean of the largest of N standard normal variables: int x dPhi(x)^N (1.53875 for N = 10)."""
    from scipy.special import log_ndtr

    many = count("workers", workers, least=1)
    x = np.arange(-_DEVIATIONS, _DEVIATIONS, _STEP)
    density = many * np.exp((many - 1) * log_ndtr(x) - 0.5 * np.square(x)) / np.sqrt(2.0 * np.pi)
    return float(np.sum(x * density)) * _STEP


def normal_maximum_mean_s(mean_s: float, deviation_s: float, workers: int) -> float:
    """Mean of the last of N normal times [s]: of transfers over many blocks, whose law is close to normal."""
    return finite("mean_s", mean_s) + non_negative("deviation_s", deviation_s) * normal_maximum(workers)


def maximum_mean_s(survival: Callable[[float], float], workers: int) -> float:
    """int_0^inf 1 - (1 - S(t))^N dt [s] for a time of survival function S(t) = P(T > t), integrable.

    Raises ValueError where the integral does not converge: a time of infinite mean has no mean maximum.
    """
    from scipy.integrate import IntegrationWarning, quad

    many = count("workers", workers, least=1)

    def late(time_s: float) -> float:
        alone = probability("survival", survival(time_s))
        return 1.0 if alone == 1.0 else -expm1(many * log1p(-alone))

    with catch_warnings():
        simplefilter("error", IntegrationWarning)
        try:
            return float(quad(late, 0.0, inf, limit=500)[0])
        except IntegrationWarning as trouble:
            raise ValueError(f"the mean of the largest of {many} does not converge: {trouble}") from trouble

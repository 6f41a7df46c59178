"""Hybrid ARQ with incremental redundancy: each repeat brings new parity, and mutual information adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from channel_models.retransmission.combining import CombiningPasses
from channel_models.retransmission.scheme import RETRANSMISSION
from channel_models.validation import count, positive

FloatArray = NDArray[np.float64]

_NODES = 64


@RETRANSMISSION.register("incremental_redundancy")
@dataclass(frozen=True, kw_only=True)
class IncrementalRedundancy(CombiningPasses):
    """Effective SNR = 2^(sum of log2(1 + snr)) - 1: the one attempt that would bring as many bits a symbol as all of
    them together (Caire and Tuninetti 2001)."""

    def combine(self, gathered: FloatArray, snr: FloatArray) -> FloatArray:
        """(1 + gathered)(1 + snr) - 1, without loss of digits."""
        return gathered + snr + gathered * snr


def redundancy_outage(attempts: int, efficiency_b_per_s_hz: float, mean_snr: float) -> float:
    """P(sum of log2(1 + g x_m) over M independent Rayleigh blocks < R).

    With F_1(r) = 1 - exp(-(2^r - 1)/g) and its density f, F_m(r) = int_0^r f(y) F_(m-1)(r - y) dy, by Gauss-Legendre
    quadrature on Chebyshev interpolants over [0, R].
    """
    rate = positive("efficiency_b_per_s_hz", efficiency_b_per_s_hz)
    snr = positive("mean_snr", mean_snr)
    outage: Callable[[FloatArray], FloatArray] = lambda r: -np.expm1(-(2.0**r - 1.0) / snr)  # noqa: E731
    for _ in range(count("attempts", attempts, least=1) - 1):
        outage = chebyshev.Chebyshev.interpolate(_with_one_more(outage, snr), _NODES, domain=[0.0, rate])
    return float(outage(np.array(rate)))


def redundancy_outage_in_one_block(attempts: int, efficiency_b_per_s_hz: float, mean_snr: float) -> float:
    """The same with all attempts in one Rayleigh block: 1 - exp(-(2^(R/M) - 1)/g)."""
    share = positive("efficiency_b_per_s_hz", efficiency_b_per_s_hz) / count("attempts", attempts, least=1)
    return -float(np.expm1(-(2.0**share - 1.0) / positive("mean_snr", mean_snr)))


def renewal_throughput(efficiency_b_per_s_hz: float, outages: list[float]) -> float:
    """R (1 - p_M) / (1 + p_1 + .. + p_(M-1)) in b/s/Hz: bits that arrive over transmissions made, by renewal and
    reward, for outages p_1 .. p_M after each attempt (Zorzi and Rao 1996; Caire and Tuninetti 2001)."""
    return efficiency_b_per_s_hz * (1.0 - outages[-1]) / (1.0 + sum(outages[:-1]))


def _with_one_more(outage: Callable[[FloatArray], FloatArray], snr: float) -> Callable[[FloatArray], FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    share, weight = 0.5 * (nodes + 1.0), 0.5 * weights

    def convolved(r: FloatArray) -> FloatArray:
        y = np.multiply.outer(r, share)
        density = log(2.0) / snr * 2.0**y * np.exp(-(2.0**y - 1.0) / snr)
        return r * ((density * outage(r[..., None] - y)) @ weight)

    return convolved

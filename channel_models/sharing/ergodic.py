"""Ergodic Shannon rates of the best, of the worst and of every one of several Rayleigh-faded users.

For a gain X with survival function S(x) = P(X > x), integration by parts gives

    E[log2(1 + g X)] = (1/ln 2) int_0^inf S(x) g / (1 + g x) dx     [b/s/Hz]

here by the trapezoidal rule in u = ln x, whose error falls geometrically with 1/step. The alternating sums that are
the textbook form for the best of N lose all digits beyond N of about 30.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.special import scaled_exponential_integral
from channel_models.validation import count, positive

FloatArray = NDArray[np.float64]

_STEP = 0.125
_LOWEST, _HIGHEST = -42.0, 7.0


def rayleigh_rate(mean_snr: float) -> float:
    """E[log2(1 + g X)], X ~ Exp(1) [b/s/Hz] (Alouini and Goldsmith 1999: e^(1/g) E1(1/g) / ln 2)."""
    return scaled_exponential_integral(1.0 / positive("mean_snr", mean_snr)) / log(2.0)


def best_of_rate(mean_snr: float, users: int) -> float:
    """Rate at the largest of N independent gains [b/s/Hz]: one band given to the best of equal users, block by block.

    The limit of proportional fair scheduling of users alike in law when its window grows (Knopp and Humblet 1995).
    """
    many = count("users", users, least=1)

    def survival(x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return -np.expm1(many * np.log1p(-np.exp(-x)))

    return _rate(mean_snr, survival)


def broadcast_rate(mean_snr: ArrayLike) -> float:
    """E[log2(1 + min_i g_i X_i)] [b/s/Hz]: one transmission that everybody decodes in every block.

    The least of independent exponentials is one of mean 1/sum(1/g_i): for N equal users the ergodic rate at g/N.
    """
    return rayleigh_rate(1.0 / float(np.sum(1.0 / _snrs(mean_snr))))


def unicast_rate(mean_snr: ArrayLike) -> float:
    """1 / sum(1/C_i) [b/s/Hz]: the payload over the time of sending it to one user after another."""
    return 1.0 / float(np.sum([1.0 / rayleigh_rate(float(snr)) for snr in _snrs(mean_snr)]))


def rateless_rate(mean_snr: ArrayLike) -> float:
    """min C_i [b/s/Hz]: one rateless-coded transmission that each user ends when it has gathered the payload.

    The limit for payloads of many blocks; a shorter one ends with the last of N random finishes.
    """
    return rayleigh_rate(float(np.min(_snrs(mean_snr))))


def _rate(mean_snr: float, survival: Callable[[FloatArray], FloatArray]) -> float:
    snr = positive("mean_snr", mean_snr)
    x = np.exp(np.arange(_LOWEST - np.log1p(snr), _HIGHEST, _STEP))
    return float(np.sum(survival(x) * snr * x / (1.0 + snr * x))) * _STEP / log(2.0)


def _snrs(mean_snr: ArrayLike) -> FloatArray:
    array = np.atleast_1d(np.asarray(mean_snr, dtype=np.float64))
    if not (array.size and np.all(np.isfinite(array) & (array > 0.0))):
        raise ValueError(f"mean_snr must be finite numbers above 0, got {mean_snr!r}")
    return array

"""Numbers side by side: what the law says, and what draws of the simulator's own machinery come to."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LEVELS = (0.1, 0.5, 0.9, 0.99)
"""The quantiles that are reported."""

_BATCHES = 25


@dataclass(frozen=True)
class Compared:
    """One quantity twice.

    Attributes:
        closed_form: by the law; None where none applies.
        drawn: from draws; None where nothing was drawn, or where the mean that it would estimate is infinite.
        standard_error: of ``drawn``; None where it has none.
    """

    closed_form: float | None = None
    drawn: float | None = None
    standard_error: float | None = None


@dataclass(frozen=True)
class Quantiles:
    """Quantiles at :data:`LEVELS`, by the law (None where none applies) and drawn (likewise)."""

    closed_form: tuple[float, ...] | None = None
    drawn: tuple[float, ...] | None = None


def compared(
    closed_form: float | None, values: FloatArray, weights: FloatArray | None = None, trend: FloatArray | None = None
) -> Compared:
    """A closed form beside the mean of values f64[n], each for a stretch of so much weight.

    Standard error: s/sqrt(n) of independent values of equal weight; with weights, from means of 25 batches in a row,
    which holds for values that depend on their neighbours. What follows a known trend f64[n] is no error.
    """
    if weights is None:
        return Compared(closed_form, float(np.mean(values)), _error(values))
    mean = float(np.average(values, weights=weights))
    noise = values if trend is None else values - trend * (mean / float(np.average(trend, weights=weights)))
    return Compared(closed_form, mean, _error(_batch_means(noise, weights)))


def quantiles_of(values: FloatArray, weights: FloatArray | None = None) -> tuple[float, ...]:
    """Quantiles of values f64[n] at :data:`LEVELS`: the least value that so much of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(np.ones(values.size) if weights is None else weights[order])
    ranks = np.searchsorted(shares, np.array(LEVELS) * shares[-1] * (1.0 - 1e-12))
    return tuple(float(value) for value in values[order][np.minimum(ranks, values.size - 1)])


def decibel(ratio: float) -> float:
    """10 log10 of a power ratio; minus infinity for 0."""
    return 10.0 * float(np.log10(ratio)) if ratio > 0 else -inf


def spread(closed_form: float | None, values: FloatArray) -> Compared:
    """A standard deviation beside that of a sample f64[n], whose error is sqrt((m4 - s^4)/(4 n s^2))."""
    if values.size < 2:
        return Compared(closed_form)
    std = float(np.std(values, ddof=1))
    fourth = float(np.mean(np.power(values - values.mean(), 4)))
    error = sqrt(max(fourth - std**4, 0.0) / values.size) / (2.0 * std) if std > 0 else 0.0
    return Compared(closed_form, std, error)


def _error(values: FloatArray) -> float | None:
    return float(np.std(values, ddof=1)) / sqrt(values.size) if values.size > 1 else None


def _batch_means(values: FloatArray, weights: FloatArray) -> FloatArray:
    pairs = zip(np.array_split(values, _BATCHES), np.array_split(weights, _BATCHES), strict=True)
    return np.array([float(v @ w) / float(w.sum()) for v, w in pairs if w.size])

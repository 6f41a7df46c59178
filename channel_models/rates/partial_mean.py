"""Means over fading of functions that are smooth between two SNRs only, such as a rate that is cut off.

By parts, with the survival function S(x) = P(snr >= x) in the place of a density,

    E[f(snr); low <= snr < high] = f(low) S(low) - f(high) S(high) + integral of f'(x) S(x) dx over (low, high),

by Gauss-Legendre quadrature on panels, f' being that of the polynomial through the nodes of a panel. Laws without a
density (no fading, a recording) are plain sums, which their ``expectation`` does for any f.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from channel_models.fading.fading import Fading

FloatArray = NDArray[np.float64]
Function = Callable[[FloatArray], FloatArray]

_PANELS = 64
_NODES = 12
_NEARLY_ONE = 1.0 - 2.0**-53
_WITHOUT_DENSITY = ("none", "recorded")


def mean_between(function: Function, low: float, high: float, mean_snr: float, fading: Fading) -> float:
    """E[function(snr); low <= snr < high], for a function smooth from low to high (linear SNRs, both ends included).

    high may be infinite; the mean SNR is linear. About 1e-12 relative where the result is not a matter of a tail that
    the law's cdf cannot tell from 0.
    """
    if fading.name in _WITHOUT_DENSITY:
        return fading.expectation(lambda gain: _inside(function, low, high, mean_snr * gain))
    top = min(high, mean_snr * fading.quantile(_NEARLY_ONE))
    if top <= low:
        return 0.0
    ends = function(np.array([low, top])) * _survival(np.array([low, top]), mean_snr, fading)
    return float(ends[0] - ends[1]) + _slope_term(function, low, top, mean_snr, fading)


def _inside(function: Function, low: float, high: float, snr: FloatArray) -> FloatArray:
    inside = (snr >= low) & (snr < high)
    values = np.zeros_like(snr)
    values[inside] = function(snr[inside])
    return values


def _survival(snr: FloatArray, mean_snr: float, fading: Fading) -> FloatArray:
    return 1.0 - fading.cdf(snr / mean_snr)


def _slope_term(function: Function, low: float, high: float, mean_snr: float, fading: Fading) -> float:
    """Integral of f' S: the width of the panels cancels between the derivative and the quadrature."""
    nodes, weights, derivative = _panel()
    edges = _edges(low, high)
    half = np.diff(edges)[:, np.newaxis] / 2.0
    snr = np.expm1(edges[:-1, np.newaxis] + half * (1.0 + nodes))
    slopes = function(snr) @ derivative.T
    return float(np.sum(slopes * weights * _survival(snr, mean_snr, fading)))


def _edges(low: float, high: float) -> FloatArray:
    """Edges of the panels in u = ln(1 + x): evenly in u, and evenly in ln x, for what is singular at 0 (sqrt(x))."""
    even = np.linspace(np.log1p(low), np.log1p(high), _PANELS + 1)
    if low <= 0.0:
        return even
    graded = np.log1p(np.geomspace(low, high, _PANELS + 1)[1:-1])
    return np.unique(np.concatenate((even, graded)))


@lru_cache(maxsize=1)
def _panel() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Nodes, weights and differentiation matrix of Gauss-Legendre quadrature on [-1, 1] (Berrut and Trefethen 2004)."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    apart = nodes[:, np.newaxis] - nodes + np.eye(_NODES)
    barycentric = 1.0 / np.prod(apart, axis=1)
    derivative = barycentric / barycentric[:, np.newaxis] / apart
    np.fill_diagonal(derivative, 0.0)
    np.fill_diagonal(derivative, -derivative.sum(axis=1))
    return nodes, weights, derivative

"""Special functions and expectations of fading laws, in floating point without overflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_LARGEST_PRODUCT_ARGUMENT = 5.0
_FRACTION_LEVELS = 40
_DEPTH = 60.0
_LARGEST_STEP = 0.025
_LARGEST_EDGE = 1e-14


def scaled_exponential_integral(x: float, order: int = 1) -> float:
    """e^x E_n(x), E_n(x) = int_1^inf e^(-xt)/t^n dt, for x > 0 and n = order >= 1, without overflow of e^x or underflow
    of E_n.

    Up to x = 5 the product itself; beyond, the continued fraction
    1/(x+n - 1 n/(x+n+2 - 2 (n+1)/(x+n+4 - ...))), which 40 levels bring to full precision there
    (Abramowitz and Stegun 5.1.22 in its contracted form).
    """
    from scipy.special import expn

    if x <= _LARGEST_PRODUCT_ARGUMENT:
        return float(np.exp(x) * expn(order, x))
    tail = x + order + 2 * _FRACTION_LEVELS
    for level in range(_FRACTION_LEVELS, 0, -1):
        tail = x + order + 2 * (level - 1) - level * (level + order - 1) / tail
    return 1.0 / tail


@dataclass(frozen=True)
class Quadrature:
    """Nodes x and weights of unit sum: E[f(X)] = sum of weight f(x) for f smooth in ln x.

    A trapezoidal rule in u = ln x: the integrand f(e^u) p(e^u) e^u decays at both ends, so the rule converges
    geometrically in 1/step (Trefethen and Weideman, SIAM Review 56, 2014), to about 1e-14 relative here.
    """

    nodes: FloatArray
    weights: FloatArray

    def mean(self, function: Callable[[FloatArray], FloatArray]) -> float:
        """E[f(X)]. Raises ValueError where it diverges, or f is so steep at 0 or infinity that digits would be lost."""
        terms = function(self.nodes) * self.weights
        edge = max(abs(terms[0]), abs(terms[-1]))
        if not edge <= _LARGEST_EDGE * np.sum(np.abs(terms)):
            raise ValueError(
                "the expectation diverges (or the function is not finite) at a gain of 0 or infinity: "
                "ask for a quantile, or truncate the function"
            )
        return float(np.sum(terms))


def log_quadrature(
    log_density: Callable[[FloatArray], FloatArray], low: float, high: float, width: float
) -> Quadrature:
    """Quadrature of a positive variable.

    log_density: ln of the density of u = ln X, up to a constant; low, high: where it has fallen by e^-60 in u;
    width: its standard deviation in u, roughly.
    """
    step = min(_LARGEST_STEP, width / 4.0)
    u = np.arange(low, high + step, step)
    exponents = log_density(u)
    weights = np.exp(exponents - np.max(exponents))
    return Quadrature(np.exp(u), weights / np.sum(weights))


@lru_cache(maxsize=64)
def gamma_quadrature(shape: float) -> Quadrature:
    """Of X ~ Gamma(shape, 1/shape), unit mean: the density of u = ln X is proportional to exp(shape (u - e^u))."""
    from scipy.special import lambertw

    # u - e^u = -(1 + depth/shape) at both ends.
    ends = [-lambertw(-np.exp(-1.0 - _DEPTH / shape), branch).real for branch in (0, -1)]
    return log_quadrature(lambda u: shape * (u - np.exp(u)), log(ends[0]), log(ends[1]), 1.0 / sqrt(shape))


@lru_cache(maxsize=64)
def rice_quadrature(k_factor: float) -> Quadrature:
    """Of the unit-mean power of a Rice amplitude, K = k_factor linear: with v = (1+K) X its density is
    exp(-K - v) I0(2 sqrt(K v)), which falls like exp(-(sqrt v - sqrt K)^2)."""
    from scipy.special import ive

    root, reach = sqrt(k_factor), sqrt(_DEPTH)

    def log_density(u: FloatArray) -> FloatArray:
        amplitude = np.exp(u / 2.0) * sqrt(1.0 + k_factor)
        return u - np.square(amplitude - root) + np.log(ive(0, 2.0 * root * amplitude))

    nearest = max((root - reach) ** 2, np.exp(-_DEPTH)) if root > reach else np.exp(-_DEPTH)
    low, high = (log(power / (1.0 + k_factor)) for power in (nearest, (root + reach) ** 2))
    return log_quadrature(log_density, low, high, 1.0 / sqrt(1.0 + k_factor))


def exponential_expectation(function: Callable[[FloatArray], FloatArray]) -> float:
    """E[f(X)], X ~ Exp(1), for f smooth on the half-line (logarithms and powers at 0 included), to about 1e-14
    relative. Raises ValueError where it diverges, as E[1/X] does."""
    return gamma_quadrature(1.0).mean(function)

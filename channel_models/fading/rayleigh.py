"""Rayleigh fading: no line of sight, many scattered paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from channel_models.fading.fading import FADING, BlockFading, Fading, FloatArray
from channel_models.special import exponential_expectation, scaled_exponential_integral
from channel_models.validation import positive, probability


@dataclass(frozen=True, kw_only=True)
class RayleighLaw(Fading):
    """The power gain X = |h|^2 of a complex Gaussian h is Exp(1).

    cdf 1 - e^-x; ergodic rate log2(e) e^(1/g) E1(1/g) b/s/Hz (Alouini and Goldsmith 1999); outage 1 - e^(-threshold/g)
    (Tse and Viswanath, ch. 5).
    """

    def cdf(self, x: ArrayLike) -> FloatArray:
        return -np.expm1(-np.maximum(np.asarray(x, dtype=np.float64), 0.0))

    def quantile(self, p: float) -> float:
        return inf if probability("p", p) == 1.0 else float(-np.log1p(-p))

    def expectation(self, function: Callable[[FloatArray], FloatArray]) -> float:
        return exponential_expectation(function)

    def gain_variance(self) -> float:
        return 1.0

    def mean_rate(self, snr: float) -> float:
        return scaled_exponential_integral(1.0 / positive("snr", snr)) / log(2.0)


@FADING.register("rayleigh")
@dataclass(frozen=True, kw_only=True)
class BlockRayleigh(RayleighLaw, BlockFading):
    """The power gain of each block is Exp(1), independent over blocks and links."""

    def draw(self, generator: Generator, count: int) -> FloatArray:
        return generator.standard_exponential(count)

    def draw_into(self, generator: Generator, row: FloatArray) -> None:
        generator.standard_exponential(out=row)

"""Rician fading: a line of sight among many scattered paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from channel_models.fading.fading import FADING, BlockFading, FloatArray
from channel_models.model import parameter
from channel_models.special import rice_quadrature
from channel_models.units import db_to_linear
from channel_models.validation import probability


@FADING.register("rician")
@dataclass(frozen=True, kw_only=True)
class BlockRician(BlockFading):
    """The power gain of each block is |sqrt(K/(1+K)) + h/sqrt(1+K)|^2, h a unit complex Gaussian, independent over
    blocks and links.

    2 (1+K) X is noncentral chi-square with two degrees of freedom and noncentrality 2K, so
    P(X <= x) = 1 - Q1(sqrt(2K), sqrt(2 (1+K) x)) with Marcum's Q; variance (1+2K)/(1+K)^2.

    K is the power of the line of sight over that of all other paths. K = 0 dB is K = 1, as strong as the rest; no line
    of sight, which is Rayleigh, is K = 0 or -infinity dB.

    Source: Rice 1948; Simon and Alouini, Digital Communication over Fading Channels, 2.2.1.2.
    """

    k_factor_db: float = parameter(
        "Line-of-sight power over scattered power; -inf is Rayleigh, 0 dB is equal powers.",
        default=6.0,
        most=60,
        infinite=True,
    )

    @property
    def k_factor(self) -> float:
        """K, linear."""
        return db_to_linear(self.k_factor_db)

    def draw(self, generator: Generator, count: int) -> FloatArray:
        scattered = generator.standard_normal((count, 2)) / sqrt(2.0 * (1.0 + self.k_factor))
        sight = sqrt(self.k_factor / (1.0 + self.k_factor))
        return np.square(sight + scattered[:, 0]) + np.square(scattered[:, 1])

    def cdf(self, x: ArrayLike) -> FloatArray:
        from scipy.special import chndtr

        scaled = 2.0 * (1.0 + self.k_factor) * np.maximum(np.asarray(x, dtype=np.float64), 0.0)
        return np.asarray(chndtr(scaled, 2.0, 2.0 * self.k_factor))

    def quantile(self, p: float) -> float:
        from scipy.special import chndtrix

        if probability("p", p) == 1.0:
            return inf
        return float(chndtrix(p, 2.0, 2.0 * self.k_factor)) / (2.0 * (1.0 + self.k_factor))

    def expectation(self, function: Callable[[FloatArray], FloatArray]) -> float:
        return rice_quadrature(self.k_factor).mean(function)

    def gain_variance(self) -> float:
        return (1.0 + 2.0 * self.k_factor) / (1.0 + self.k_factor) ** 2

"""Nakagami-m fading: a dial from half a Rayleigh's diversity to a constant channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from channel_models.fading.fading import FADING, BlockFading, FloatArray
from channel_models.model import parameter
from channel_models.special import gamma_quadrature
from channel_models.validation import probability


@FADING.register("nakagami")
@dataclass(frozen=True, kw_only=True)
class BlockNakagami(BlockFading):
    """The power gain of each block is Gamma(m, 1/m), independent over blocks and links.

    cdf P(m, m x), the regularised lower incomplete gamma function; variance 1/m. m = 1/2 is a one-sided Gaussian, m = 1
    Rayleigh, m = L the maximal-ratio combination of L Rayleigh branches (then the mean SNR is L times a branch's).

    Source: Nakagami 1960; Simon and Alouini, Digital Communication over Fading Channels, 2.2.1.4.
    """

    m: float = parameter(
        "Shape of the law: 0.5 one-sided Gaussian, 1 Rayleigh, larger milder.", default=2.0, least=0.5, most=1e4
    )

    def draw(self, generator: Generator, count: int) -> FloatArray:
        return generator.standard_gamma(self.m, count) / self.m

    def cdf(self, x: ArrayLike) -> FloatArray:
        from scipy.special import gammainc

        return np.asarray(gammainc(self.m, self.m * np.maximum(np.asarray(x, dtype=np.float64), 0.0)))

    def quantile(self, p: float) -> float:
        from scipy.special import gammaincinv

        return float(gammaincinv(self.m, probability("p", p))) / self.m

    def expectation(self, function: Callable[[FloatArray], FloatArray]) -> float:
        return gamma_quadrature(self.m).mean(function)

    def gain_variance(self) -> float:
        return 1.0 / self.m

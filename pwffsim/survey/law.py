"""The law of a link's SINR: a gain of unit mean on a mean that may itself change (a terminal moves, a jammer comes on).

Means are sums over a fine grid of the gain with the law's own probabilities as weights, f(x_i) (F(x_i+) - F(x_i-)):
good for functions with steps too, to about 1e-3 of a step, and 1e-6 of what is smooth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from channel_models.fading import Fading

FloatArray = NDArray[np.float64]
Function = Callable[[FloatArray], FloatArray]

_CELLS = 8192
_KNOTS = 64
_TAIL = 2.0**-44
_WITHOUT_DENSITY = ("none", "recorded")
_HALVINGS = 64


@dataclass(frozen=True, eq=False)
class SnrLaw:
    """SINR = m X with a gain X of the fading's law, and m one of several means, each for a share of the time.

    Attributes:
        fading: the law of X.
        means: linear mean SINRs f64[S].
        shares: of the time, f64[S], of sum 1.
    """

    fading: Fading
    means: FloatArray
    shares: FloatArray

    def mean(self, function: Function) -> float:
        """E[function(SINR)], of linear SINRs in arrays of any length."""
        by_state = [self._given(function, mean_snr) for mean_snr in self.means]
        return float(np.dot(by_state, self.shares))

    def average(self, of_mean: Callable[[float], float]) -> float:
        """The time average of something that is a function of the mean SINR."""
        return float(np.dot([of_mean(float(mean_snr)) for mean_snr in self.means], self.shares))

    def below(self, snr: FloatArray) -> FloatArray:
        """P(SINR < snr), f64[n], for a law with a density."""
        by_state = [self.fading.cdf(snr / mean_snr) for mean_snr in self.means]
        return np.asarray(np.dot(self.shares, by_state))

    def quantile(self, p: float) -> float:
        """The linear SINR that is not reached a share p of the time."""
        if self.means.size == 1:
            return float(self.means[0]) * self.fading.quantile(p)
        return self._bisected(p)

    @cached_property
    def has_density(self) -> bool:
        """Whether the gain has a continuous law."""
        return self.fading.name not in _WITHOUT_DENSITY

    def _given(self, function: Function, mean_snr: float) -> float:
        if not self.has_density:
            return self.fading.expectation(lambda gain: function(mean_snr * gain))
        gains, weights = _grid(self.fading)
        return float(function(mean_snr * gains) @ weights)

    def _bisected(self, p: float) -> float:
        single = [float(mean_snr) * self.fading.quantile(p) for mean_snr in self.means]
        low, high = np.log(max(min(single), 1e-300)), np.log(max(single))
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            reached = float(np.dot(self.shares, [self.fading.cdf(np.exp(middle) / m) for m in self.means])) >= p
            low, high = (low, middle) if reached else (middle, high)
        return float(np.exp(high))


def states_of(means: FloatArray, lengths_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean SINRs f64[S] and shares of time f64[S], from those of consecutive stretches f64[n] and their lengths.

    Where there are more than 64 different ones, each is shared out between its two neighbours on an even grid in dB, so
    that what is linear in dB between two knots keeps its mean.
    """
    levels, which = np.unique(means, return_inverse=True)
    shares = np.bincount(which, weights=lengths_s).astype(np.float64) / np.sum(lengths_s)
    if levels.size <= _KNOTS:
        return levels, shares
    logs: FloatArray = np.log(levels)
    knots, place = np.linspace(logs[0], logs[-1], _KNOTS), (logs - logs[0]) / (logs[-1] - logs[0]) * (_KNOTS - 1)
    left = np.minimum(place.astype(np.int64), _KNOTS - 2)
    right_part = place - left
    weights = np.bincount(left, shares * (1 - right_part), _KNOTS) + np.bincount(left + 1, shares * right_part, _KNOTS)
    return np.exp(knots), weights.astype(np.float64)


@lru_cache(maxsize=64)
def _grid(fading: Fading) -> tuple[FloatArray, FloatArray]:
    """Gains f64[n] and their probabilities."""
    edges = np.geomspace(max(fading.quantile(_TAIL), 1e-300), fading.quantile(1.0 - _TAIL), _CELLS + 1)
    weights = np.diff(fading.cdf(edges))
    return np.sqrt(edges[1:] * edges[:-1]), weights / weights.sum()

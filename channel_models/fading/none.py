"""No fading: the channel of additive white Gaussian noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np
from numpy.typing import ArrayLike

from channel_models.fading.fading import FADING, LEAST_BLOCK_S, Fading, FloatArray
from channel_models.model import parameter
from channel_models.validation import count as checked_count
from channel_models.validation import non_negative, positive, probability


@FADING.register("none")
@dataclass(frozen=True, kw_only=True)
class NoFading(Fading):
    """A constant channel: gain 1 in every block, so the rate is that of the mean SNR."""

    coherence_s: float = parameter(
        "Length of a block (no effect on the gain, which never changes).",
        default=inf,
        least=LEAST_BLOCK_S,
        infinite=True,
    )

    @property
    def block_s(self) -> float:
        return self.coherence_s

    def gain(self, link: int, first_block: int, count: int) -> FloatArray:
        checked_count("first_block", first_block)
        return np.ones(checked_count("count", count))

    def gains(self, links: Sequence[int], first_block: int, count: int) -> FloatArray:
        checked_count("first_block", first_block)
        return np.ones((len(links), checked_count("count", count)))

    def cdf(self, x: ArrayLike) -> FloatArray:
        return (np.asarray(x, dtype=np.float64) >= 1.0).astype(np.float64)

    def quantile(self, p: float) -> float:
        probability("p", p)
        return 1.0

    def outage(self, threshold_snr: float, mean_snr: float) -> float:
        return float(positive("mean_snr", mean_snr) < non_negative("threshold_snr", threshold_snr))

    def expectation(self, function: Callable[[FloatArray], FloatArray]) -> float:
        return float(function(np.ones(1))[0])

    def gain_variance(self) -> float:
        return 0.0

    def mean_rate(self, snr: float) -> float:
        return float(np.log1p(positive("snr", snr))) / log(2.0)

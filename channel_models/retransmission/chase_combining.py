"""Hybrid ARQ with chase combining: repeats are the same, and their SNRs add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_models.retransmission.combining import CombiningPasses
from channel_models.retransmission.scheme import RETRANSMISSION
from channel_models.validation import count, positive

FloatArray = NDArray[np.float64]


@RETRANSMISSION.register("chase_combining")
@dataclass(frozen=True, kw_only=True)
class ChaseCombining(CombiningPasses):
    """The receiver combines the attempts of a packet at maximum ratio: effective SNR = sum of the SNRs (Chase 1985)."""

    def combine(self, gathered: FloatArray, snr: FloatArray) -> FloatArray:
        return gathered + snr


def chase_outage(attempts: int, threshold_snr: float, mean_snr: float) -> float:
    """P(M attempts in independent Rayleigh blocks do not sum up to a threshold), linear SNRs.

    P(Gamma(M) < threshold/g), the regularised incomplete gamma function (Caire and Tuninetti 2001).
    """
    from scipy.special import gammainc

    return float(gammainc(count("attempts", attempts, least=1), _ratio(threshold_snr, mean_snr)))


def chase_outage_in_one_block(attempts: int, threshold_snr: float, mean_snr: float) -> float:
    """The same with all attempts in one Rayleigh block: 1 - exp(-threshold/(M g))."""
    return -float(np.expm1(-_ratio(threshold_snr, mean_snr) / count("attempts", attempts, least=1)))


def _ratio(threshold_snr: float, mean_snr: float) -> float:
    return positive("threshold_snr", threshold_snr) / positive("mean_snr", mean_snr)

"""Exponential effective SNR mapping: the one SNR that stands for many, such as those of the subcarriers of a packet.

    snr_eff = -beta ln(mean of e^(-snr/beta)),

the SNR of a flat channel on which the same code fails as often; beta is calibrated by modulation and coding scheme.

Source: Ericsson, "System-level evaluation of OFDM: further considerations", 3GPP R1-031303, 2003.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from channel_models.rates.rate_map import FloatArray, linear_snr
from channel_models.validation import non_negative, positive


def effective_snr(snr: ArrayLike, beta: float, axis: int = -1) -> FloatArray:
    """Effective linear SNR of linear SNRs along an axis; between the least and the mean of them.

    Raises ValueError for a negative SNR, for none at all, or a beta that is not above 0.
    """
    values = linear_snr(snr)
    if values.ndim == 0 or values.shape[axis] == 0:
        raise ValueError("snr must have at least one entry along the axis that is averaged")
    least = np.min(values, axis=axis, keepdims=True)
    spread = np.mean(np.exp((least - values) / positive("beta", beta)), axis=axis)
    return np.squeeze(least, axis=axis) - beta * np.log(spread)


def rayleigh_effective_snr(mean_snr: float, beta: float) -> float:
    """beta ln(1 + g/beta), the limit of many independent Rayleigh subcarriers: E[e^(-snr/beta)] = 1/(1 + g/beta)."""
    return float(positive("beta", beta) * np.log1p(non_negative("mean_snr", mean_snr) / beta))

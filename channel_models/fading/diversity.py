"""Diversity: maximal-ratio combining of L independent Rayleigh branches of equal mean SNR.

The combined SNR is the sum of the branches', Gamma(L, g) for a mean SNR g of each branch: its mean is L g, the array
gain. To simulate it, take Nakagami fading of m = L at the mean SNR L g (10 log10 L dB above a branch's).

Source: Brennan 1959; Alouini and Goldsmith, IEEE Trans. Veh. Technol. 48(4), 1999.
"""

from __future__ import annotations

from math import log

from channel_models.special import scaled_exponential_integral
from channel_models.validation import count, non_negative, positive


def mrc_mean_rate(branch_snr: float, branches: int) -> float:
    """Ergodic rate in b/s/Hz, e^(1/g) sum_{k=1..L} E_k(1/g) / ln 2, at a linear mean SNR g of each of L branches."""
    x = 1.0 / positive("branch_snr", branch_snr)
    orders = range(1, count("branches", branches, 1) + 1)
    return sum(scaled_exponential_integral(x, order) for order in orders) / log(2.0)


def mrc_outage(threshold_snr: float, branch_snr: float, branches: int) -> float:
    """P(combined SNR < threshold) = P(L, threshold/g), the regularised lower incomplete gamma function; linear SNRs."""
    from scipy.special import gammainc

    ratio = non_negative("threshold_snr", threshold_snr) / positive("branch_snr", branch_snr)
    return float(gammainc(count("branches", branches, 1), ratio))

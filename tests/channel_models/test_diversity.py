"""Maximal-ratio combining of Rayleigh branches."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from channel_models.fading.diversity import mrc_mean_rate, mrc_outage
from channel_models.fading.nakagami import BlockNakagami
from channel_models.fading.rayleigh import BlockRayleigh

SNR = 10**0.5


# C = e^(1/g)/ln 2 sum_{k=1..L} E_k(1/g) and P(L, th/g), branches of 5 dB, th = 0 dB.
@pytest.mark.parametrize(
    ("branches", "rate", "outage"),
    [
        (1, 1.715974185, 0.2711066),
        (2, 2.616030543, 0.04061025),
        (4, 3.614929239, 3.239736e-4),
        (8, 4.632445281, 1.873358e-9),
    ],
)
def test_golden(branches: int, rate: float, outage: float) -> None:
    assert mrc_mean_rate(SNR, branches) == pytest.approx(rate, abs=6e-10)
    assert mrc_outage(1.0, SNR, branches) == pytest.approx(outage, rel=5e-7)


@pytest.mark.parametrize("snr", [1e-6, 10**-2.6, 1.0, 1e6])
def test_rate_against_high_precision(snr: float) -> None:
    with mpmath.workdps(40):
        x = 1 / mpmath.mpf(snr)
        exact = mpmath.exp(x) / mpmath.log(2) * sum(mpmath.expint(k, x) for k in range(1, 5))
    assert mrc_mean_rate(snr, 4) == pytest.approx(float(exact), rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(snr_db=st.floats(-40, 60), branches=st.integers(1, 16), threshold_db=st.floats(-20, 20))
def test_combining_is_nakagami_at_the_summed_snr(snr_db: float, branches: int, threshold_db: float) -> None:
    snr, threshold, combined = 10 ** (snr_db / 10), 10 ** (threshold_db / 10), BlockNakagami(m=branches)
    assert combined.mean_rate(branches * snr) == pytest.approx(mrc_mean_rate(snr, branches), rel=1e-11)
    assert combined.outage(threshold, branches * snr) == pytest.approx(mrc_outage(threshold, snr, branches), rel=1e-9)


def test_summed_branches_have_the_combined_law() -> None:
    branches = BlockRayleigh(seed=2).gains(range(4), 0, 100_000)
    combined = BlockNakagami(m=4)
    assert kstest(branches.sum(axis=0) / 4, combined.cdf).statistic < 1.95 / np.sqrt(100_000)


@pytest.mark.parametrize("branches", [0, -1, 1.5, True])
def test_impossible_branches_are_refused(branches) -> None:
    with pytest.raises(ValueError, match="branches must be an integer of at least 1"):
        mrc_mean_rate(SNR, branches)
    with pytest.raises(ValueError, match="branches must be an integer of at least 1"):
        mrc_outage(1.0, SNR, branches)


def test_impossible_snrs_are_refused() -> None:
    with pytest.raises(ValueError, match="branch_snr must be a finite number above 0"):
        mrc_mean_rate(0.0, 2)
    with pytest.raises(ValueError, match="threshold_snr must be a finite number of at least 0"):
        mrc_outage(-1.0, SNR, 2)

"""Rates that are cut off: means of functions that are smooth in pieces only."""

from __future__ import annotations

from itertools import pairwise
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading import Fading
from channel_models.fading.nakagami import BlockNakagami
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.fading.rician import BlockRician
from channel_models.rates.partial_mean import mean_between
from channel_models.rates.shannon import Shannon
from channel_models.rates.truncated_shannon import TruncatedShannon

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=3)
LAWS = [RAYLEIGH, BlockRician(seed=3), BlockNakagami(m=2.0, seed=3), NoFading()]


@pytest.mark.parametrize(
    ("alpha", "low_db", "high_db", "rate"),
    [(0.4, -10, 15, 0.6855222153), (0.6, -10, 22, 1.0282868194), (1.0, -10, 30, 1.7138113657)],
)
def test_truncated_shannon_golden(alpha: float, low_db: float, high_db: float, rate: float) -> None:
    # (alpha/ln 2) [ln(1+a) e^(-a/g) + e^(1/g) (E1((1+a)/g) - E1((1+b)/g))].
    truncated = TruncatedShannon(attenuation=alpha, min_snr_db=low_db, max_snr_db=high_db)
    assert truncated.rayleigh_ergodic(SNR) == pytest.approx(rate, rel=1e-9)
    assert truncated.ergodic(SNR, RAYLEIGH) == pytest.approx(truncated.rayleigh_ergodic(SNR), rel=1e-12)


@settings(deadline=None, max_examples=60)
@given(mean_db=st.floats(-15, 40), low_db=st.floats(-20, 10), width_db=st.floats(0.5, 40))
def test_quadrature_is_the_closed_form(mean_db: float, low_db: float, width_db: float) -> None:
    truncated = TruncatedShannon(min_snr_db=low_db, max_snr_db=low_db + width_db)
    mean_snr = 10 ** (mean_db / 10)
    assert truncated.ergodic(mean_snr, RAYLEIGH) == pytest.approx(
        truncated.rayleigh_ergodic(mean_snr), rel=1e-9, abs=1e-15
    )


def test_without_truncation_it_is_shannon() -> None:
    wide = TruncatedShannon(attenuation=1.0, min_snr_db=-150, max_snr_db=150)
    assert wide.ergodic(SNR, RAYLEIGH) == pytest.approx(Shannon().ergodic(SNR, RAYLEIGH), rel=1e-12)


def test_the_steps_are_where_they_should_be() -> None:
    truncated = TruncatedShannon(attenuation=0.5, min_snr_db=0.0, max_snr_db=10.0)
    snr = np.array([0.0, 0.999, 1.0, 3.0, 10.0, 1e9])
    top = 0.5 * np.log2(11.0)
    assert truncated.spectral_efficiency(snr) == pytest.approx([0.0, 0.0, 0.5, 1.0, top, top], rel=1e-14)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_mean_over_any_law_meets_the_sample_mean(law: Fading) -> None:
    truncated = TruncatedShannon(min_snr_db=0.0, max_snr_db=6.0)
    rates = truncated.spectral_efficiency(SNR * law.gain(0, 0, 200_000))
    assert abs(rates.mean() - truncated.ergodic(SNR, law)) <= 4.4 * rates.std() / sqrt(rates.size) + 1e-12


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_pieces_add_up(law: Fading) -> None:
    def square_root(snr: np.ndarray) -> np.ndarray:
        return np.sqrt(snr)

    cuts = [1e-6, 0.1, 1.0, 3.0, 7.0, inf]
    pieces = [mean_between(square_root, a, b, SNR, law) for a, b in pairwise(cuts)]
    assert sum(pieces) == pytest.approx(mean_between(square_root, 1e-6, inf, SNR, law), rel=1e-9)
    # E[1; low <= snr < high] is a difference of outages.
    share = mean_between(np.ones_like, 1.0, 4.0, SNR, law)
    assert share == pytest.approx(law.outage(4.0, SNR) - law.outage(1.0, SNR), abs=1e-12)


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match=r"min_snr_db must be below max_snr_db = 1\.0, got 2\.0"):
        TruncatedShannon(min_snr_db=2.0, max_snr_db=1.0)

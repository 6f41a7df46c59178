"""Modulation and coding schemes, and the effective SNR of many subcarriers."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_models.fading.nakagami import BlockNakagami
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.rates.eesm import effective_snr, rayleigh_effective_snr
from channel_models.rates.mcs_ladder import NR_EFFICIENCIES, NR_THRESHOLDS_DB, McsLadder
from channel_models.rates.shannon import Shannon

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=8)


def test_ladder_golden() -> None:
    # 0.9 sum over schemes of (se_k - se_(k-1)) e^(-t_k/g); P(no scheme) = 1 - e^(-t_0/g).
    assert McsLadder().goodput(SNR, RAYLEIGH) == pytest.approx(1.1204756, abs=5e-8)
    assert McsLadder().silence(SNR, RAYLEIGH) == pytest.approx(0.148984, abs=5e-7)
    steps = np.diff((0.0, *NR_EFFICIENCIES)) * np.exp(-(10 ** (np.array(NR_THRESHOLDS_DB) / 10)) / SNR)
    assert McsLadder().ergodic(SNR, RAYLEIGH) == pytest.approx(steps.sum(), rel=1e-12)


def test_a_scheme_is_used_from_its_threshold_on() -> None:
    ladder = McsLadder(thresholds_db=(0.0, 10.0), efficiencies_b_per_s_hz=(0.5, 2.0), target_bler=0.05)
    snr = np.array([0.0, 0.999999, 1.0, 9.999999, 10.0, 1e6])
    assert ladder.scheme(snr).tolist() == [-1, -1, 0, 0, 1, 1]
    assert ladder.spectral_efficiency(snr).tolist() == [0.0, 0.0, 0.5, 0.5, 2.0, 2.0]
    assert float(ladder.spectral_efficiency(1.0)) == 0.5
    assert ladder.error_rate(snr).tolist() == [0.05] * 6
    assert ladder.efficiencies == (0.5, 2.0)


def test_thresholds_are_not_cut_to_whole_decibels() -> None:
    # int(0.655 dB) = 0 dB and int(-2.923 dB) = -2 dB would move a step.
    assert float(McsLadder().spectral_efficiency(10 ** (0.0 / 10))) == 0.7402
    assert float(McsLadder().spectral_efficiency(10 ** (-2.9 / 10))) == 0.4902


@pytest.mark.parametrize("law", [RAYLEIGH, BlockNakagami(m=2.0, seed=8), NoFading()], ids=lambda law: law.name)
def test_ladder_mean_meets_the_sample_mean(law: BlockRayleigh) -> None:
    rates = McsLadder().spectral_efficiency(SNR * law.gain(0, 0, 200_000))
    assert abs(rates.mean() - McsLadder().ergodic(SNR, law)) <= 4.4 * rates.std() / sqrt(rates.size) + 1e-12


def test_every_scheme_keeps_below_capacity() -> None:
    capacity = Shannon().spectral_efficiency(10 ** (np.array(NR_THRESHOLDS_DB) / 10))
    assert np.all(np.array(NR_EFFICIENCIES) < capacity)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"thresholds_db": (1.0,)}, "one entry for each of thresholds_db, got 9 and 1"),
        ({"thresholds_db": (), "efficiencies_b_per_s_hz": ()}, "one entry for each"),
        ({"thresholds_db": (2.0, 1.0), "efficiencies_b_per_s_hz": (1.0, 2.0)}, "thresholds_db must rise"),
        ({"thresholds_db": (1.0, 2.0), "efficiencies_b_per_s_hz": (2.0, 2.0)}, "efficiencies_b_per_s_hz must rise"),
        ({"target_bler": 0.0}, "target_bler must be above 0"),
        ({"target_bler": 1.0}, "target_bler must be below 1"),
    ],
)
def test_impossible_ladders_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        McsLadder(**change)


@pytest.mark.parametrize(("beta", "value"), [(1.6, 1.745155879), (5.0, 2.450426713)])
def test_effective_snr_of_many_rayleigh_subcarriers_golden(beta: float, value: float) -> None:
    # beta ln(1 + g/beta).
    assert rayleigh_effective_snr(SNR, beta) == pytest.approx(value, rel=1e-9)
    snr = SNR * RAYLEIGH.gain(0, 0, 400_000)
    # The error of ln(mean) is that of the mean over the mean.
    part = np.exp(-snr / beta)
    error = beta * part.std() / part.mean() / sqrt(part.size)
    assert abs(float(effective_snr(snr, beta)) - rayleigh_effective_snr(SNR, beta)) <= 4.4 * error


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(0.1, 100))
def test_effective_snr_lies_between_the_least_and_the_mean(snr: list[float], beta: float) -> None:
    value = float(effective_snr(snr, beta))
    assert min(snr) * (1 - 1e-12) <= value <= np.mean(snr) * (1 + 1e-9) + 1e-9


def test_effective_snr_of_a_flat_channel_is_its_snr() -> None:
    flat = effective_snr(np.full((2, 7), [[SNR], [1e5]]), 1.6)
    assert flat == pytest.approx([3.16227766, 1e5], rel=1e-9)
    assert effective_snr(np.ones((2, 3, 4)), 1.0, axis=1).shape == (2, 4)


@pytest.mark.parametrize(("snr", "beta"), [([-1.0, 2.0], 1.0), ([1.0], 0.0), ([], 1.0), (1.0, 1.0)])
def test_effective_snr_refuses_what_has_none(snr: object, beta: float) -> None:
    with pytest.raises(ValueError, match=r"(snr|beta) must"):
        effective_snr(snr, beta)

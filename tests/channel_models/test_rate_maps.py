from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.rates import RATE_MAPS, RateMap
from channel_models.rates.fixed import FixedRate
from channel_models.rates.shannon import Shannon

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=5, coherence_s=0.05)


def test_shannon_golden() -> None:
    # log2(1 + g), and log2(e) e^(1/g) E1(1/g) for Rayleigh fading.
    assert 1e6 * float(Shannon().spectral_efficiency(SNR)) == pytest.approx(2057373.2086, abs=1e-4)
    assert 1e6 * Shannon().ergodic(SNR, RAYLEIGH) == pytest.approx(1715974.18507, abs=1e-5)
    assert Shannon().ergodic(SNR, NoFading()) == pytest.approx(2.0573732086, abs=1e-10)
    assert Shannon().spectral_efficiency(np.array([0.0, 1.0, 3.0])).tolist() == [0.0, 1.0, 2.0]


@settings(deadline=None)
@given(st.floats(1e-300, 1e-9))
def test_shannon_keeps_its_digits_at_tiny_snr(snr: float) -> None:
    assert float(Shannon().spectral_efficiency(snr)) == pytest.approx(snr / np.log(2), rel=1e-8)


@pytest.mark.parametrize(
    ("outage", "rate"),
    [(1e-3, 0.0045572794201), (0.01, 0.0451381168687), (0.1, 0.414870719425), (0.5, 1.674426230890)],
)
def test_outage_rate_golden(outage: float, rate: float) -> None:
    # log2(1 - g ln(1 - eps)).
    assert Shannon().outage_efficiency(SNR, RAYLEIGH, outage) == pytest.approx(rate, rel=1e-11)


@pytest.mark.parametrize(("rate", "outage"), [(0.5, 0.122769794892), (1.0, 0.271106585890), (2.0, 0.612749418492)])
def test_fixed_rate_outage_golden(rate: float, outage: float) -> None:
    # 1 - exp(-(2^R - 1)/g).
    fixed = FixedRate(efficiency_b_per_s_hz=rate)
    assert RAYLEIGH.outage(fixed.threshold_snr, SNR) == pytest.approx(outage, abs=6e-13)
    assert fixed.goodput(SNR, RAYLEIGH) == pytest.approx(rate * (1 - outage), rel=1e-11)


def test_best_fixed_rate_golden() -> None:
    # R* = W0(g)/ln 2, goodput R e^(-(2^R - 1)/g).
    best = FixedRate.best_for_rayleigh(SNR)
    assert best.efficiency_b_per_s_hz == pytest.approx(1.55386720526, abs=6e-12)
    assert best.goodput(SNR, RAYLEIGH) == pytest.approx(0.842417144776, abs=6e-13)
    assert RAYLEIGH.outage(best.threshold_snr, SNR) == pytest.approx(0.457857697, abs=6e-10)


@settings(deadline=None)
@given(mean_snr=st.floats(0.01, 1000.0), factor=st.floats(0.2, 3.0))
def test_no_fixed_rate_beats_the_best(mean_snr: float, factor: float) -> None:
    best = FixedRate.best_for_rayleigh(mean_snr)
    other = FixedRate(efficiency_b_per_s_hz=best.efficiency_b_per_s_hz * factor)
    assert other.goodput(mean_snr, RAYLEIGH) <= best.goodput(mean_snr, RAYLEIGH) * (1 + 1e-12)
    assert best.goodput(mean_snr, RAYLEIGH) < Shannon().ergodic(mean_snr, RAYLEIGH)


def test_fixed_rate_is_constant_and_positive() -> None:
    assert FixedRate(efficiency_b_per_s_hz=1.5).spectral_efficiency(np.array([0.1, 10.0])).tolist() == [1.5, 1.5]
    assert FixedRate(efficiency_b_per_s_hz=1.5).ergodic(SNR, RAYLEIGH) == 1.5
    with pytest.raises(ValueError, match="efficiency_b_per_s_hz"):
        FixedRate(efficiency_b_per_s_hz=0.0)


def test_registry_builds_by_name() -> None:
    assert RATE_MAPS["shannon"]() == Shannon()
    assert {"finite_blocklength", "fixed", "mcs_ladder", "shannon", "truncated_shannon"} <= set(RATE_MAPS)


def test_the_rate_is_neither_that_of_the_mean_snr_nor_of_the_mean_in_db() -> None:
    # Shannon at the mean SNR, 2.057373; at the mean of the SNR in dB, 2.493184 dB, 1.472743; truth 1.715974 b/s/Hz.
    truth = Shannon().ergodic(SNR, RAYLEIGH)
    at_mean, at_mean_db = Shannon().spectral_efficiency([SNR, 10**0.2493184219])
    assert (at_mean / truth - 1, at_mean_db / truth - 1) == pytest.approx((0.199, -0.142), abs=1e-3)


BY_SNR = [RATE_MAPS[name]() for name in ("finite_blocklength", "fixed", "mcs_ladder", "shannon", "truncated_shannon")]


@pytest.mark.parametrize("rate", BY_SNR, ids=lambda rate: rate.name)
@pytest.mark.parametrize("snr", [-1e-6, float("nan"), [1.0, -5.0]])
def test_a_negative_snr_has_no_rate(rate: RateMap, snr: float | list[float]) -> None:
    # A mean interference below 0, or 5 dB taken for linear with its sign, would give a complex rate.
    with pytest.raises(ValueError, match="snr must be a linear power ratio of at least 0"):
        rate.spectral_efficiency(snr)


@pytest.mark.parametrize("rate", BY_SNR, ids=lambda rate: rate.name)
def test_rates_never_fall_with_the_snr_nor_exceed_capacity_if_adaptive(rate: RateMap) -> None:
    snr = np.concatenate(([0.0], np.geomspace(1e-6, 1e6, 2001)))
    efficiency = rate.spectral_efficiency(snr)
    assert efficiency.dtype == np.float64
    assert efficiency.shape == snr.shape
    assert np.all(np.diff(efficiency) >= 0)
    assert rate.name == "fixed" or np.all(efficiency <= Shannon().spectral_efficiency(snr))


def test_rates_are_bits_per_second_and_hertz() -> None:
    # One megabit in one second over one megahertz at 0 dB: 10^6 bits, not 2^20.
    assert 1e6 * float(Shannon().spectral_efficiency(1.0)) == 1_000_000.0

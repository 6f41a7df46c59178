"""Short codewords: the normal approximation."""

from __future__ import annotations

from math import inf, log2, sqrt

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.fading.rician import BlockRician
from channel_models.rates.finite_blocklength import FiniteBlocklength, capacity, dispersion
from channel_models.rates.shannon import Shannon

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=13)


def test_capacity_and_dispersion_golden() -> None:
    # C = log2(1 + g), V = g (g + 2)/(g + 1)^2 log2(e)^2.
    assert float(capacity(SNR)) == pytest.approx(2.057373209, rel=1e-9)
    assert float(dispersion(SNR)) == pytest.approx(1.961229160, rel=1e-9)


@pytest.mark.parametrize(
    ("snr_db", "blocklength", "bler", "rate"),
    [
        (5, 500, 1e-3, 1.872799189),
        (5, 500, 1e-5, 1.799230877),
        (5, 100, 1e-3, 1.657824331),
        (5, 1000, 1e-3, 1.925502793),
        (5, 5000, 1e-3, 1.997399320),
        (0, 500, 1e-3, 0.836298008),
        (10, 500, 1e-3, 3.269843420),
    ],
)
def test_rate_golden(snr_db: float, blocklength: int, bler: float, rate: float) -> None:
    # R = C - sqrt(V/n) Q^-1(eps) + log2(n)/(2n).
    short = FiniteBlocklength(blocklength=blocklength, target_bler=bler)
    assert float(short.spectral_efficiency(10 ** (snr_db / 10))) == pytest.approx(rate, rel=1e-9)


def test_rate_without_the_logarithm_and_of_the_real_channel_golden() -> None:
    # Without log2(n)/(2n) 1.863833404; real symbols: half of C and of V, with log2(n)/(2n): 0.900799081.
    short = FiniteBlocklength()
    rate, gain = float(short.spectral_efficiency(SNR)), log2(500) / 1000
    assert rate - gain == pytest.approx(1.863833404, rel=1e-9)
    c, backoff = float(capacity(SNR)), float(capacity(SNR)) + gain - rate
    assert (c / 2 - backoff / sqrt(2) + gain) == pytest.approx(0.900799081, rel=1e-9)


@pytest.mark.parametrize(("rate", "bler"), [(1.8, 1.056466e-5), (1.9, 3.954625e-3), (2.0, 0.1447478)])
def test_inverse_golden(rate: float, bler: float) -> None:
    # eps = Q((C - R + log2(n)/(2n))/sqrt(V/n)).
    assert float(FiniteBlocklength().block_error_rate(SNR, rate)) == pytest.approx(bler, rel=1e-6)


@settings(deadline=None)
@given(st.floats(0.01, 30), st.integers(50, 10_000), st.floats(1e-9, 0.4))
def test_error_rate_at_the_rate_is_the_target(excess_db: float, blocklength: int, bler: float) -> None:
    short = FiniteBlocklength(blocklength=blocklength, target_bler=bler)
    snr = short.least_snr * 10 ** (excess_db / 10)
    rate = float(short.spectral_efficiency(snr))
    assert float(short.block_error_rate(snr, rate)) == pytest.approx(bler, rel=1e-6)
    assert float(short.error_rate(snr)) == bler


def test_rayleigh_averaged_error_rate_golden() -> None:
    # E[Q((C - R + log2(n)/(2n))/sqrt(V/n))] at n = 500, R = 1; the outage limit is 1 - e^(-1/g) = 0.2711066.
    average = FiniteBlocklength().mean_block_error_rate(SNR, RAYLEIGH, 1.0)
    assert average == pytest.approx(0.2686047, abs=5e-8)
    with mpmath.workdps(20):
        g, n = mpmath.mpf(SNR), 500

        def failing(x: mpmath.mpf) -> mpmath.mpf:
            snr = g * x
            v = snr * (snr + 2) / (snr + 1) ** 2 / mpmath.log(2) ** 2
            z = (mpmath.log(1 + snr, 2) - 1 + mpmath.log(n, 2) / (2 * n)) / mpmath.sqrt(v / n)
            return mpmath.ncdf(-z) * mpmath.exp(-x)

        truth = mpmath.quad(failing, [0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 1, 2])
    assert average == pytest.approx(float(truth), rel=1e-9)
    limit = FiniteBlocklength(blocklength=10**8).mean_block_error_rate(SNR, RAYLEIGH, 1.0)
    assert limit == pytest.approx(RAYLEIGH.outage(1.0, SNR), rel=1e-6)


@pytest.mark.parametrize("law", [RAYLEIGH, BlockRician(seed=13), NoFading()], ids=lambda law: law.name)
@pytest.mark.parametrize("blocklength", [50, 5000])
def test_means_meet_sample_means(law: BlockRayleigh, blocklength: int) -> None:
    short = FiniteBlocklength(blocklength=blocklength)
    snr = SNR * law.gain(0, 0, 100_000)
    pairs = (
        (short.spectral_efficiency(snr), short.ergodic(SNR, law)),
        (short.block_error_rate(snr, 1.5), short.mean_block_error_rate(SNR, law, 1.5)),
    )
    for sample, mean in pairs:
        assert abs(sample.mean() - mean) <= 4.4 * sample.std() / sqrt(sample.size) + 1e-12


def test_nothing_is_sent_where_the_approximation_means_nothing() -> None:
    # At SNR 0 the formula alone would offer log2(n)/(2n) = 0.009 b/s/Hz, above the capacity.
    short = FiniteBlocklength()
    assert short.spectral_efficiency([0.0, 0.999 * short.least_snr]).tolist() == [0.0, 0.0]
    assert float(short.spectral_efficiency(1.001 * short.least_snr)) > 0
    assert float(short.block_error_rate(0.0, 0.5)) == 1.0


def test_long_codewords_reach_capacity() -> None:
    rate = FiniteBlocklength(blocklength=10**9).ergodic(SNR, RAYLEIGH)
    assert rate == pytest.approx(Shannon().ergodic(SNR, RAYLEIGH), rel=2e-4)
    assert rate < Shannon().ergodic(SNR, RAYLEIGH)


@pytest.mark.parametrize(("blocklength", "bler"), [(10, 1e-300), (10**9, 0.4999999), (10, 0.499), (10**9, 1e-12)])
def test_the_least_snr_is_found_at_the_extremes(blocklength: int, bler: float) -> None:
    short = FiniteBlocklength(blocklength=blocklength, target_bler=bler)
    gain = log2(blocklength) / (2 * blocklength)
    assert float(short.spectral_efficiency(short.least_snr * (1 + 1e-9))) == pytest.approx(gain, abs=1e-6)


@pytest.mark.parametrize("bler", [0.0, 0.5, -0.1, inf, float("nan")])
def test_targets_that_are_none_are_refused(bler: float) -> None:
    with pytest.raises(ValueError, match="target_bler must be"):
        FiniteBlocklength(target_bler=bler)
    with pytest.raises(ValueError, match="blocklength must be at least 10"):
        FiniteBlocklength(blocklength=9)

"""The laws of Rician and Nakagami fading, and where they meet Rayleigh's."""

from __future__ import annotations

from math import exp, inf, log

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from channel_models.fading.fading import Fading
from channel_models.fading.nakagami import BlockNakagami
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.fading.rician import BlockRician

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=5)
LAWS: list[Fading] = [
    RAYLEIGH,
    BlockRician(seed=5, k_factor_db=-inf),
    BlockRician(seed=5, k_factor_db=0.0),
    BlockRician(seed=5, k_factor_db=6.0),
    BlockRician(seed=5, k_factor_db=20.0),
    BlockNakagami(seed=5, m=0.5),
    BlockNakagami(seed=5, m=1.0),
    BlockNakagami(seed=5, m=2.0),
    BlockNakagami(seed=5, m=30.0),
]
SAME_AS_RAYLEIGH = [BlockRician(seed=5, k_factor_db=-inf), BlockNakagami(seed=5, m=1.0)]


def label(law: Fading) -> str:
    return f"{law.name}{getattr(law, 'k_factor_db', '')}{getattr(law, 'm', '')}"


every_law = pytest.mark.parametrize("law", LAWS, ids=label)


def assert_mean(sample: np.ndarray, mean: float) -> None:
    assert abs(sample.mean() - mean) <= 4.4 * sample.std(ddof=1) / np.sqrt(sample.size)


# P(x < th) = 1 - Q1(sqrt(2K), sqrt(2(1+K) th/g)) at th = 0 dB, g = 5 dB; E log2(1 + g x); Var x = (1+2K)/(1+K)^2.
@pytest.mark.parametrize(
    ("k_factor_db", "outage", "rate", "variance"),
    [
        (0.0, 0.2263674511, 1.774335800, 0.75),
        (3.0, 0.1719846399, 1.835069001, 0.55625827),
        (6.0, 0.1007863485, 1.907404569, 0.36121544),
        (10.0, 0.0238134850, 1.984390401, 0.17355372),
    ],
)
def test_rician_golden(k_factor_db: float, outage: float, rate: float, variance: float) -> None:
    rician = BlockRician(k_factor_db=k_factor_db)
    assert rician.outage(1.0, SNR) == pytest.approx(outage, abs=6e-11)
    assert rician.mean_rate(SNR) == pytest.approx(rate, abs=6e-10)
    assert rician.gain_variance() == pytest.approx(variance, abs=6e-9)


# P(m, m th/g) at th = 0 dB and E log2(1 + g x), x ~ Gamma(m, 1/m), g = 5 dB.
@pytest.mark.parametrize(("m", "outage", "rate"), [(2, 0.1326998683, 1.867796519), (4, 0.03967422597, 1.957669574)])
def test_nakagami_golden(m: float, outage: float, rate: float) -> None:
    nakagami = BlockNakagami(m=m)
    assert nakagami.outage(1.0, SNR) == pytest.approx(outage, abs=6e-11)
    assert nakagami.mean_rate(SNR) == pytest.approx(rate, abs=6e-10)
    assert nakagami.gain_variance() == pytest.approx(1 / m, rel=1e-12)


@every_law
def test_samples_have_the_law(law: Fading) -> None:
    sample = law.gain(3, 0, 100_000)
    assert kstest(sample, law.cdf).statistic < 1.95 / np.sqrt(sample.size)
    assert_mean(sample, 1.0)
    assert_mean(np.square(sample - 1.0), law.gain_variance())
    assert_mean(np.log2(1 + SNR * sample), law.mean_rate(SNR))
    assert_mean(np.square(np.log2(1 + SNR * sample) / law.mean_rate(SNR) - 1), law.rate_cv2(SNR))
    # An amplitude in place of a power, or a power gain "corrected" by a root, would change the share of deep fades.
    assert_mean((SNR * sample < 0.8 * SNR).astype(float), law.outage(0.8 * SNR, SNR))


@pytest.mark.parametrize("law", SAME_AS_RAYLEIGH, ids=label)
def test_limits_are_rayleigh_in_closed_form(law: Fading) -> None:
    x = np.logspace(-12, 1.3, 60)
    assert np.allclose(law.cdf(x), RAYLEIGH.cdf(x), rtol=1e-12, atol=0)
    for p in (1e-9, 0.01, 0.5, 0.99):
        assert law.quantile(p) == pytest.approx(RAYLEIGH.quantile(p), rel=1e-9)
    for snr in (1e-4, 1.0, SNR, 1e5):
        assert law.mean_rate(snr) == pytest.approx(RAYLEIGH.mean_rate(snr), rel=1e-12)
        assert law.rate_cv2(snr) == pytest.approx(RAYLEIGH.rate_cv2(snr), rel=1e-10)


@pytest.mark.parametrize("law", SAME_AS_RAYLEIGH, ids=label)
def test_limits_are_rayleigh_in_samples(law: Fading) -> None:
    assert kstest(law.gain(0, 0, 100_000), RAYLEIGH.cdf).statistic < 1.95 / np.sqrt(100_000)


def test_equal_powers_are_not_no_line_of_sight() -> None:
    # K = 0 dB is K = 1: P(x < 1/g) is 0.2264, where K = 0 has Rayleigh's 0.2711.
    assert BlockRician(k_factor_db=0.0).k_factor == 1.0
    assert BlockRician(k_factor_db=-inf).k_factor == 0.0
    sample = BlockRician(k_factor_db=0.0).gain(0, 0, 100_000)
    assert kstest(sample, RAYLEIGH.cdf).statistic > 5 * 1.95 / np.sqrt(sample.size)


def test_the_constant_channel_is_the_other_limit() -> None:
    for law in (BlockRician(k_factor_db=60.0), BlockNakagami(m=1e4)):
        assert law.mean_rate(SNR) == pytest.approx(np.log2(1 + SNR), rel=1e-4)
        assert law.gain_variance() < 1.1e-4
        assert law.gain(0, 0, 1000) == pytest.approx(np.ones(1000), abs=0.06)


@settings(deadline=None, max_examples=50)
@given(p=st.floats(1e-9, 1 - 1e-9), law=st.sampled_from(LAWS))
def test_quantile_inverts_the_cdf(p: float, law: Fading) -> None:
    assert float(law.cdf(law.quantile(p))) == pytest.approx(p, rel=1e-9)


@every_law
def test_the_ends_of_the_law(law: Fading) -> None:
    assert law.quantile(0.0) == 0.0
    assert law.quantile(1.0) == inf
    assert law.cdf([-1.0, 0.0]).tolist() == [0.0, 0.0]
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="p must lie in"):
            law.quantile(p)


@every_law
def test_moments_by_quadrature(law: Fading) -> None:
    assert law.expectation(np.ones_like) == pytest.approx(1.0, rel=1e-13)
    assert law.expectation(lambda x: x) == pytest.approx(1.0, rel=1e-12)
    assert law.expectation(lambda x: np.square(x - 1.0)) == pytest.approx(law.gain_variance(), rel=1e-11)


def nakagami_mean(function, m: float) -> float:
    density = lambda x: mpmath.mpf(m) ** m * x ** (mpmath.mpf(m) - 1) * mpmath.exp(-m * x) / mpmath.gamma(m)  # noqa: E731
    points = [0, 1e-9, 1e-6, 1e-3, 0.05, 0.3, 0.7, 1, 1.5, 2, 4, 10, 40, 100]
    return float(mpmath.quad(lambda x: function(x) * density(x), points))


def rician_mean(function, k: float) -> float:
    def density(x):
        return (1 + k) * mpmath.exp(-k - (1 + k) * x) * mpmath.besseli(0, 2 * mpmath.sqrt(k * (1 + k) * x))

    points = [0, 1e-9, 1e-6, 1e-3, 0.05, 0.3, 0.7, 1, 1.5, 2, 4, 10, 40]
    return float(mpmath.quad(lambda x: function(x) * density(x), points))


@pytest.mark.parametrize("snr", [1e-9, SNR, 1e6])
def test_expectations_against_high_precision(snr: float) -> None:
    with mpmath.workdps(20):
        for m in (0.5, 2.5):
            law = BlockNakagami(m=m)
            assert law.mean_rate(snr) * log(2) == pytest.approx(
                nakagami_mean(lambda x: mpmath.log(1 + snr * x), m), rel=1e-12
            )
            exact = nakagami_mean(lambda x: 1 / (1 + snr * x), m)
            assert law.expectation(lambda x: 1 / (1 + snr * x)) == pytest.approx(exact, rel=1e-12)
        law = BlockRician(k_factor_db=6.0)
        exact = rician_mean(lambda x: mpmath.log(1 + snr * x), mpmath.mpf(law.k_factor))
        assert law.mean_rate(snr) * log(2) == pytest.approx(exact, rel=1e-12)
        exact = rician_mean(lambda x: 1 / (1 + snr * x), mpmath.mpf(law.k_factor))
        assert law.expectation(lambda x: 1 / (1 + snr * x)) == pytest.approx(exact, rel=1e-12)


def test_deep_outage_keeps_its_digits() -> None:
    # P(x < t) -> (1+K) e^-K t for Rician, (m t)^m / Gamma(m+1) for Nakagami, as t -> 0.
    rician = BlockRician(k_factor_db=6.0)
    assert rician.outage(1e-9, 1.0) == pytest.approx((1 + rician.k_factor) * exp(-rician.k_factor) * 1e-9, rel=1e-7)
    assert BlockNakagami(m=2.0).outage(1e-6, 1.0) == pytest.approx(2e-12, rel=1e-5)


@pytest.mark.parametrize(
    "law", [RAYLEIGH, BlockRician(k_factor_db=6.0), BlockNakagami(m=1.0), BlockNakagami(m=0.5)], ids=label
)
def test_an_infinite_mean_is_refused(law: Fading) -> None:
    # The delay S/(B log2(1 + g x)) of one draw an upload has a Pareto tail of index 1: no mean.
    with pytest.raises(ValueError, match="expectation diverges"):
        law.expectation(lambda x: 1.0 / np.log1p(SNR * x))


def test_a_finite_inverse_mean_is_answered() -> None:
    # E[1/x] = m/(m-1) under Gamma(m, 1/m), m > 1.
    assert BlockNakagami(m=2.0).expectation(lambda x: 1 / x) == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (BlockRician, {"k_factor_db": inf}, "k_factor_db must be at most 60"),
        (BlockRician, {"k_factor_db": float("nan")}, "k_factor_db must be a finite number"),
        (BlockNakagami, {"m": 0.49}, "m must be at least 0.5"),
        (BlockNakagami, {"m": inf}, "m must be a finite number"),
        (BlockNakagami, {"coherence_s": 0.0}, "coherence_s must be at least"),
    ],
)
def test_impossible_parameters_are_refused(model, values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(**values)

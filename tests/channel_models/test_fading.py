from __future__ import annotations

from math import exp, inf, log, log2
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from channel_models.fading.fading import CHUNK_BLOCKS
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.special import exponential_expectation, scaled_exponential_integral

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=11, coherence_s=0.05)
SAMPLE = RAYLEIGH.gain(link=0, first_block=0, count=1_000_000)


def within_standard_errors(sample: np.ndarray, mean: float) -> bool:
    return abs(sample.mean() - mean) <= 4.4 * sample.std(ddof=1) / np.sqrt(sample.size)


# C = log2(e) e^(1/g) E1(1/g), Shannon's capacity averaged over Exp(1) gains.
@pytest.mark.parametrize(
    ("mean_snr_db", "rate"),
    [
        (-10, 0.1320979678),
        (-5, 0.3621497989),
        (0, 0.8603473823),
        (5, 1.71597418507),
        (10, 2.906514808),
        (15, 4.330200334),
        (20, 5.884048234),
        (30, 9.143619491),
    ],
)
def test_ergodic_rate_golden(mean_snr_db: float, rate: float) -> None:
    assert RAYLEIGH.mean_rate(10 ** (mean_snr_db / 10)) == pytest.approx(rate, abs=6e-10)


@pytest.mark.parametrize("snr", [1e-12, 1e-6, 1e-3, 1.3e-3, 0.01, 0.1, 0.199, 0.201, 1.0, SNR, 1e3, 1e9, 1e15])
def test_ergodic_rate_against_high_precision(snr: float) -> None:
    with mpmath.workdps(40):
        x = 1 / mpmath.mpf(snr)
        exact = mpmath.exp(x) * mpmath.e1(x) / mpmath.log(2)
    assert RAYLEIGH.mean_rate(snr) == pytest.approx(float(exact), rel=1e-12)


def test_small_snr_neither_overflows_nor_vanishes() -> None:
    # e^(1/g) overflows below g = 1.4e-3; the rate tends to g log2(e).
    assert RAYLEIGH.mean_rate(1e-10) == pytest.approx(1e-10 / log(2), rel=1e-9)
    assert scaled_exponential_integral(1e300) == pytest.approx(1e-300, rel=1e-12)


@settings(deadline=None)
@given(st.floats(1e-6, 1e6))
def test_closed_form_equals_quadrature(snr: float) -> None:
    quadrature = exponential_expectation(lambda x: np.log1p(snr * x)) / log(2)
    assert RAYLEIGH.mean_rate(snr) == pytest.approx(quadrature, rel=1e-10)


# Var/mean^2 and standard deviation of log2(1 + g x), x ~ Exp(1).
def test_rate_spread_golden() -> None:
    assert RAYLEIGH.rate_cv2(SNR) == pytest.approx(0.324613985, abs=6e-10)
    std = np.sqrt(RAYLEIGH.rate_cv2(SNR)) * RAYLEIGH.mean_rate(SNR)
    assert std == pytest.approx(0.977674670, abs=6e-10)


@pytest.mark.parametrize("snr", [1e-5, 0.1, 3.0, 300.0])
def test_rate_spread_against_high_precision(snr: float) -> None:
    with mpmath.workdps(30):
        points = [0, 1e-6, 1e-3, 0.1, 1, 10, 60, 200]
        first: Any = mpmath.quad(lambda x: mpmath.log(1 + snr * x) * mpmath.exp(-x), points)
        second: Any = mpmath.quad(lambda x: mpmath.log(1 + snr * x) ** 2 * mpmath.exp(-x), points)
    assert RAYLEIGH.rate_cv2(snr) == pytest.approx(float(second / first**2 - 1), rel=1e-9)


@pytest.mark.parametrize("snr", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("fading", [RAYLEIGH, NoFading()])
def test_an_impossible_mean_snr_is_refused(fading, snr: float) -> None:
    for question in (fading.mean_rate, lambda value: fading.outage(1.0, value)):
        with pytest.raises(ValueError, match="snr must be a finite number above 0"):
            question(snr)


def test_gains_have_unit_mean_power_and_the_exponential_law() -> None:
    assert within_standard_errors(SAMPLE, 1.0)
    assert within_standard_errors(np.square(SAMPLE), 2.0)
    law = kstest(SAMPLE[:100_000], RAYLEIGH.cdf)
    assert law.statistic < 1.95 / np.sqrt(100_000)
    # An amplitude in place of a power would give P(gain < 0.1) = 0.005.
    assert within_standard_errors((SAMPLE < 0.1).astype(float), 1 - exp(-0.1))


def test_sampled_rates_meet_the_closed_forms() -> None:
    rates = np.log2(1 + SNR * SAMPLE)
    assert within_standard_errors(rates, RAYLEIGH.mean_rate(SNR))
    squared = np.square(rates / RAYLEIGH.mean_rate(SNR) - 1)
    assert within_standard_errors(squared, RAYLEIGH.rate_cv2(SNR))
    decibels = 10 * np.log10(SNR * SAMPLE)
    assert within_standard_errors(decibels, 2.493184219)
    assert within_standard_errors(np.square(decibels - 2.493184219), 5.570043140**2)


# P(g x < threshold) = 1 - e^(-threshold/g).
@pytest.mark.parametrize(
    ("threshold_db", "probability"),
    [
        (-10, 0.031128005660),
        (-5, 0.095162581964),
        (0, 0.271106585890),
        (5, 0.632120558829),
        (10, 0.957670780377),
    ],
)
def test_outage_golden_and_sampled(threshold_db: float, probability: float) -> None:
    threshold = 10 ** (threshold_db / 10)
    assert RAYLEIGH.outage(threshold, SNR) == pytest.approx(probability, abs=6e-13)
    assert within_standard_errors((threshold > SNR * SAMPLE).astype(float), probability)


# log2(1 - g ln(1 - eps)), the rate that all but a share eps of blocks carry.
@pytest.mark.parametrize(
    ("outage", "rate"),
    [(1e-3, 0.0045572794201), (0.01, 0.0451381168687), (0.1, 0.414870719425), (0.5, 1.674426230893)],
)
def test_outage_rate_golden(outage: float, rate: float) -> None:
    assert RAYLEIGH.outage_rate(outage, SNR) == pytest.approx(rate, abs=6e-13)


def test_rates_that_look_right_and_are_not() -> None:
    # Shannon at the mean SNR, at the mean of the dB values (5 - 10 gamma_E/ln 10 dB) and at the median SNR.
    ergodic = RAYLEIGH.mean_rate(SNR)
    mean_of_db = 5 - 10 * np.euler_gamma / log(10)
    wrong = {log2(1 + SNR): 0.199, log2(1 + 10 ** (mean_of_db / 10)): -0.142, RAYLEIGH.outage_rate(0.5, SNR): -0.024}
    for rate, error in wrong.items():
        assert rate / ergodic - 1 == pytest.approx(error, abs=6e-4)


@settings(deadline=None)
@given(st.floats(0.0, 1.0, exclude_max=True))
def test_quantile_inverts_the_cdf(p: float) -> None:
    assert float(RAYLEIGH.cdf(RAYLEIGH.quantile(p))) == pytest.approx(p, abs=1e-12)


def test_links_purposes_seeds_and_blocks_are_independent() -> None:
    n = 100_000
    others = [
        BlockRayleigh(seed=11).gain(1, 0, n),
        BlockRayleigh(seed=11, purpose="downlink").gain(0, 0, n),
        BlockRayleigh(seed=12).gain(0, 0, n),
        SAMPLE[1 : n + 1],
        SAMPLE[CHUNK_BLOCKS : CHUNK_BLOCKS + n],
    ]
    for other in others:
        # The product of two independent Exp(1) has mean 1 and variance 3.
        assert abs(np.mean(SAMPLE[:n] * other) - 1.0) < 4.4 * np.sqrt(3 / n) * 1.2
        assert abs(np.corrcoef(SAMPLE[:n], other)[0, 1]) < 4.4 / np.sqrt(n)


@settings(max_examples=60, deadline=None)
@given(
    queries=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5000), st.integers(0, 700)), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_gains_do_not_depend_on_order_or_size_of_queries(queries, order) -> None:
    whole = {link: BlockRayleigh(seed=3, purpose="order").gain(link, 0, 5700) for link in range(6)}
    order.shuffle(queries)
    for link, first, count in queries:
        gains = BlockRayleigh(seed=3, purpose="order").gain(link, first, count)
        assert np.array_equal(gains, whole[link][first : first + count])


def test_a_reader_cannot_spoil_the_cache() -> None:
    first = RAYLEIGH.gain(7, 0, CHUNK_BLOCKS)
    kept = first.copy()
    first[:] = 0.0
    assert np.array_equal(RAYLEIGH.gain(7, 0, CHUNK_BLOCKS), kept)


def test_far_blocks_cost_no_more_than_near_ones() -> None:
    late = 2 * 10**11
    gains = RAYLEIGH.gain(0, late, 300)
    assert np.array_equal(gains[17:], RAYLEIGH.gain(0, late + 17, 283))


def test_no_fading_is_the_constant_channel() -> None:
    flat = NoFading()
    assert flat.coherence_s == inf
    assert np.array_equal(flat.gain(3, 10, 4), np.ones(4))
    assert flat.mean_rate(SNR) == pytest.approx(2.0573732086, abs=1e-10) == log2(1 + SNR)
    assert flat.rate_cv2(SNR) == 0.0
    assert flat.cdf([0.999, 1.0]).tolist() == [0.0, 1.0]
    assert (flat.outage(SNR, SNR), flat.outage(SNR * 1.001, SNR)) == (0.0, 1.0)
    assert flat.quantile(0.3) == 1.0
    assert flat.expectation(lambda x: 3 * x) == 3.0
    assert flat.gain_variance() == 0.0
    assert flat.outage_rate(0.01, SNR) == flat.mean_rate(SNR)
    assert np.array_equal(flat.gains([4, 9], 3, 5), np.ones((2, 5)))


@pytest.mark.parametrize("coherence_s", [0.0, -1.0, 1e-7, float("nan")])
@pytest.mark.parametrize("model", [BlockRayleigh, NoFading])
def test_impossible_coherence_is_refused(model: type, coherence_s: float) -> None:
    with pytest.raises(ValueError, match=r"coherence_s must be (at least 1e-06|a finite number)"):
        model(coherence_s=coherence_s)


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, -2), (0, 1.5)])
@pytest.mark.parametrize("fading", [RAYLEIGH, NoFading()])
def test_impossible_blocks_are_refused(fading, first: int, count: int) -> None:
    with pytest.raises(ValueError, match="must be an integer of at least 0"):
        fading.gain(0, first, count)

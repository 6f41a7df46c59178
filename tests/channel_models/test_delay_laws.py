from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from channel_models.delay import MultiBlockDelay, QuasiStaticDelay, constant_rate_delay_s
from channel_models.fading import BlockRayleigh, NoFading
from channel_models.loss import NoLoss
from channel_models.packets import Fluid
from channel_models.randomness import stream
from channel_models.rates import Shannon
from channel_models.transfer import Link

SNR = 10**0.5
SMALL_BITS, LARGE_BITS = 18_592_000, 169_600_000
ADAPTER_BYTES = 580_968 * 4
BASE = Link(0, NoFading(), Shannon(), NoLoss(), 1e6, SNR, 1.0, seed=31)


@pytest.mark.parametrize(
    ("bits", "quantiles"),
    [
        (SMALL_BITS, (6.095983512, 11.10350498, 44.81396042, 411.8913524, 4079.626963)),
        (LARGE_BITS, (55.60879968, 101.2884276, 408.8020486, 3757.356571, 37215.18572)),
    ],
)
def test_quasi_static_quantiles_golden(bits: int, quantiles: tuple[float, ...]) -> None:
    law = QuasiStaticDelay(bits, 1e6, SNR)
    got = [law.quantile(p) for p in (0.1, 0.5, 0.9, 0.99, 0.999)]
    assert got == pytest.approx(quantiles, rel=1e-9)


@pytest.mark.parametrize(
    ("threshold_db", "mean_s"), [(-20, 26.40409561), (-10, 17.41563771), (-5, 13.31915452), (0, 9.76076123)]
)
def test_quasi_static_conditional_means_golden(threshold_db: float, mean_s: float) -> None:
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR)
    assert law.mean_above(10 ** (threshold_db / 10)) == pytest.approx(mean_s, rel=1e-9)


def test_quasi_static_mean_is_infinite_and_said_so() -> None:
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR)
    assert law.mean() == inf
    assert law.quantile(1.0) == inf and law.quantile(0.0) == 0.0
    late_s = 1e9
    assert late_s * (1 - law.cdf(late_s)) == pytest.approx(SMALL_BITS * np.log(2) / (1e6 * SNR), rel=1e-4)
    # The conditional mean grows without bound as the threshold falls: there is no mean to converge to.
    means = [law.mean_above(10.0**-k) for k in range(1, 9)]
    assert np.all(np.diff(means) > 5.0)


@settings(deadline=None)
@given(p=st.floats(1e-6, 1 - 1e-6))
def test_quasi_static_quantile_inverts_the_cdf(p: float) -> None:
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR)
    assert law.cdf(law.quantile(p)) == pytest.approx(p, abs=1e-9)


def test_quasi_static_law_ends() -> None:
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR)
    assert (law.cdf(1e-6), law.cdf(inf)) == (0.0, 1.0)
    with pytest.raises(ValueError, match="delay_s"):
        law.cdf(0.0)
    with pytest.raises(ValueError, match="bits"):
        QuasiStaticDelay(0, 1e6, SNR)


def test_one_block_for_ever_follows_the_quasi_static_law() -> None:
    n, law = 5000, QuasiStaticDelay(SMALL_BITS, 1e6, SNR)
    frozen = replace(BASE, fading=BlockRayleigh(31, inf), max_transfer_s=1e9)
    delays_s = [replace(frozen, link_id=k).transfer(0.0, SMALL_BITS // 8, Fluid(), 0, 0).air_time_s for k in range(n)]
    assert kstest(delays_s, np.vectorize(law.cdf)).statistic < 1.95 / np.sqrt(n)


def delays_s(fading: BlockRayleigh, count: int, random_phase: bool) -> np.ndarray:
    """Upload delays of the adapters' payload, 580,968 float32 values, on one link a transfer."""
    phases = stream(31, "phase").random(count) * fading.coherence_s * random_phase
    link = replace(BASE, fading=fading)
    told = [replace(link, link_id=k).transfer(phases[k], ADAPTER_BYTES, Fluid(), 0, 0).air_time_s for k in range(count)]
    return np.array(told)


@pytest.mark.parametrize("random_phase", [False, True])
@pytest.mark.parametrize(("coherence_s", "count"), [(0.05, 4000), (2.0, 2500)])
def test_multi_block_delay_meets_its_formula(coherence_s: float, count: int, random_phase: bool) -> None:
    assert 8 * ADAPTER_BYTES == 18_590_976
    fading = BlockRayleigh(31, coherence_s)
    law = MultiBlockDelay(8 * ADAPTER_BYTES, 1e6, SNR, fading)
    sample_s = delays_s(fading, count, random_phase)
    standard_error_s = sample_s.std(ddof=1) / np.sqrt(count)
    assert abs(sample_s.mean() - law.mean_s) <= 4.4 * standard_error_s
    if coherence_s == 2.0:
        # Long blocks: bits over the ergodic rate alone is too short, by half a block times CV^2.
        assert sample_s.mean() - law.bits / (1e6 * fading.mean_rate(SNR)) > 4.4 * standard_error_s
    else:
        spread = np.square(sample_s - sample_s.mean())
        assert abs(spread.mean() - law.variance_s2) <= 4.4 * spread.std() / np.sqrt(count)


@pytest.mark.parametrize(("coherence_s", "mean_s"), [(0.05, 10.84278), (0.5, 10.91582), (2.0, 11.1593), (5.0, 11.6462)])
def test_multi_block_mean_golden(coherence_s: float, mean_s: float) -> None:
    law = MultiBlockDelay(SMALL_BITS, 1e6, SNR, BlockRayleigh(0, coherence_s))
    assert law.mean_s == pytest.approx(mean_s, abs=6e-5)
    expected = SMALL_BITS * coherence_s * 0.324613985 / 1715974.18507
    assert law.variance_s2 == pytest.approx(expected, rel=1e-8) == law.std_s**2


def test_delay_at_constant_or_infinitely_quick_fading_golden() -> None:
    assert constant_rate_delay_s(SMALL_BITS, 1e6, SNR, Shannon()) == pytest.approx(9.036765873, abs=6e-10)
    assert constant_rate_delay_s(LARGE_BITS, 1e6, SNR, Shannon()) == pytest.approx(82.43521365, abs=6e-9)
    for bits, mean_s in ((SMALL_BITS, 10.83466183), (LARGE_BITS, 98.83598569)):
        quick = MultiBlockDelay(bits, 1e6, SNR, BlockRayleigh(0, 1e-6))
        assert quick.mean_s == pytest.approx(mean_s, abs=2e-7 + 1e-9 * mean_s)


def test_no_multi_block_law_for_one_endless_block() -> None:
    with pytest.raises(ValueError, match="coherence_s must be a finite number"):
        MultiBlockDelay(SMALL_BITS, 1e6, SNR, BlockRayleigh(0, inf))

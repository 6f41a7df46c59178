from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import kstest

from channel_models.delay import InfiniteMean, MultiBlockDelay, QuasiStaticDelay, constant_rate_delay_s
from channel_models.fading.clarke import Clarke
from channel_models.fading.fading import Fading
from channel_models.fading.nakagami import BlockNakagami
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.fading.rician import BlockRician
from channel_models.randomness import stream
from channel_models.rates.fixed import FixedRate
from channel_models.rates.shannon import Shannon
from channel_models.rates.truncated_shannon import TruncatedShannon
from channel_models.sharing.ergodic import rayleigh_rate
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Fluid
from channel_models.transfer.profile import LinkProfile

SNR = 10**0.5
SMALL_BITS, LARGE_BITS = 18_592_000, 169_600_000
ADAPTER_BYTES = 580_968 * 4


def upload_s(fading: Fading, link_id: int, payload_bytes: int, start_s: float = 0.0) -> float:
    profile = LinkProfile(link_id, fading, Shannon(), 1e6, SNR)
    link = Link(link_id, profile, Shannon(), 1.0, seed=31, packetisation=Fluid(), max_transfer_s=1e9)
    return link.transfer(start_s, payload_bytes, 0).duration_s


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
    with pytest.raises(InfiniteMean, match=r"infinite \(Pareto tail of index 1, at most 1\): report quantiles"):
        law.mean()
    assert law.tail_index == pytest.approx(1.0, abs=1e-6)
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
    frozen = BlockRayleigh(seed=31, coherence_s=inf)
    delays_s = [upload_s(frozen, link, SMALL_BITS // 8) for link in range(n)]
    assert kstest(delays_s, np.vectorize(law.cdf)).statistic < 1.95 / np.sqrt(n)


def delays_s(fading: BlockRayleigh, count: int, random_phase: bool) -> np.ndarray:
    """Upload delays of the adapters' payload, 580,968 float32 values, on one link a transfer."""
    phases = stream(31, "phase").random(count) * fading.coherence_s * random_phase
    return np.array([upload_s(fading, link, ADAPTER_BYTES, phases[link]) for link in range(count)])


@pytest.mark.parametrize("random_phase", [False, True])
@pytest.mark.parametrize(("coherence_s", "count"), [(0.05, 4000), (2.0, 2500)])
def test_multi_block_delay_meets_its_formula(coherence_s: float, count: int, random_phase: bool) -> None:
    assert 8 * ADAPTER_BYTES == 18_590_976
    fading = BlockRayleigh(seed=31, coherence_s=coherence_s)
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
    law = MultiBlockDelay(SMALL_BITS, 1e6, SNR, BlockRayleigh(seed=0, coherence_s=coherence_s))
    assert law.mean_s == pytest.approx(mean_s, abs=6e-5)
    expected = SMALL_BITS * coherence_s * 0.324613985 / 1715974.18507
    assert law.variance_s2 == pytest.approx(expected, rel=1e-8) == law.std_s**2


def test_delay_at_constant_or_infinitely_quick_fading_golden() -> None:
    assert constant_rate_delay_s(SMALL_BITS, 1e6, SNR, Shannon()) == pytest.approx(9.036765873, abs=6e-10)
    assert constant_rate_delay_s(LARGE_BITS, 1e6, SNR, Shannon()) == pytest.approx(82.43521365, abs=6e-9)
    for bits, mean_s in ((SMALL_BITS, 10.83466183), (LARGE_BITS, 98.83598569)):
        quick = MultiBlockDelay(bits, 1e6, SNR, BlockRayleigh(seed=0, coherence_s=1e-6))
        assert quick.mean_s == pytest.approx(mean_s, abs=2e-7 + 1e-9 * mean_s)


def test_no_multi_block_law_for_one_endless_block() -> None:
    with pytest.raises(ValueError, match="coherence_s must be a finite number"):
        MultiBlockDelay(SMALL_BITS, 1e6, SNR, BlockRayleigh(seed=0, coherence_s=inf))


@pytest.mark.parametrize(
    ("fading", "index"),
    [
        (BlockRayleigh(), 1.0),
        (BlockRician(k_factor_db=6.0), 1.0),
        (BlockNakagami(m=0.5), 0.5),
        (BlockNakagami(m=1.0), 1.0),
        (Clarke(), 1.0),
    ],
)
def test_one_draw_an_upload_has_no_mean(fading: Fading, index: float) -> None:
    # P(gain < x) ~ x^m as x -> 0, and T ~ 1/x: the tail has index m (1 for Rayleigh and Rician).
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR, fading)
    assert law.tail_index == pytest.approx(index, abs=1e-4)
    with pytest.raises(InfiniteMean, match="report quantiles"):
        law.mean()


def test_draws_that_never_end_have_no_mean_either() -> None:
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR, rate_map=TruncatedShannon())
    assert law.tail_index == 0.0 and law.quantile(0.999999) == inf
    with pytest.raises(InfiniteMean, match="index 0"):
        law.mean()


def test_a_lighter_tail_has_a_mean() -> None:
    # Nakagami m = 2: E[T] = S ln2/B int_0^inf 4 x e^(-2x) / ln(1 + g x) dx, by quadrature.
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR, BlockNakagami(m=2.0))
    expected, _ = quad(lambda x: 4 * x * np.exp(-2 * x) / np.log1p(SNR * x), 0, 60, epsabs=0, epsrel=1e-12)
    assert law.tail_index == pytest.approx(2.0, abs=1e-3)
    assert law.mean() == pytest.approx(SMALL_BITS * np.log(2) / 1e6 * expected, rel=1e-9)
    still = QuasiStaticDelay(SMALL_BITS, 1e6, SNR, NoFading())
    assert still.tail_index == inf
    assert still.mean() == pytest.approx(9.036765873, abs=6e-10)


@pytest.mark.parametrize("fading", [BlockRayleigh(), BlockRician(k_factor_db=6.0), BlockNakagami(m=2.0)])
def test_quantiles_of_any_fading_invert_its_cdf(fading: Fading) -> None:
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR, fading)
    for p in (0.01, 0.5, 0.9, 0.999):
        assert law.cdf(law.quantile(p)) == pytest.approx(p, abs=1e-9)


def test_the_general_cdf_is_the_closed_form_golden() -> None:
    # P(T <= t) = exp(-(2^(S/(B t)) - 1)/g)
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR)
    for delay_s in (3.0, 11.1, 400.0):
        expected = np.exp(-(2 ** (SMALL_BITS / (1e6 * delay_s)) - 1) / SNR)
        assert law.cdf(delay_s) == pytest.approx(expected, rel=1e-9)


def test_the_slowest_of_n_is_a_power() -> None:
    law = QuasiStaticDelay(SMALL_BITS, 1e6, SNR)
    assert law.cdf(law.quantile_of_slowest(10, 0.5)) ** 10 == pytest.approx(0.5, rel=1e-9)


def test_a_threshold_that_refuses_all_is_named() -> None:
    with pytest.raises(ValueError, match="refuses every draw"):
        QuasiStaticDelay(SMALL_BITS, 1e6, SNR, NoFading()).mean_above(10.0)


def test_dependent_blocks_have_no_renewal_law() -> None:
    with pytest.raises(ValueError, match="blocks that depend on each other"):
        MultiBlockDelay(SMALL_BITS, 1e6, SNR, Clarke())


@pytest.mark.parametrize(
    ("payload_bits", "still_s", "ergodic_s"),
    [(18_592_000, 9.04, 10.83), (9_296_000, 4.52, 5.42), (84_800_000, 41.2, 49.4), (42_400_000, 20.6, 24.7)],
)
def test_upload_times_golden(payload_bits: int, still_s: float, ergodic_s: float) -> None:
    # S / (B log2(1 + g)) and S / (B E[log2(1 + g x)]) at g = 5 dB.
    assert constant_rate_delay_s(payload_bits, 1e6, SNR, Shannon()) == pytest.approx(still_s, abs=0.05)
    assert payload_bits / (1e6 * rayleigh_rate(SNR)) == pytest.approx(ergodic_s, abs=0.05)


def test_one_upload_under_several_rate_maps_golden() -> None:
    # S / (B E[se]): Shannon; the fixed rate W0(g)/ln 2 with repeats, at its goodput; truncated Shannon, alpha = 0.4.
    fading = BlockRayleigh()
    best = FixedRate.best_for_rayleigh(SNR)
    truncated = TruncatedShannon(attenuation=0.4, min_snr_db=-10.0, max_snr_db=15.0)
    assert SMALL_BITS / (1e6 * best.goodput(SNR, fading)) == pytest.approx(22.07, abs=5e-3)
    assert SMALL_BITS / (1e6 * truncated.ergodic(SNR, fading)) == pytest.approx(27.12, abs=5e-3)
    assert SMALL_BITS / (1e6 * Shannon().ergodic(SNR, fading)) == pytest.approx(10.83466183, abs=6e-9)


def test_ten_clients_share_a_band_golden() -> None:
    # 10 S/(B C(g)) by turns or on tenths at one SNR; on tenths with full power the SNR is 10 g.
    assert 10 * SMALL_BITS / (1e6 * rayleigh_rate(SNR)) == pytest.approx(108.3, abs=0.05)
    assert SMALL_BITS / (1e5 * rayleigh_rate(10 * SNR)) == pytest.approx(42.94, abs=5e-3)


@pytest.mark.parametrize(
    "fading", [BlockRician(k_factor_db=6.0, coherence_s=0.5), BlockNakagami(m=2.0, coherence_s=0.5)]
)
def test_multi_block_delay_of_other_fading_meets_its_formula(fading: Fading) -> None:
    # E[T] = S/C + (Tc/2) CV^2
    law = MultiBlockDelay(8 * ADAPTER_BYTES, 1e6, SNR, fading)
    sample_s = np.array([upload_s(fading, link, ADAPTER_BYTES) for link in range(2000)])
    assert abs(sample_s.mean() - law.mean_s) <= 4.4 * sample_s.std(ddof=1) / np.sqrt(2000)

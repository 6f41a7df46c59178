from __future__ import annotations

from math import log, pi, sqrt

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_models import doppler

F_D = 10.0
RHO = np.array([0.1, sqrt(0.1), 0.5, 1.0, 1.5, 2.0])
KMH = 1 / 3.6
K_6_DB = 10**0.6


@pytest.mark.parametrize(
    ("speed_kmh", "carrier_hz", "golden_hz"),
    [
        (3, 2.4e9, 6.671281904),
        (3, 3.5e9, 9.728952777),
        (30, 3.5e9, 97.28952777),
        (120, 3.5e9, 389.1581111),
        (3, 28e9, 77.83162221),
    ],
)
def test_doppler_shift(speed_kmh: float, carrier_hz: float, golden_hz: float) -> None:
    # v f/c
    assert doppler.max_doppler_hz(speed_kmh * KMH, carrier_hz) == pytest.approx(golden_hz, rel=1e-9)


@pytest.mark.parametrize(
    ("definition", "golden_s"),
    [("geometric", 43.493e-3), ("half_correlation", 18.404e-3), ("quarter_period", 25.696e-3)],
)
def test_coherence_time_by_definition(definition: str, golden_s: float) -> None:
    # sqrt(9/(16 pi))/f_D, 9/(16 pi f_D), 1/(4 f_D); given to a microsecond
    assert doppler.coherence_time_s(9.728952777, definition) == pytest.approx(golden_s, abs=5.1e-7)


def test_the_geometric_definition_is_the_mean_of_two() -> None:
    # sqrt(half * 1/f_D): 0.4231 without rounding to 0.423
    half, geometric = (doppler.coherence_time_s(F_D, name) for name in ("half_correlation", "geometric"))
    assert geometric == pytest.approx(sqrt(half / F_D), rel=1e-12)


def test_correlation_of_the_gain() -> None:
    # J0(2 pi f_D tau)
    at = np.array([0.05, 0.1, 0.2, 0.25, 0.5, 1.0]) / F_D
    golden = (0.97547777, 0.9037126421, 0.6425118366, 0.4720012158, -0.3042421776, 0.2202769085)
    np.testing.assert_allclose(doppler.clarke_correlation(at, F_D), golden, rtol=0, atol=5.1e-9)


def test_first_zero_and_half_points_of_the_correlation() -> None:
    # J0(2 pi x) = 0, J0 = 0.5, J0^2 = 0.5
    at = np.array([0.3827398748, 0.2420975959, 0.1792664364]) / F_D
    field, power = doppler.clarke_correlation(at, F_D), doppler.power_correlation(at, F_D)
    np.testing.assert_allclose((field[0], field[1], power[2]), (0.0, 0.5, 0.5), rtol=0, atol=1e-9)


def test_rayleigh_level_crossings() -> None:
    # sqrt(2 pi) f_D rho e^(-rho^2)
    golden = (2.481686907, 7.172333677, 9.760820316, 9.221370089, 3.962950146, 0.9182099661)
    np.testing.assert_allclose(doppler.level_crossing_rate_hz(RHO, F_D), golden, rtol=1e-9)
    peak = float(doppler.level_crossing_rate_hz(sqrt(0.5), F_D))
    assert peak == pytest.approx(10.75047603, rel=1e-9)
    assert peak > float(np.max(doppler.level_crossing_rate_hz([0.7, 0.72], F_D)))


def test_rayleigh_fade_durations() -> None:
    # (e^(rho^2) - 1)/(rho f_D sqrt(2 pi))
    golden = (0.004009436575, 0.01326800819, 0.02266194949, 0.0685495271, 0.2257411127, 1.06912841)
    np.testing.assert_allclose(doppler.average_fade_duration_s(RHO, F_D), golden, rtol=1e-9)


def test_rayleigh_fade_probability() -> None:
    # 1 - e^(-rho^2)
    golden = (0.009950166251, 0.09516258195, 0.2211992169, 0.6321205588, 0.8946007754, 0.9816843611)
    np.testing.assert_allclose(doppler.fade_probability(RHO), golden, rtol=1e-9)


def test_rician_level_crossings_and_fade_durations() -> None:
    # sqrt(2 pi (K+1)) f_D rho e^(-K-(K+1) rho^2) I0(2 rho sqrt(K(K+1))), K = 6 dB
    rho = [0.1, 0.5, 1.0]
    rates = doppler.level_crossing_rate_hz(rho, F_D, K_6_DB)
    np.testing.assert_allclose(rates, (0.1200477736, 2.521160531, 7.177900849), rtol=1e-9)
    durations = doppler.average_fade_duration_s(rho, F_D, K_6_DB)
    np.testing.assert_allclose(durations, (0.00832282, 0.02711824, 0.07872192), rtol=0, atol=5.1e-9)


@given(rho=st.floats(0.05, 3.0), k=st.floats(1e-9, 1e-7))
def test_rician_without_sight_is_rayleigh(rho: float, k: float) -> None:
    assert float(doppler.fade_probability(rho, k)) == pytest.approx(float(doppler.fade_probability(rho)), rel=1e-5)
    rates = [float(doppler.level_crossing_rate_hz(rho, F_D, factor)) for factor in (k, 0.0)]
    assert rates[0] == pytest.approx(rates[1], rel=1e-5)


def test_a_strong_line_of_sight_does_not_overflow() -> None:
    # K to infinity: Gaussian ripple around the level, crossed f_D/sqrt 2 times a second
    assert float(doppler.level_crossing_rate_hz(1.0, F_D, 1e4)) == pytest.approx(F_D / sqrt(2), rel=1e-4)


@pytest.mark.parametrize(("horizon_s", "golden_s"), [(1.0, 0.0587), (10.0, 0.0821), (100.0, 0.1054)])
def test_effective_correlation_time(horizon_s: float, golden_s: float) -> None:
    # integral of (1 - |t|/T) J0^2(2 pi f_D t) over |t| < T, given to four digits
    assert doppler.effective_correlation_time_s(horizon_s, F_D) == pytest.approx(golden_s, abs=5.1e-5)


def test_effective_correlation_time_against_quadrature() -> None:
    def weighted(t: mpmath.mpf) -> mpmath.mpf:
        return (1 - t) * mpmath.besselj(0, 2 * mpmath.pi * F_D * t) ** 2

    exact = 2 * mpmath.quad(weighted, mpmath.linspace(0, 1, 41))
    assert doppler.effective_correlation_time_s(1.0, F_D) == pytest.approx(float(exact), rel=1e-9)


def test_effective_correlation_time_grows_for_ever() -> None:
    # J0^2(z) ~ 1/(pi z) on average: a tenfold horizon adds ln 10/(pi^2 f_D)
    near, far = (doppler.effective_correlation_time_s(horizon, F_D) for horizon in (1e3, 1e4))
    assert far - near == pytest.approx(log(10) / (pi**2 * F_D), rel=1e-4)


@pytest.mark.parametrize(("cycles", "golden"), [(0.05, 0.03451249), (0.1, 0.19950925), (0.2, 0.36390316)])
def test_outage_with_outdated_channel_knowledge(cycles: float, golden: float) -> None:
    # 1 - Q1(sqrt(2 r^2 x/(1-r^2)), sqrt(2 t/(1-r^2))), x = 1, t = 0.5
    assert doppler.outdated_csi_outage(1.0, 0.5, cycles / F_D, F_D) == pytest.approx(golden, abs=5.1e-9)


def test_fresh_knowledge_is_certain_and_stale_knowledge_is_none() -> None:
    assert doppler.outdated_csi_outage(1.0, 0.5, 0.0, F_D) == 0.0
    assert doppler.outdated_csi_outage(0.4, 0.5, 0.0, F_D) == 1.0
    first_zero_s = 0.3827398748 / F_D
    assert doppler.outdated_csi_outage(1.0, 0.5, first_zero_s, F_D) == pytest.approx(1 - np.exp(-0.5), rel=1e-6)


def test_gilbert_elliott_chain_of_a_fading_link() -> None:
    # p = N T/pi_G, r = N T/pi_B: threshold 0 dB, mean 5 dB, 12 ms packets
    ratio = 10**-0.5
    assert float(doppler.fade_probability(sqrt(ratio))) == pytest.approx(0.2711065859, rel=1e-9)
    assert float(doppler.level_crossing_rate_hz(sqrt(ratio), F_D)) == pytest.approx(10.27434064, rel=1e-9)
    assert float(doppler.average_fade_duration_s(sqrt(ratio), F_D)) == pytest.approx(0.0263867625, rel=2e-9)
    p, r = doppler.gilbert_elliott(1.0, 10**0.5, F_D, 0.012)
    assert (p, r) == pytest.approx((0.1691497, 0.4547735), abs=5.1e-8)
    assert 1 / r == pytest.approx(2.198897, abs=5.1e-7)


@given(threshold=st.floats(0.05, 2.0), packet_s=st.floats(1e-5, 2e-3))
def test_chain_keeps_fade_share_and_duration(threshold: float, packet_s: float) -> None:
    p, r = doppler.gilbert_elliott(threshold, 10**0.5, F_D, packet_s)
    rho = sqrt(threshold / 10**0.5)
    assert p / (p + r) == pytest.approx(float(doppler.fade_probability(rho)), rel=1e-9)
    assert packet_s / r == pytest.approx(float(doppler.average_fade_duration_s(rho, F_D)), rel=1e-9)


def test_packets_longer_than_fades_are_refused() -> None:
    with pytest.raises(ValueError, match=r"packet_s must be at most 0\.026.* s .* got 0\.1"):
        doppler.gilbert_elliott(1.0, 10**0.5, F_D, 0.1)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="definition must be one of geometric"):
        doppler.coherence_time_s(F_D, "usual")
    with pytest.raises(ValueError, match="rho must be above 0"):
        doppler.level_crossing_rate_hz([-3.0, 0.0], F_D)
    with pytest.raises(ValueError, match="doppler_hz"):
        doppler.coherence_time_s(0.0)

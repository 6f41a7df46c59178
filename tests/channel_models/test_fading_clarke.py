"""Clarke's model by sum of sinusoids: its law, its memory, its crossings."""

from __future__ import annotations

from math import exp

import mpmath
import numpy as np
import pytest
from scipy.stats import kstest

from channel_models.doppler import clarke_correlation, level_crossing_rate_hz
from channel_models.fading.clarke import Clarke, _waves
from channel_models.fading.rayleigh import BlockRayleigh

DOPPLER_HZ = 10.0
LINKS = 400
FINE_S = 0.002
FINE = Clarke(seed=21, doppler_hz=DOPPLER_HZ, oscillators=16, slot_s=FINE_S)
FINE_GAINS = FINE.gains(range(LINKS), 0, 4096)
COARSE = Clarke(seed=21, doppler_hz=DOPPLER_HZ, oscillators=16, slot_s=5 * FINE_S)


def test_every_link_has_unit_mean_power_over_time() -> None:
    # Sinusoids normalised to M - 1 of M, or an amplitude of 2/sqrt M for each component, would be 3 dB off.
    gains = Clarke(seed=4, slot_s=0.01).gains(range(8), 0, 100_000)
    assert np.abs(gains.mean(axis=1) - 1.0).max() < 0.02


def test_the_gain_at_an_instant_is_exponential_over_links() -> None:
    for block in (0, 77):
        gains = Clarke(seed=5).gains(range(4000), block, 1)[:, 0]
        assert kstest(gains, BlockRayleigh().cdf).statistic < 1.95 / np.sqrt(gains.size)


def test_power_variance_over_links_is_one_less_half_an_oscillator() -> None:
    # E|h|^4 = 2 - 1/(2M) of a sum of M sinusoids with independent phases.
    gains = Clarke(seed=8, oscillators=16).gains(range(10_000), 0, 1)[:, 0]
    squared = np.square(gains)
    assert abs(squared.mean() - (2 - 1 / 32)) <= 4.4 * squared.std() / np.sqrt(squared.size)


# LCR sqrt(2 pi) f_D rho e^(-rho^2) and P(below) 1 - e^(-rho^2), within 3 % from M = 16 on.
@pytest.mark.parametrize("rho", [0.1**0.5, 0.5, 0.5**0.5, 1.0])
def test_crossings_and_share_of_time_in_fades(rho: float) -> None:
    below = rho**2 > FINE_GAINS
    crossings = np.count_nonzero(~below[:, :-1] & below[:, 1:]) / (LINKS * 4095 * FINE_S)
    assert crossings == pytest.approx(float(level_crossing_rate_hz(rho, DOPPLER_HZ)), rel=0.03)
    assert below.mean() == pytest.approx(1 - exp(-(rho**2)), rel=0.03)


def power_correlation(gains: np.ndarray, lag: int) -> float:
    return float(np.mean((gains[:, :-lag] - 1.0) * (gains[:, lag:] - 1.0)))


@pytest.mark.parametrize("dopplers", [0.1, 0.2, 0.5])
def test_memory_is_bessel_whatever_the_slot(dopplers: float) -> None:
    # Cov of the power gain J0^2(2 pi f_D tau); an AR(1) of the same one-step correlation remembers ever longer
    # as its step shrinks.
    lag_s = dopplers / DOPPLER_HZ
    expected = float(clarke_correlation(lag_s, DOPPLER_HZ)) ** 2
    coarse_gains = COARSE.gains(range(LINKS), 0, 820)
    for gains, slot_s in ((FINE_GAINS, FINE_S), (coarse_gains, 5 * FINE_S)):
        assert power_correlation(gains, round(lag_s / slot_s)) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("dopplers", [0.05, 0.2, 0.5])
def test_the_field_of_a_link_has_bessel_correlation(dopplers: float) -> None:
    # (1/M) sum cos(2 pi f_n tau) over links' oscillators: E is J0(2 pi f_D tau) exactly.
    waves = [_waves(Clarke(seed=6), link) for link in range(50)]
    correlation = np.mean([np.cos(2 * np.pi * each.shift_hz * dopplers / DOPPLER_HZ).mean() for each in waves])
    assert correlation == pytest.approx(float(mpmath.besselj(0, 2 * mpmath.pi * dopplers)), abs=2e-3)


def test_shorter_slots_show_the_same_fading() -> None:
    # The centre of slot b is the centre of the fifth-length slot 5 b + 2.
    for first in (0, 10**6):
        coarse = COARSE.gain(3, first, 200)
        fine = FINE.gain(3, 5 * first, 1000)[2::5]
        assert np.allclose(coarse, fine, rtol=1e-6, atol=1e-9)


def test_gains_follow_the_written_sum() -> None:
    link, block = 11, 1234
    waves, time_s = _waves(FINE, link), (block + 0.5) * FINE_S
    arguments = 2 * np.pi * (waves.shift_hz * time_s + waves.phase_cycles)
    field = np.sum((waves.in_phase + 1j * waves.quadrature) * np.cos(arguments))
    assert FINE.gain(link, block, 1)[0] == pytest.approx(abs(field) ** 2, rel=1e-9)
    assert np.abs(waves.shift_hz).max() <= DOPPLER_HZ
    assert np.unique(waves.shift_hz).size == FINE.oscillators


def test_slots_last_a_tenth_of_a_doppler_period_unless_shorter() -> None:
    assert Clarke(doppler_hz=40.0).block_s == pytest.approx(0.0025)
    assert Clarke(doppler_hz=40.0, slot_s=0.001).block_s == 0.001
    assert Clarke(doppler_hz=10.0, slot_s=0.01).block_s == 0.01
    assert not Clarke.independent_blocks


def test_closed_forms_are_rayleighs() -> None:
    assert Clarke().mean_rate(10**0.5) == BlockRayleigh().mean_rate(10**0.5)
    assert Clarke().outage(1.0, 10**0.5) == BlockRayleigh().outage(1.0, 10**0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"doppler_hz": 10.0, "slot_s": 0.011}, r"at most 0\.1/doppler_hz = 0\.01 s, got 0\.011: shorten the slot"),
        ({"doppler_hz": 2e5}, "slot_s must be at least 1e-06"),
        ({"doppler_hz": 0.0}, "doppler_hz must be above 0"),
        ({"oscillators": 8}, "oscillators must be at least 16"),
        ({"slot_s": 0.0}, "slot_s must be at least"),
    ],
)
def test_impossible_parameters_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Clarke(**values)

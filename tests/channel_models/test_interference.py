from __future__ import annotations

from itertools import pairwise
from math import atan, inf, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.interference import Interferers, Jammer, inr, sinr
from channel_models.interference.cochannel import poisson_coverage, rayleigh_outage
from channel_models.randomness import stream

SNR = 10.0**0.5

jammers = st.builds(
    Jammer,
    power_w=st.floats(1e-3, 10.0),
    loss_db=st.floats(0.0, 120.0),
    period_s=st.floats(0.05, 20.0),
    duty=st.floats(0.0, 1.0),
    start_s=st.floats(0.0, 30.0),
    stop_s=st.floats(31.0, 100.0) | st.just(inf),
    seed=st.integers(0, 9),
)


# Jammer


def test_a_jammer_by_hand() -> None:
    jammer = Jammer(power_w=2.0, loss_db=30.0, period_s=4.0, duty=0.25, start_s=10.0, stop_s=20.0, phase_s=0.5)
    # windows [9.5, 10.5), [13.5, 14.5), [17.5, 18.5) within [10, 20)
    assert jammer.toggles(0.0, 30.0).tolist() == [10.0, 10.5, 13.5, 14.5, 17.5, 18.5]
    edges, power = jammer.steps(10.25, 14.0)
    assert edges.tolist() == [10.25, 10.5, 13.5, 14.0]
    # 2 W x 10^-3
    assert power == pytest.approx([2e-3, 0.0, 2e-3])
    assert [jammer.on(t) for t in (9.9, 10.0, 10.5, 13.5, 14.5, 18.4, 20.0, 21.6)] == [0, 1, 0, 1, 0, 1, 0, 0]


def test_a_jammer_on_all_the_time_and_one_never_on() -> None:
    always = Jammer(power_w=1.0, start_s=1.0, stop_s=5.0)
    assert always.toggles(0.0, 9.0).tolist() == [1.0, 5.0]
    assert [always.on(t) for t in (0.9, 1.0, 4.9, 5.0)] == [0, 1, 1, 0]
    never = Jammer(power_w=1.0, duty=0.0)
    assert never.toggles(0.0, 9.0).size == 0
    assert never.steps(0.0, 9.0)[1].tolist() == [0.0]


@settings(deadline=None)
@given(jammers, st.floats(0.0, 60.0), st.floats(0.1, 50.0))
def test_steps_agree_with_being_on(jammer: Jammer, start_s: float, length_s: float) -> None:
    edges, power = jammer.steps(start_s, start_s + length_s)
    assert edges[0] == start_s
    assert edges[-1] == start_s + length_s
    assert np.all(np.diff(edges) > 0.0)
    for edge, watts in zip(edges[:-1], power, strict=True):
        assert watts == (jammer.received_w if jammer.on(edge) else 0.0)


@settings(deadline=None)
@given(jammers, st.floats(0.0, 60.0), st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4))
def test_a_cut_changes_no_energy(jammer: Jammer, start_s: float, cuts: list[float]) -> None:
    stop_s = start_s + 40.0
    points = np.unique([start_s, *(start_s + 40.0 * cut for cut in cuts), stop_s])
    pieces = [jammer.steps(a, b) for a, b in pairwise(points)]
    whole_edges, whole_power = jammer.steps(start_s, stop_s)
    energy_j = sum(float(np.dot(np.diff(edges), power)) for edges, power in pieces)
    assert energy_j == pytest.approx(float(np.dot(np.diff(whole_edges), whole_power)), rel=1e-9, abs=1e-18)


def test_the_duty_cycle_is_the_share_of_time() -> None:
    jammer = Jammer(power_w=1.0, period_s=0.3, duty=0.2, seed=4)
    edges, power = jammer.steps(0.3, 0.3 + 300.0)
    assert float(np.dot(np.diff(edges), power)) == pytest.approx(0.2 * 300.0, rel=1e-9)


def test_edges_do_not_drift() -> None:
    """Period k begins at origin + k period: summing 0.1 a million times would be off by 1e-6 s and more."""
    jammer = Jammer(power_w=1.0, period_s=0.1, duty=0.5, phase_s=0.0)
    late = jammer.toggles(99_999.96, 100_000.06)
    assert late == pytest.approx([1_000_000 * 0.1, 1_000_000 * 0.1 + 0.05], abs=3e-11)


def test_a_drawn_phase_is_uniform_and_pure() -> None:
    # class C: KS of (start - origin)/period against the uniform law
    phases = np.sort([-Jammer(power_w=1.0, period_s=2.0, seed=3, index=i).origin_s / 2.0 for i in range(5_000)])
    ranks = np.arange(phases.size + 1) / phases.size
    assert max(np.max(phases - ranks[:-1]), np.max(ranks[1:] - phases)) < 1.95 / sqrt(phases.size)
    assert Jammer(power_w=1.0, seed=3).origin_s == Jammer(power_w=1.0, seed=3).origin_s
    assert Jammer(power_w=1.0, seed=3).origin_s != Jammer(power_w=1.0, seed=4).origin_s


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"power_w": 0.0}, "power_w"),
        ({"duty": 1.1}, "duty"),
        ({"loss_db": -3.0}, "loss_db"),
        ({"start_s": 5.0, "stop_s": 5.0}, "stop_s"),
        ({"phase_s": 1.0}, "phase_s"),
    ],
)
def test_impossible_jammers_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Jammer(**({"power_w": 1.0} | change))


def test_a_stretch_of_too_many_periods_or_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="periods"):
        Jammer(power_w=1.0, period_s=1e-3, duty=0.5).toggles(0.0, 1e5)
    with pytest.raises(ValueError, match="start_s < stop_s"):
        Jammer(power_w=1.0).steps(1.0, 1.0)


# Several interferers


def test_powers_add_up_in_watts() -> None:
    one = Jammer(power_w=1.0, start_s=1.0, stop_s=4.0)
    other = Jammer(power_w=0.5, start_s=3.0, stop_s=6.0)
    edges, power = Interferers([one, other]).steps(0.0, 8.0)
    assert edges.tolist() == [0.0, 1.0, 3.0, 4.0, 6.0, 8.0]
    assert power.tolist() == [0.0, 1.0, 1.5, 0.5, 0.0]


def test_without_sources_there_is_no_interference() -> None:
    edges, power = Interferers([]).steps(0.0, 2.0)
    assert (edges.tolist(), power.tolist()) == ([0.0, 2.0], [0.0])


@settings(deadline=None)
@given(st.lists(jammers, max_size=4), st.floats(0.0, 50.0))
def test_the_sum_is_the_sum_at_every_time(sources: list[Jammer], start_s: float) -> None:
    edges, power = Interferers(sources).steps(start_s, start_s + 30.0)
    for begin, end, watts in zip(edges[:-1], edges[1:], power, strict=True):
        middle = begin + (end - begin) / 2.0
        if begin < middle < end:
            assert watts == pytest.approx(sum(source.received_w for source in sources if source.on(middle)), rel=1e-12)


class Negative:
    """The published mistake: an interference of a few 1e-8 W with the wrong sign."""

    def steps(self, start_s: float, stop_s: float) -> tuple[np.ndarray, np.ndarray]:
        return np.array([start_s, stop_s]), np.array([-1e-8])


def test_negative_interference_is_refused_everywhere() -> None:
    with pytest.raises(ValueError, match="at least 0 W"):
        Interferers([Negative()]).steps(0.0, 1.0)
    with pytest.raises(ValueError, match="at least 0 W"):
        inr([-1e-8], 4e-15)
    with pytest.raises(ValueError, match="inr"):
        sinr(SNR, -0.1)
    with pytest.raises(ValueError, match="snr"):
        sinr(-SNR, 0.1)
    with pytest.raises(ValueError, match="inr"):
        sinr(SNR, float("nan"))
    with pytest.raises(ValueError, match="noise_w"):
        inr(1.0, 0.0)


@settings(deadline=None)
@given(st.floats(0.0, 1e9), st.floats(0.0, 1e9))
def test_interference_only_lowers_the_ratio(snr: float, ratio: float) -> None:
    assert 0.0 <= float(sinr(snr, ratio)) <= snr
    assert float(sinr(snr, 0.0)) == snr


def test_interference_as_strong_as_the_noise_costs_three_decibels() -> None:
    # S/(N + I) = SNR/(1 + I/N)
    assert float(sinr(SNR, inr(4e-15, 4e-15))) == pytest.approx(SNR / 2.0, rel=1e-12)


# Co-channel cells


def test_outage_under_rayleigh_interferers_golden() -> None:
    # 1 - e^(-t/g) prod 1/(1 + t g_k/g), g = 5 dB, two at 0 dB, t = 0 dB
    assert rayleigh_outage(1.0, SNR, [1.0, 1.0]) == pytest.approx(0.5792715018, rel=1e-9)
    # no interferers: 1 - e^(-t/g)
    assert rayleigh_outage(1.0, SNR, []) == pytest.approx(0.271106585890, rel=1e-9)


def test_outage_under_rayleigh_interferers_drawn() -> None:
    # class B
    x = stream(6, "test/cochannel").standard_exponential((100_000, 3))
    below = sinr(SNR * x[:, 0], x[:, 1] + 0.5 * x[:, 2]) < 0.8
    assert abs(below.mean() - rayleigh_outage(0.8, SNR, [1.0, 0.5])) <= 4.4 * below.std() / sqrt(below.size)


@pytest.mark.parametrize(
    ("threshold_db", "coverage"), [(-10.0, 0.9116988583), (0.0, 0.5600991535), (10.0, 0.2000496103)]
)
def test_coverage_of_a_poisson_field_golden(threshold_db: float, coverage: float) -> None:
    # alpha = 4: 1/(1 + sqrt(T)(pi/2 - atan(1/sqrt(T))))
    root = sqrt(10.0 ** (threshold_db / 10.0))
    assert poisson_coverage(root**2) == pytest.approx(coverage, rel=1e-9)
    assert poisson_coverage(root**2) == pytest.approx(1.0 / (1.0 + root * (pi / 2.0 - atan(1.0 / root))), rel=1e-12)


@pytest.mark.parametrize("exponent", [3.0, 4.0])
def test_coverage_of_a_poisson_field_drawn(exponent: float) -> None:
    """Class B. In order of distance pi lambda r_k^2 is a sum of k Exp(1); beyond the nearest 400, the mean power."""
    generator = stream(7, "test/poisson")
    area = np.cumsum(generator.standard_exponential((10_000, 400)), axis=1)
    power = generator.standard_exponential(area.shape) * area ** (-exponent / 2.0)
    beyond = area[:, -1] ** (1.0 - exponent / 2.0) / (exponent / 2.0 - 1.0)
    covered = power[:, 0] > 1.0 * (power[:, 1:].sum(axis=1) + beyond)
    assert abs(covered.mean() - poisson_coverage(1.0, exponent)) <= 4.4 * covered.std() / sqrt(covered.size)


def test_impossible_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="exponent"):
        poisson_coverage(1.0, 2.0)
    with pytest.raises(ValueError, match="interferer_inr"):
        rayleigh_outage(1.0, SNR, [-1.0])
    with pytest.raises(ValueError, match="threshold"):
        rayleigh_outage(0.0, SNR, [1.0])

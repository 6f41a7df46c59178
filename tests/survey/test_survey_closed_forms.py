"""Closed forms beside what the simulator's own links draw: within 4.4 standard errors, whatever the models."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from channel_models.fading.nakagami import BlockNakagami
from channel_models.fading.rayleigh import BlockRayleigh
from pwffsim.survey.figures import Compared, compared, quantiles_of
from pwffsim.survey.law import SnrLaw, states_of
from pwffsim.survey.survey import Effort, LinkSurvey, Survey, survey

SIGMA = 4.4
EFFORT = Effort(transfers=150, blocks=3000, clients=2, payload_bytes=200_000)
UMA = """radio: {bandwidth: 200 kHz, tx_power: 10 mW, noise_figure: 7 dB, loss: none, fading: {coherence: 20 ms}}
network:
  carrier: 3.5 GHz
  path_loss: uma
  least_distance_m: 10
  cells: [{name: west, x_m: 0}, {name: east, x_m: 600}]
  placement: {model: fixed, x_m: [60, 120, 500], y_m: [20, -20, 30]}
  mobility: {model: linear, speed_mps: 20, heading_deg: 0}
"""

VARIANTS = {
    "rayleigh": (),
    "outage": ("radio.loss={model: outage, threshold_db: 0}",),
    "constant loss": ("radio.loss={model: constant, error_rate: 0.15}",),
    "rician ladder": ("radio.fading={model: rician, k_factor_db: 6, coherence_s: 0.02}", "radio.rate=mcs_ladder"),
    "ladder by table": ("radio.rate=mcs_ladder", "radio.loss=bler_table", "radio.mean_snr_db=20"),
    "nakagami": ("radio.fading={model: nakagami, m: 2.5, coherence_s: 0.02}", "radio.rate=truncated_shannon"),
    "finite blocklength": ("radio.rate=finite_blocklength",),
    "no fading": ("radio.fading=none", "radio.loss={model: constant, error_rate: 0.1}"),
    "fdma": ("radio.sharing={model: fdma, pin: power}",),
    "turns": ("radio.sharing=tdma",),
    "processor sharing": ("radio.sharing=processor_sharing",),
    "aloha": ("radio.sharing=slotted_aloha",),
    "waterfall": ("radio.loss=waterfall", "radio.retransmission={model: selective_repeat, retransmissions: 6}"),
    "feedback": (
        "radio.loss={model: constant, error_rate: 0.1}",
        "radio.retransmission={model: stop_and_wait, feedback_s: 0.05, retransmissions: 6}",
    ),
    "fountain": ("radio.loss={model: constant, error_rate: 0.1}", "radio.retransmission=fountain"),
    "jammer": ("radio.jammers=[{name: j, power_w: 1, loss_db: 128, period_s: 0.7, duty: 0.4}]",),
    "clarke": ("radio.fading={model: clarke, doppler_hz: 20}",),
}


def figures(thing: object) -> list[tuple[str, Compared]]:
    """Every number that stands twice."""
    pairs = [(entry.name, getattr(thing, entry.name)) for entry in dataclasses.fields(thing)]
    return [(name, value) for name, value in pairs if isinstance(value, Compared)]


def all_figures(seen: Survey) -> list[tuple[str, Compared]]:
    found = []
    for each in seen.clients:
        for way, link in each.links.items():
            parts = [link.rate] + [
                part for load in link.stages.values() for part in (load.delay, load.loss, load.energy)
            ]
            named = [pair for part in parts if part is not None for pair in figures(part)]
            found += [(f"{each.client.name} {way} {name}", value) for name, value in named]
    return found


def uplinks(seen: Survey) -> list[LinkSurvey]:
    return [each.links["uplink"] for each in seen.clients]


@pytest.mark.parametrize("overrides", VARIANTS.values(), ids=VARIANTS)
def test_what_is_drawn_agrees_with_the_closed_form(scenario, overrides):
    """|drawn - closed form| <= 4.4 standard errors; without spread they are equal."""
    both = [
        (n, f) for n, f in all_figures(survey(scenario(*overrides), EFFORT)) if None not in (f.closed_form, f.drawn)
    ]
    assert len([name for name, _ in both if name.endswith("mean_rate_bps")]) == 4
    for name, figure in both:
        error, trials = figure.standard_error or 0.0, 150 if "complete" in name else 3000
        if "probability" in name:
            error = max(error, math.sqrt(figure.closed_form * (1 - figure.closed_form) / trials))
        assert abs(figure.drawn - figure.closed_form) <= SIGMA * error + 1e-9 * abs(figure.closed_form), (name, figure)


def test_a_client_that_moves_through_two_cells(scenario):
    """The mean rate is the time average of ergodic rates over the mean SNRs on the way."""
    seen = survey(scenario(rest=UMA), dataclasses.replace(EFFORT, window_s=20.0, clients=3))
    for link in uplinks(seen):
        rate = link.rate.mean_rate_bps
        assert abs(rate.drawn - rate.closed_form) <= SIGMA * rate.standard_error
        assert rate.standard_error < 0.1 * rate.drawn
        assert link.budget.highest_snr_db - link.budget.lowest_snr_db > 5.0


def test_the_delay_laws_have_the_names_they_should(scenario):
    names = {
        ("radio.fading={model: rayleigh, coherence_s: 0.02}",): "many blocks",
        ("radio.fading=none",): "constant",
        ("radio.fading={model: rayleigh, coherence_s: .inf}",): "one draw",
        ("radio.fading={model: rayleigh, coherence_s: 0.5}",): None,
        ("radio.fading={model: clarke, doppler_hz: 20}",): None,
    }
    for overrides, name in names.items():
        found = {link.stages["instruction"].delay.law for link in uplinks(survey(scenario(*overrides), EFFORT))}
        assert found == {name}, overrides


def test_an_infinite_mean_is_refused_and_quantiles_are_given(scenario):
    """One Rayleigh draw an upload: q(p) = S/(B log2(1 - g ln p)), Pareto tail of index 1."""
    seen = survey(
        scenario("radio.fading={model: rayleigh, coherence_s: .inf}"), dataclasses.replace(EFFORT, transfers=400)
    )
    for link in uplinks(seen):
        delay = link.stages["instruction"].delay
        assert delay.mean_s == Compared() and delay.std_s == Compared()
        assert "infinite" in delay.infinite_mean and "quantiles" in delay.infinite_mean
        bits, snr = 8 * (200_000 + 40 * delay.packets), 10 ** (link.budget.mean_snr_db / 10)
        expected = [bits / (1e6 * math.log2(1 - snr * math.log(p))) for p in (0.1, 0.5, 0.9, 0.99)]
        assert delay.delay_s.closed_form == pytest.approx(expected, rel=1e-9)
        drawn = link.stages["instruction"].done.durations_s
        for p, at in zip((0.1, 0.5, 0.9), expected, strict=False):
            assert abs(np.mean(drawn <= at) - p) <= SIGMA * math.sqrt(p * (1 - p) / drawn.size)


def test_rates_have_the_quantiles_of_their_law(scenario):
    """Shannon over Rayleigh blocks: q(p) = B log2(1 - g ln(1 - p))."""
    for link in uplinks(survey(scenario(), EFFORT)):
        snr = 10 ** (link.budget.mean_snr_db / 10)
        expected = [1e6 * math.log2(1 - snr * math.log1p(-p)) for p in (0.1, 0.5, 0.9, 0.99)]
        assert link.rate.rate_bps.closed_form == pytest.approx(expected, rel=1e-9)
        for p, at in zip((0.1, 0.5, 0.9, 0.99), expected, strict=True):
            share = np.mean(link.blocks.carried_bps <= at)
            assert abs(share - p) <= SIGMA * math.sqrt(p * (1 - p) / link.blocks.carried_bps.size)


def test_energy_by_state(scenario):
    """Amplifier P T / eta, circuit P_c T, tail P_tail T_tail; all but the radiated energy is drawn."""
    power = "radio.energy={amplifier_efficiency: 0.25, circuit_power_w: 0.2, tail_power_w: 0.5, tail_s: 2}"
    for link in uplinks(survey(scenario(power), EFFORT)):
        energy, delay = link.stages["instruction"].energy, link.stages["instruction"].delay
        assert energy.radiated_j.drawn == pytest.approx(delay.mean_s.drawn)
        assert energy.amplifier_j.drawn == pytest.approx(4 * energy.radiated_j.drawn)
        assert energy.circuit_j.drawn == pytest.approx(0.2 * delay.mean_s.drawn)
        assert energy.tail_j == 1.0
        assert energy.drawn_j == pytest.approx(4.2 * delay.mean_s.drawn + 1.0)


def test_grid_law_means_steps_and_states():
    """E[1{X g >= t}] = e^(-t/g); mixtures weigh their states; the median of a mixture solves its cdf."""
    law = SnrLaw(BlockRayleigh(), np.array([2.0, 6.0]), np.array([0.25, 0.75]))
    above = law.mean(lambda snr: (snr >= 1.0).astype(float))
    assert above == pytest.approx(0.25 * math.exp(-1 / 2) + 0.75 * math.exp(-1 / 6), rel=2e-3)
    assert law.mean(lambda snr: snr) == pytest.approx(5.0, rel=1e-5)
    assert law.below(np.array([law.quantile(0.5)]))[0] == pytest.approx(0.5, abs=1e-12)
    narrow = SnrLaw(BlockNakagami(m=1e4), np.ones(1), np.ones(1))
    assert narrow.mean(np.square) == pytest.approx(1.0 + 1e-4, rel=1e-7)


def test_many_states_keep_what_is_linear_in_decibels():
    rng = np.random.default_rng(1)
    means, lengths = 10 ** (rng.uniform(-1, 2, 500)), rng.uniform(0.1, 1.0, 500)
    knots, shares = states_of(means, lengths)
    assert knots.size == 64 and shares.sum() == pytest.approx(1.0)
    assert np.log(knots) @ shares == pytest.approx(np.average(np.log(means), weights=lengths))


def test_standard_errors_see_dependence_and_not_a_known_trend():
    rng = np.random.default_rng(2)
    once = rng.standard_normal(50)
    assert (
        compared(None, np.repeat(once, 40), np.ones(2000)).standard_error
        > 4 * compared(None, np.repeat(once, 40)).standard_error
    )
    trend = np.linspace(1.0, 9.0, 2000)
    assert compared(None, trend, np.ones(2000), trend).standard_error == pytest.approx(0.0, abs=1e-12)


def test_weighted_quantiles():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 8.0, 1.0])
    assert quantiles_of(values, weights) == (1.0, 1.0, 2.0, 3.0)

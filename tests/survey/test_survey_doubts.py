"""Every warning has a scenario that earns it and one, hardly different, that does not."""

from __future__ import annotations

import pytest

from pwffsim.survey.doubts import CHECKS, doubts
from pwffsim.survey.survey import Effort, survey

EFFORT = Effort(transfers=30, blocks=300, clients=3, payload_bytes=200_000)
BARE = "radio: {bandwidth: 1 MHz, tx_power: 1 W, loss: none, fading: {coherence: 20 ms}}\n"
UMA = """radio: {{tx_power: 1 W, noise_figure: 7 dB, loss: none, fading: {{coherence: {coherence}}}}}
network:
  carrier: 3.5 GHz
  path_loss: uma
  cells: [{{name: west}}]
  placement: {{model: fixed, x_m: [{x}], y_m: [0]}}
  mobility: {{model: linear, speed_mps: {speed}, heading_deg: 0}}
"""
WALK, FLIGHT = UMA.format(coherence="36 ms", speed=1, x=300), UMA.format(coherence="36 ms", speed=60, x=3000)
TWO_MS = UMA.format(coherence="2 ms", speed=1, x=300)
JAMMED = "radio.jammers=[{{name: j, power_w: 1, loss_db: {loss}, duty: 0.3}}]"
TRACE = "radio: {{tx_power: 1 W, trace: {{format: mahimahi, files: [{file}], at_end: loop}}}}\n"

PAIRS = {
    "snr_pinned": (("radio.sharing={model: fdma, pin: snr}",), ("radio.sharing={model: fdma, pin: psd}",)),
    "quasi_static": (("radio.fading.coherence_s=60",), ("radio.fading.coherence_s=0.02",)),
    "nearly_all_lost": (
        ("radio.loss={model: constant, error_rate: 0.999}",),
        ("radio.loss={model: constant, error_rate: 0.3}",),
    ),
    "path_loss_absurd": (
        ("radio.mean_snr_db=null", "radio.path_loss_db=12"),
        ("radio.mean_snr_db=null", "radio.path_loss_db=120"),
    ),
    "snr_extreme": (("radio.mean_snr_db=45",), ("radio.mean_snr_db=30",)),
    "rate_above_capacity": (
        ("radio.rate={model: fixed, efficiency_b_per_s_hz: 4}", "radio.loss={model: constant, error_rate: 0.1}"),
        ("radio.rate={model: fixed, efficiency_b_per_s_hz: 4}", "radio.loss={model: outage, threshold_db: 12}"),
    ),
    "jammer_above_signal": ((JAMMED.format(loss=110),), (JAMMED.format(loss=140),)),
}


def kinds(scenario) -> dict[str, str]:
    return {doubt.kind: doubt.message for doubt in doubts(survey(scenario, EFFORT))}


@pytest.mark.parametrize("kind", PAIRS)
def test_a_warning_where_it_is_due_and_not_where_it_is_not(kind, scenario):
    due, quiet = PAIRS[kind]
    assert kind in kinds(scenario(*due))
    assert kind not in kinds(scenario(*quiet))


def test_fading_and_motion(scenario):
    """1 m/s at 3.5 GHz: f_D = 11.7 Hz, 0.423/f_D = 36 ms."""
    assert "coherence_off" in kinds(scenario(rest=TWO_MS, clients=1))
    assert "coherence_off" not in kinds(scenario(rest=WALK, clients=1))
    clarke = "radio.fading={{model: clarke, doppler_hz: {}}}"
    assert "coherence_off" not in kinds(scenario(clarke.format(12), rest=WALK, clients=1))
    assert "coherence_off" in kinds(scenario(clarke.format(120), rest=WALK, clients=1))


def test_a_client_that_leaves_the_map(scenario):
    """UMa holds to 5 km; at 60 m/s from 3 km that is 33 s."""
    strong = ("radio.tx_power_w=1000", "radio.downlink={tx_power_w: 1000}")
    effort = Effort(transfers=10, blocks=100, window_s=51.2, payload_bytes=20_000)
    flying = survey(scenario(*strong, rest=FLIGHT, clients=1), effort)
    found = {doubt.kind: doubt for doubt in doubts(flying)}
    assert "5000 m" in found["out_of_range"].message
    assert flying.clients[0].window.length_s == pytest.approx(33.2)
    assert "out_of_range" not in kinds(scenario(rest=WALK, clients=1))


def test_a_recording_shorter_than_an_upload(scenario, tmp_path):
    """Mahimahi: 12,000 bits a line; ten lines in 100 ms are 1.2 Mb/s, 200 kB take 1.4 s; or over 10 s: no doubt."""
    for lines, due in ((10, True), (1000, False)):
        file = tmp_path / f"{lines}.up"
        file.write_text("".join(f"{10 * (k + 1)}\n" for k in range(lines)))
        assert ("trace_too_short" in kinds(scenario(rest=TRACE.format(file=file)))) is due


def test_a_plain_scenario_earns_no_warning(scenario):
    assert kinds(scenario()) == {}


def test_hopeless_links_are_not_simulated_for_ever(scenario):
    """Downloads are repeated until they arrive: at 99.9 % loss nobody waits for that."""
    seen = survey(scenario("radio.loss={model: constant, error_rate: 0.999}"), EFFORT)
    assert {each.links["downlink"].stages["instruction"].delay.transfers for each in seen.clients} == {0}
    assert {each.links["uplink"].stages["instruction"].delay.transfers for each in seen.clients} == {30}


def test_every_check_is_tried():
    assert len(CHECKS) == len(PAIRS) + 3

"""What clients' radios draw: by hand in every state, and in sum over the states of the whole run."""

from __future__ import annotations

from math import inf

import pytest
from radios import ALONE_S, STILL, RadioAlone, tiled
from worlds import losing, play

from channel_models.energy.radio import Activity, RadioPower
from pwffsim.kernel.clock import ns
from pwffsim.runs.records import SpanKind

STATES = {
    "amplifier_efficiency": 0.25,
    "circuit_power_w": 0.5,
    "receive_power_w": 0.3,
    "tail_power_w": 0.7,
    "tail_s": 0.2,
    "idle_power_w": 0.05,
    "idle_s": 1.0,
    "sleep_power_w": 0.002,
}
P_W = 1.0


def drawn(length_s):
    """Of a radio at rest for so long after an activity: tail, idle, asleep."""
    tail = min(length_s, STATES["tail_s"])
    idle = min(length_s - tail, STATES["idle_s"])
    asleep = length_s - tail - idle
    return STATES["tail_power_w"] * tail + STATES["idle_power_w"] * idle + STATES["sleep_power_w"] * asleep


def before(length_s):
    """Of one that was never active: idle, asleep, no tail."""
    idle = min(length_s, STATES["idle_s"])
    return STATES["idle_power_w"] * idle + STATES["sleep_power_w"] * (length_s - idle)


def joules(spans):
    return sum(span.energy_nj for span in spans) / 1e9


def test_an_upload_draws_amplifier_and_circuit():
    """(P / eta + P_c) T."""
    radio = RadioAlone(1, **STILL, energy=STATES).upload(0).play()
    assert radio[0].energy_nj == pytest.approx((P_W / 0.25 + 0.5) * ALONE_S * 1e9, abs=8)
    assert radio[0].full_power_ns == radio[0].on_air_ns == pytest.approx(ns(ALONE_S), abs=1)


def test_a_download_draws_the_receiver_and_no_server_power():
    down = {"mean_snr_db": 5.0, "noise_figure_db": 9.0, "tx_power_w": 40.0, "bandwidth_hz": 1e6}
    radio = RadioAlone(1, **{**STILL, "downlink": down}, energy=STATES).download(0).play()
    assert radio[0].energy_nj == pytest.approx(0.3 * ALONE_S * 1e9, abs=2)


def test_shared_air_idles_between_its_turns():
    """Two share by turns: on air half the time, idle the other half. (P/eta + P_c) T + P_idle T each."""
    radio = RadioAlone(2, **STILL, energy=STATES, sharing="processor_sharing").upload(0).upload(1).play()
    expected_j = (P_W / 0.25 + 0.5) * ALONE_S + 0.05 * ALONE_S
    for update in (0, 1):
        assert radio[update].energy_nj == pytest.approx(expected_j * 1e9, abs=20)


def test_psd_fdma_radiates_its_part_and_runs_its_circuit_whole():
    radio = RadioAlone(4, **STILL, energy=STATES, sharing={"model": "fdma", "pin": "psd"}).upload(0).play()
    assert radio[0].energy_nj == pytest.approx((P_W / 4 / 0.25 + 0.5) * 4 * ALONE_S * 1e9, rel=1e-8)


@pytest.mark.parametrize("gap_s", [0.1, 0.2, 0.7, 1.2, 5.0])
def test_rest_between_two_uploads_by_hand(gap_s):
    """Tail, then idle, then asleep, counted from the end of the first upload."""
    first_s = 2.5
    end_s = first_s + ALONE_S
    radio = RadioAlone(1, **STILL, energy=STATES).upload(0, first_s).upload(0, end_s + gap_s).play(until_s=20.0)
    lead, rest, tail = radio.spans("client-00", SpanKind.IDLE)
    assert lead.energy_nj / 1e9 == pytest.approx(before(first_s), abs=2e-9)
    assert rest.energy_nj / 1e9 == pytest.approx(drawn(gap_s), abs=5e-9)
    assert tail.energy_nj / 1e9 == pytest.approx(drawn(20.0 - end_s - gap_s - ALONE_S), abs=5e-9)


def test_a_queue_is_rest_cut_in_two():
    """The tail runs on into the wait for the band: rest is counted from the last activity, not from the span."""
    radio = (
        RadioAlone(2, **STILL, energy=STATES, sharing="tdma").upload(0).upload(1, 0.1).upload(0, ALONE_S + 0.15).play()
    )
    (wait,) = radio.spans("client-00", SpanKind.QUEUE)
    waited_s = wait.duration_ns / 1e9
    assert waited_s == pytest.approx(ALONE_S - 0.15, abs=1e-8)
    assert wait.energy_nj / 1e9 == pytest.approx(drawn(ALONE_S) - drawn(0.15), abs=5e-9)


def test_every_second_of_a_radio_is_drawn_in_one_state():
    """The sum over a client's spans is the state machine's energy over the horizon, by its own bookkeeping."""
    down = {"mean_snr_db": 5.0, "noise_figure_db": 9.0, "tx_power_w": 1.0, "bandwidth_hz": 1e6}
    radio = RadioAlone(2, **{**STILL, "downlink": down}, energy=STATES, sharing="tdma")
    radio.download(0, 0.5).upload(0, 2.0).upload(1, 1.5).download(0, 8.0).upload(0, 9.1).play(until_s=15.0)
    spans = radio.spans("client-00")
    assert tiled(spans) and spans[-1].end_ns == ns(15.0)
    air = {SpanKind.UPLOAD: "transmit", SpanKind.DOWNLOAD: "receive"}
    activities = [
        Activity(state=air[span.kind], start_s=span.start_ns / 1e9, stop_s=span.end_ns / 1e9)
        for span in spans
        if span.kind in air
    ]
    power = RadioPower(**STATES)
    times = power.times(activities, 15.0)
    assert len(activities) == 4 and times.horizon_s == pytest.approx(15.0, abs=1e-9)
    assert joules(spans) == pytest.approx(power.energy_j(P_W, times), abs=3e-8)


def test_without_states_only_what_is_radiated_counts():
    radio = RadioAlone(1, **STILL).upload(0, 1.0).play(until_s=9.0)
    assert joules(radio.spans("client-00")) == pytest.approx(P_W * ALONE_S, abs=1e-8)
    assert RadioPower().idle_s == inf


@pytest.mark.parametrize("sharing", ["private", "tdma", "processor_sharing", "slotted_aloha"])
def test_worlds_of_all_states_keep_every_law(sharing):
    """Tail, idle and sleep between training, queues and transfers; ``play`` checks power x time of every span."""
    settings = {
        "clients": 3,
        "stages": {"instruction": {"rounds": 2}, "reward": {"rounds": 1}},
        "radio": {**losing(0.1, 2), "sharing": sharing, "energy": STATES},
    }
    run = play(settings)
    idle = run.spans[(run.spans.kind == "idle") & run.spans.actor.str.startswith("client")]
    assert (idle.energy_nj > 0).all() and len(idle)

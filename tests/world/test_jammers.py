"""Jammers: SINR = SNR / (1 + INR) while they are on, and nothing else; their rows on the timeline."""

from __future__ import annotations

from math import log2, log10

import pytest
from radios import BAND_HZ, STILL, RadioAlone, tiled
from worlds import losing, play

from channel_models.interference.jammer import Jammer
from channel_models.link_budget import thermal_noise_w
from pwffsim.kernel.clock import ns
from pwffsim.runs.records import SpanKind
from pwffsim.world.radio.jamming import JammedNoise

JAMMER = {"name": "jammer", "power_w": 1.0, "loss_db": 130.0, "period_s": 1.0, "duty": 0.5, "phase_s": 0.0}
NOISE_W = thermal_noise_w(BAND_HZ) * 10**0.9
INR = 10**-13 / NOISE_W
SMALL_BYTES = 20_000


def jammed(*jammers, clients=1, **radio):
    return RadioAlone(clients, **{**STILL, "noise_figure_db": 9.0, **radio}, jammers=list(jammers))


def air_s(snr, size_bytes=SMALL_BYTES):
    return 8 * size_bytes / (BAND_HZ * log2(1 + snr))


def test_a_message_inside_an_on_window_meets_signal_over_noise_and_interference():
    radio = jammed(JAMMER).upload(0, 0.1, SMALL_BYTES).play()
    sinr = 10**0.5 / (1 + INR)
    assert radio[0].mean_snr_db == pytest.approx(10 * log10(sinr), abs=1e-9)
    assert radio[0].received_ns == pytest.approx(ns(0.1 + air_s(sinr)), abs=1)
    assert radio[0].received_ns < ns(0.5)


def test_a_jammer_that_never_pauses_cuts_nothing():
    """Its period says nothing: a channel that never fades is not cut every millisecond for its sake."""
    for duty in (0.0, 1.0):
        assert JammedNoise([Jammer(power_w=1.0, period_s=1e-3, duty=duty)], 1.0).step_s == 1.0
    some = [
        Jammer(power_w=1.0, period_s=period_s, duty=duty) for period_s, duty in ((1e-3, 1.0), (0.2, 0.5), (3.0, 0.1))
    ]
    assert JammedNoise(some, 1.0).step_s == 0.2
    steady = jammed({**JAMMER, "period_s": 1e-3, "duty": 1.0}).upload(0, 0.1).play()
    assert steady[0].mean_snr_db == pytest.approx(10 * log10(10**0.5 / (1 + INR)), abs=1e-9)


def test_a_message_inside_an_off_window_meets_nothing():
    radio = jammed(JAMMER).upload(0, 0.55, SMALL_BYTES).play()
    assert radio[0].mean_snr_db == pytest.approx(5.0, abs=1e-9)
    assert radio[0].received_ns == pytest.approx(ns(0.55 + air_s(10**0.5)), abs=1)


def test_a_message_across_windows_is_the_integral_of_both_rates():
    """From 0.3 s: 0.2 s at the jammed rate, 0.5 s at the clean one, the rest jammed again."""
    slow, fast = (BAND_HZ * log2(1 + snr) for snr in (10**0.5 / (1 + INR), 10**0.5))
    bits = 8 * 200_000
    left = bits - 0.2 * slow - 0.5 * fast
    assert 0 < left < 0.5 * slow
    radio = jammed(JAMMER).upload(0, 0.3, 200_000).play()
    assert radio[0].received_ns == pytest.approx(ns(1.0 + left / slow), abs=1)


def test_powers_of_two_jammers_add_in_watts():
    radio = jammed(JAMMER, {**JAMMER, "name": "other", "loss_db": 133.0}).upload(0, 0.1, SMALL_BYTES).play()
    both = INR * (1 + 10**-0.3)
    assert radio[0].mean_snr_db == pytest.approx(10 * log10(10**0.5 / (1 + both)), abs=1e-9)


def test_the_noise_is_that_of_the_link_budget_also_where_the_noise_figure_follows():
    """Power, path loss and SNR are given: F = P - PL - kTB - SNR, here 9 dB again, and so the same INR."""
    path_loss_db = 10 * log10(1.0 / NOISE_W) - 5.0
    derived = {**STILL, "tx_power_w": 1.0, "path_loss_db": path_loss_db}
    radio = RadioAlone(1, **derived, jammers=[JAMMER]).upload(0, 0.1, SMALL_BYTES).play()
    assert radio.scenario.radio.noise_figure_db is None
    assert radio[0].mean_snr_db == pytest.approx(10 * log10(10**0.5 / (1 + INR)), abs=1e-9)


@pytest.mark.parametrize("fading", ["none", "rayleigh"])
def test_a_jammer_that_is_never_on_is_no_jammer_bit_for_bit(fading):
    radio = {**losing(0.1, 3), "fading": fading}
    silent = jammed({**JAMMER, "duty": 0.0}, clients=3, **radio)
    absent = jammed(clients=3, **radio)
    for world in (silent, absent):
        world.upload(0).upload(1, 0.2).upload(2, 0.4).play()
    times = [[(m.sent_ns, m.received_ns, m.transmissions) for m in world.log.messages] for world in (silent, absent)]
    if fading == "rayleigh":
        assert silent.log.messages == absent.log.messages
    assert times[0] == times[1]
    assert not silent.spans("jammer", SpanKind.JAM)


def test_a_jammer_hits_uploads_and_no_downloads():
    both = {"downlink": {"mean_snr_db": 5.0, "noise_figure_db": 9.0, "tx_power_w": 1.0}}
    radio = jammed({**JAMMER, "duty": 1.0}, **both).upload(0, 0.0, SMALL_BYTES).download(0, 5.0, SMALL_BYTES).play()
    assert radio[0].mean_snr_db < 5.0 - 3.0
    assert radio[1].mean_snr_db == pytest.approx(5.0, abs=1e-9)


def test_jammed_packets_are_lost_by_their_sinr():
    """Outage at 3 dB: 5 dB pass, 5 dB with a jammer on 15 dB over the noise do not; they are sent again later."""
    lossy = {**losing(0.0, 8), "loss": {"model": "outage", "threshold_db": 3.0}}
    free = jammed(**lossy).upload(0, 0.1, 100_000).play()[0]
    hit = jammed(JAMMER, **lossy).upload(0, 0.1, 100_000).play()[0]
    assert free.transmissions == free.packets
    assert hit.complete and hit.transmissions > hit.packets


def test_the_row_of_a_jammer_shows_when_it_was_on_and_tiles():
    late = {**JAMMER, "name": "late", "start_s": 0.7, "stop_s": 2.2, "period_s": 0.4, "duty": 0.25}
    radio = jammed(JAMMER, late).upload(0, 0.0, SMALL_BYTES).play(until_s=3.25)
    shown = {name: [(s.start_ns, s.end_ns) for s in radio.spans(name, SpanKind.JAM)] for name in ("jammer", "late")}
    assert shown["jammer"] == [(ns(k), ns(k + 0.5)) for k in range(3)] + [(ns(3.0), ns(3.25))]
    assert shown["late"] == [(ns(0.7 + 0.4 * k), ns(0.8 + 0.4 * k)) for k in range(4)]
    assert tiled(radio.spans("jammer")) and tiled(radio.spans("late"))
    assert radio.spans("jammer")[-1].end_ns == radio.spans("late")[-1].end_ns == ns(3.25)


def test_a_jammed_world_keeps_every_law():
    settings = {
        "clients": 3,
        "stages": {"instruction": {"rounds": 3}},
        "radio": {**losing(0.05, 4), "jammers": [JAMMER], "noise_figure_db": 9.0},
    }
    run = play(settings)
    assert set(run.spans[run.spans.actor == "jammer"].kind) == {"jam", "idle"}
    assert len(run.rounds) == 3

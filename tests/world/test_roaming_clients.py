"""Clients that move between two cells, against the rules of handover and integrals of the rate done by hand.

A client walks along the line through both cells. With the loss L0 + 10 n log10(d) the east cell is more than h dB
stronger than the west one beyond x = D r / (1 + r), r = 10^(h / 10 n). The first measurement k > t*/T after that
time t* starts the time to trigger, whose ceil(TTT/T) further measurements all agree: handover at (k + ceil(TTT/T)) T.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor, log2, log10

import numpy as np
import pytest
from radios import RadioAlone, tiled

from channel_models.link_budget import thermal_noise_w
from channel_models.transfer.work import LinkStalled
from pwffsim.kernel.clock import ns
from pwffsim.runs.records import SpanKind
from pwffsim.world.radio.coverage import Roaming

DISTANCE_M, EXPONENT, AT_1_M_DB, HYSTERESIS_DB = 400.0, 3.0, 40.0, 3.0
INTERVAL_S, TRIGGER_S, INTERRUPTION_S = 0.04, 0.16, 0.05
BAND_HZ, POWER_W, FIGURE_DB, BLOCK_S = 1e5, 1e-3, 9.0, 0.05
NOISE_W = thermal_noise_w(BAND_HZ) * 10 ** (FIGURE_DB / 10)
SIZE_BYTES = 100_000
CELLS_M = {"west": 0.0, "east": DISTANCE_M}


def network(x_m, speed_mps=20.0, cells=CELLS_M, **rules):
    handover = {"hysteresis_db": HYSTERESIS_DB, "time_to_trigger_s": TRIGGER_S, "interruption_s": INTERRUPTION_S}
    return {
        "path_loss": {"model": "log_distance", "exponent": EXPONENT, "reference_loss_db": AT_1_M_DB},
        "least_distance_m": 1.0,
        "cells": [{"name": name, "x_m": x} for name, x in cells.items()],
        "placement": {"model": "fixed", "x_m": list(x_m), "y_m": [0.0] * len(x_m)},
        "mobility": {"model": "linear", "speed_mps": speed_mps, "heading_deg": 0.0},
        "handover": {**handover, "interval_s": INTERVAL_S, **rules},
    }


def on_the_move(x_m, sharing="private", downlink=None, block_s=BLOCK_S, **layout):
    link = {"bandwidth_hz": BAND_HZ, "tx_power_w": POWER_W, "noise_figure_db": FIGURE_DB}
    still = {"fading": {"model": "none", "coherence_s": block_s}, "packets": "fluid", "sharing": sharing}
    return RadioAlone(len(x_m), network=network(x_m, **layout), **still, **link, downlink={**link, **(downlink or {})})


def handover_s(x_m, speed_mps=20.0):
    """When a client that starts at x is handed from west to east."""
    ratio = 10 ** (HYSTERESIS_DB / (10 * EXPONENT))
    crossing_s = (DISTANCE_M * ratio / (1 + ratio) - x_m) / speed_mps
    return (floor(crossing_s / INTERVAL_S) + 1 + ceil(TRIGGER_S / INTERVAL_S - 1e-9)) * INTERVAL_S


def rate_bps(cell, x_m, time_s, speed_mps=20.0):
    """At a time, for a client that started at x; on the way the loss goes straight in dB from one 10 ms to the next."""
    grid_s = np.arange(floor(time_s / 0.01), floor(time_s / 0.01) + 3) * 0.01
    loss_db = AT_1_M_DB + 10 * EXPONENT * np.log10(np.abs(CELLS_M[cell] - x_m - speed_mps * grid_s))
    return BAND_HZ * log2(1 + POWER_W * 10 ** (-np.interp(time_s, grid_s, loss_db) / 10) / NOISE_W)


def finish_s(x_m, legs, bits, speed_mps=20.0):
    """Legs (cell, from, to): bits flow at the rate of the middle of each block; when all are through."""
    for cell, start_s, stop_s in legs:
        now_s = start_s
        while now_s < stop_s - 1e-12:
            block = floor(now_s / BLOCK_S + 1e-9)
            rate = rate_bps(cell, x_m, (block + 0.5) * BLOCK_S, speed_mps)
            edge_s = min((block + 1) * BLOCK_S, stop_s)
            if bits <= rate * (edge_s - now_s):
                return now_s + bits / rate
            bits, now_s = bits - rate * (edge_s - now_s), edge_s
    raise AssertionError("the legs are too short for so many bits")


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("start_s", [0.0, 0.317])
def test_a_transfer_is_handed_over_on_the_way(way, start_s):
    """West until the handover, nothing for 50 ms, east until all is through: the same for both directions."""
    x_m = 198.5
    radio = on_the_move([x_m])
    (radio.upload if way == "up" else radio.download)(0, start_s, SIZE_BYTES).play()
    leaves_s = handover_s(x_m)
    assert leaves_s == pytest.approx(1.4)
    arrives_s = leaves_s + INTERRUPTION_S
    end_s = finish_s(x_m, [("west", start_s, leaves_s), ("east", arrives_s, 99.0)], 8 * SIZE_BYTES)
    message, kind = radio[0], "upload" if way == "up" else "download"
    assert message.received_ns == pytest.approx(ns(end_s), abs=2)
    assert (message.cell, message.handovers, message.held_ns) == ("east", 1, ns(INTERRUPTION_S))
    assert message.sent_ns == ns(start_s)
    assert radio.trace(0) == [
        (kind, ns(start_s), ns(leaves_s)),
        ("handover", ns(leaves_s), ns(arrives_s)),
        (kind, ns(arrives_s), message.received_ns),
    ]
    assert tiled(radio.spans("client-00"))


def test_cutting_changes_no_energy():
    """P x time on air, to the nanojoule: what the pieces say is what one piece of that length would."""
    radio = on_the_move([198.5]).upload(0, 0.0, SIZE_BYTES).play()
    message = radio[0]
    pieces = radio.spans("client-00", SpanKind.UPLOAD)
    assert len(pieces) == 2
    assert message.on_air_ns == pytest.approx(sum(span.duration_ns for span in pieces), abs=1)
    assert (
        message.on_air_ns
        == message.full_power_ns
        == pytest.approx(message.received_ns - message.sent_ns - message.held_ns, abs=1)
    )
    assert message.energy_nj == sum(span.energy_nj for span in pieces)
    assert message.energy_nj == pytest.approx(POWER_W * message.on_air_ns, abs=1)
    assert [span.bytes for span in pieces] == [SIZE_BYTES, 0]


def test_the_mean_snr_is_the_average_over_both_cells():
    radio = on_the_move([198.5]).upload(0, 0.0, SIZE_BYTES).play()
    total, leaves_s = 0.0, handover_s(198.5)
    end_s = radio[0].received_ns / 1e9
    cuts = [k * BLOCK_S for k in range(200)] + [leaves_s, leaves_s + INTERRUPTION_S, end_s]
    edges = sorted(cut for cut in cuts if cut <= end_s)
    for start_s, stop_s in pairwise(edges):
        middle_s = (start_s + stop_s) / 2
        if not leaves_s < middle_s < leaves_s + INTERRUPTION_S:
            block_s = (floor(middle_s / BLOCK_S) + 0.5) * BLOCK_S
            rate = rate_bps("west" if middle_s < leaves_s else "east", 198.5, block_s)
            total += (2 ** (rate / BAND_HZ) - 1) * (stop_s - start_s)
    assert radio[0].mean_snr_db == pytest.approx(10 * log10(total / (end_s - INTERRUPTION_S)), abs=1e-6)


def test_a_handover_without_interruption_at_an_instant_that_floats_miss():
    """Measurement 35 at 35 x 0.04 s is 1.4000000000000001 s in floating point, and 1.4 s on the clock."""
    assert 35 * INTERVAL_S > 1.4 == ns(35 * INTERVAL_S) / 1e9
    radio = on_the_move([198.5], interruption_s=0.0).upload(0, 0.0, SIZE_BYTES).play()
    end_s = finish_s(198.5, [("west", 0.0, 1.4), ("east", 1.4, 99.0)], 8 * SIZE_BYTES)
    assert radio[0].received_ns == pytest.approx(ns(end_s), abs=2)
    assert (radio[0].cell, radio[0].handovers, radio[0].held_ns) == ("east", 1, 0)
    assert [kind for kind, _, _ in radio.trace(0)] == ["upload", "upload"]


def test_who_starts_after_the_handover_starts_in_the_new_cell():
    for start_s, cell, handovers in ((1.4 - 1e-9, "east", 1), (1.4, "east", 0), (1.6, "east", 0)):
        message = on_the_move([198.5]).upload(0, start_s, SIZE_BYTES).play()[0]
        assert (message.cell, message.handovers) == (cell, handovers)


def test_shares_of_the_air_are_the_cells_own():
    """Processor sharing: client 1 stands east; it slows client 0 only once that has arrived there."""
    x_m = [198.5, 198.5 + DISTANCE_M / 2]
    alone = on_the_move(x_m, "processor_sharing").upload(0, 0.0, SIZE_BYTES).play()
    shared = on_the_move(x_m, "processor_sharing").upload(0, 0.0, SIZE_BYTES).upload(1, 0.0, 500_000).play()
    arrives_ns = ns(handover_s(198.5) + INTERRUPTION_S)
    alone_ns, shared_ns = (radio[0].received_ns - arrives_ns for radio in (alone, shared))
    assert shared_ns > 1.5 * alone_ns, "about twice, as the rate rises on the way"
    until = [radio.trace(0)[:2] for radio in (alone, shared)]
    assert until[0] == until[1]
    assert shared[0].on_air_ns == pytest.approx(arrives_ns - ns(INTERRUPTION_S) + shared_ns / 2, abs=2)


def test_in_an_exclusive_cell_one_queues_anew():
    """Client 1 has the east cell's band; client 0 arrives and waits for it, held with part of its bits sent."""
    x_m = [198.5, 300.0]
    radio = on_the_move(x_m, "tdma", speed_mps=20.0).upload(0, 0.0, SIZE_BYTES).upload(1, 0.0, 250_000).play()
    leaves_ns, arrives_ns = ns(1.4), ns(1.4 + INTERRUPTION_S)
    free_ns = radio[1].received_ns
    assert free_ns > arrives_ns + ns(0.1)
    assert radio.trace(0) == [
        ("upload", 0, leaves_ns),
        ("handover", leaves_ns, arrives_ns),
        ("queue", arrives_ns, free_ns),
        ("upload", free_ns, radio[0].received_ns),
    ]
    assert radio[0].held_ns == free_ns - leaves_ns
    end_s = finish_s(198.5, [("west", 0.0, 1.4), ("east", free_ns / 1e9, 99.0)], 8 * SIZE_BYTES)
    assert radio[0].received_ns == pytest.approx(ns(end_s), abs=2)
    rows = {
        cell: [(span.note, span.start_ns, span.end_ns) for span in radio.spans(cell, SpanKind.UPLOAD)]
        for cell in CELLS_M
    }
    assert rows == {
        "west": [("client-00", 0, leaves_ns)],
        "east": [("client-01", 0, free_ns), ("client-00", free_ns, radio[0].received_ns)],
    }
    assert tiled(radio.spans("west")) and tiled(radio.spans("east"))


def test_a_handover_while_queueing_takes_one_out_of_the_queue():
    """Client 1 has the west cell's band for long; client 0 waits, moves over, and sends in the east at once."""
    x_m = [198.5, 10.0]
    radio = on_the_move(x_m, "tdma").upload(1, 0.0, 400_000).upload(0, 0.1, SIZE_BYTES).play()
    leaves_ns, arrives_ns = ns(1.4), ns(1.4 + INTERRUPTION_S)
    message = radio[1]
    assert message.source == "client-00" and radio[0].received_ns > arrives_ns
    assert radio.trace(1) == [
        ("queue", ns(0.1), leaves_ns),
        ("handover", leaves_ns, arrives_ns),
        ("upload", arrives_ns, message.received_ns),
    ]
    assert (message.cell, message.handovers, message.held_ns, message.sent_ns) == ("east", 1, 0, arrives_ns)
    assert message.received_ns == pytest.approx(
        ns(finish_s(198.5, [("east", arrives_ns / 1e9, 99.0)], 8 * SIZE_BYTES)), abs=2
    )


def test_a_handover_after_a_very_long_time_in_a_queue():
    """At 0.02 m/s the handover comes after some 1200 s, beyond what is looked ahead at once."""
    leaves_s = handover_s(198.5, speed_mps=0.02)
    assert leaves_s > 1200
    radio = on_the_move([198.5, 150.0], "tdma", speed_mps=0.02, block_s=10.0)
    radio.upload(1, 0.0, 100_000_000).upload(0, 0.1, SIZE_BYTES).play()
    assert radio.trace(1)[:2] == [
        ("queue", ns(0.1), ns(leaves_s)),
        ("handover", ns(leaves_s), ns(leaves_s + INTERRUPTION_S)),
    ]
    assert radio[0].received_ns > radio[1].received_ns > ns(leaves_s)


def test_who_leaves_a_queue_does_not_keep_the_band_from_others():
    """Client 2 queues behind client 0, which is handed over: the band goes from client 1 straight to client 2."""
    radio = on_the_move([198.5, 10.0, 11.0], "tdma")
    radio.upload(1, 0.0, 400_000).upload(0, 0.1, SIZE_BYTES).upload(2, 0.2, SIZE_BYTES).play()
    assert radio[0].received_ns > ns(1.5)
    assert radio[2].sent_ns == radio[0].received_ns


@pytest.mark.parametrize(("trigger_s", "interruption_s"), [(0.0, 0.04), (0.0, 0.0), (0.0, 0.1), (0.08, 0.05)])
def test_ping_pong(trigger_s, interruption_s):
    """Shadowing and no hysteresis throw a client to and fro: every handover of the rules is one of the message's."""
    layout = network(
        [150.0], speed_mps=30.0, hysteresis_db=0.0, time_to_trigger_s=trigger_s, interruption_s=interruption_s
    )
    layout["shadowing"] = {"sigma_db": 8.0, "decorrelation_m": 1.0}
    link = {"bandwidth_hz": BAND_HZ, "tx_power_w": POWER_W, "noise_figure_db": FIGURE_DB}
    radio = RadioAlone(1, network=layout, fading={"model": "none", "coherence_s": 0.01}, packets="fluid", **link)
    radio.upload(0, 0.0, SIZE_BYTES).play()
    message = radio[0]
    attachment = radio.access._coverage._attachment(0)
    events = [ns(event.time_s) for event in attachment.events(message.received_ns / 1e9)]
    events = [time_ns for time_ns in events if 0 < time_ns < message.received_ns]
    assert message.handovers == len(events) > 3
    assert message.held_ns == len(events) * ns(interruption_s)
    shown = [span.start_ns for span in radio.spans("client-00", SpanKind.HANDOVER)]
    assert shown == (events if interruption_s else [])
    assert message.cell == ("west", "east")[attachment.cell_at(message.received_ns / 1e9)]
    assert tiled(radio.spans("client-00"))


def test_losses_go_on_where_they_were():
    """Packets, lost and repeated, over a handover: every byte arrives, and each packet is sent at least once."""
    link = {"bandwidth_hz": BAND_HZ, "tx_power_w": POWER_W, "noise_figure_db": FIGURE_DB}
    repeats = {"model": "selective_repeat", "retransmissions": 20}
    lossy = {"loss": {"model": "constant", "error_rate": 0.2}, "retransmission": repeats}
    radio = RadioAlone(1, network=network([198.5]), fading={"model": "none", "coherence_s": BLOCK_S}, **lossy, **link)
    message = radio.upload(0, 0.0, SIZE_BYTES).play()[0]
    assert message.complete and message.handovers == 1
    sent_bits = message.transmissions * 1500 * 8
    last_bits = (SIZE_BYTES - 68 * 1460 + 40) * 8
    assert message.packets == 69 and message.transmissions == pytest.approx(69 / 0.8, rel=0.2)
    end_s = finish_s(198.5, [("west", 0.0, 1.4), ("east", 1.4 + INTERRUPTION_S, 99.0)], sent_bits - 12_000 + last_bits)
    assert message.received_ns == pytest.approx(ns(end_s), abs=ns(0.06)), "or the short packet was sent more than once"
    kinds = [kind for kind, _, _ in radio.trace(0)]
    assert kinds == ["upload", "handover", "upload", "retransmit"]


def test_an_update_larger_than_the_old_cell_could_ever_carry():
    """The client walks away from the west cell for ever; what counts is the cell that it walks to."""
    legs = [("west", 0.0, 1.4), ("east", 1.4 + INTERRUPTION_S, 99.0)]
    with pytest.raises(AssertionError, match="too short"):
        finish_s(198.5, [("west", 0.0, 9_999.0)], 8 * 600_000)
    radio = on_the_move([198.5]).upload(0, 0.0, 600_000).play()
    assert radio[0].received_ns == pytest.approx(ns(finish_s(198.5, legs, 8 * 600_000)), abs=3)


def test_who_moves_while_a_broadcast_is_on_listens_to_the_end():
    radio = on_the_move([198.5], downlink={"delivery": "broadcast"}).download(0, 0.0, SIZE_BYTES).play()
    end_s = finish_s(198.5, [("west", 0.0, 99.0)], 8 * SIZE_BYTES)
    assert radio[0].received_ns == pytest.approx(ns(end_s), abs=2)
    assert end_s > 1.4 and (radio[0].cell, radio[0].handovers) == ("west", 0)
    after = radio.access._coverage.serving(0, radio[0].received_ns)
    assert after == 1


def test_every_client_fades_by_itself_in_every_cell():
    link = {"bandwidth_hz": BAND_HZ, "tx_power_w": POWER_W, "noise_figure_db": FIGURE_DB}
    radio = RadioAlone(2, network=network([100.0, 100.0]), fading={"coherence_s": 0.01}, **link)
    ways = [radio.access._links.uplink(client, cell).profile for client in (0, 1) for cell in (0, 1)]
    gains = np.array([profile.stretch(0, 500, 0.0).snr for profile in ways])
    correlations = np.corrcoef(gains[:, :50]) - np.eye(4)
    assert len({profile.link_id for profile in ways}) == 4
    assert np.abs(correlations).max() < 0.5


@pytest.mark.parametrize("cells", [{"west": 0.0}, {"west": 0.0, "east": 100_000.0}])
@pytest.mark.parametrize("block_s", [0.05, 0.002])
def test_who_comes_from_afar_is_done_when_the_integral_says(cells, block_s):
    """The rate grows a thousandfold on the way: the one at the start says nothing of the end. Two cells or one."""
    layout = network([-3_000.0], speed_mps=100.0, cells=cells)
    link = {"bandwidth_hz": BAND_HZ, "tx_power_w": POWER_W, "noise_figure_db": FIGURE_DB}
    radio = RadioAlone(1, network=layout, fading={"model": "none", "coherence_s": block_s}, packets="fluid", **link)
    message = radio.upload(0, 0.0, 400_000).play()[0]
    middles_s = (np.arange(60 / block_s) + 0.5) * block_s
    grid_s = np.arange(6_100) * 0.01
    on_grid_db = AT_1_M_DB + 10 * EXPONENT * np.log10(np.abs(-3_000.0 + 100.0 * grid_s).clip(1.0))
    loss_db = np.interp(middles_s, grid_s, on_grid_db)
    bits = np.cumsum(BAND_HZ * np.log2(1 + POWER_W * 10 ** (-loss_db / 10) / NOISE_W)) * block_s
    block = int(np.searchsorted(bits, 3_200_000))
    assert message.received_ns / 1e9 == pytest.approx(block * block_s, abs=block_s)
    assert 20 < message.received_ns / 1e9 < 45


def test_who_stays_never_looks_for_another_cell(monkeypatch):
    """A client that stands still is refused at once where its link is hopeless, however many cells there are."""
    looked = []
    monkeypatch.setattr(Roaming, "next_handover_ns", lambda *asked: looked.append(asked))
    still = network([2e6]) | {"mobility": "static"}
    rate = {"model": "truncated_shannon", "attenuation": 0.6, "min_snr_db": -10.0, "max_snr_db": 22.0}
    lost = {"fading": "none", "packets": "fluid", "tx_power_w": POWER_W, "bandwidth_hz": BAND_HZ, "rate": rate}
    radio = RadioAlone(1, network=still, **lost, downlink={"ideal": True}).upload(0, 0.0, SIZE_BYTES)
    with pytest.raises(LinkStalled, match="does not carry"):
        radio.play()
    assert looked == []

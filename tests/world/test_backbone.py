"""The wires behind the cells: store and forward, hop by hop, against arithmetic on bits, rates and delays."""

from __future__ import annotations

from itertools import pairwise

import pytest
from radios import RadioAlone, tiled
from worlds import losing, play

from channel_models.geometry.backhaul import Backhaul
from channel_models.transfer.work import LinkStalled
from pwffsim.kernel.clock import ns
from pwffsim.runs.records import SpanKind

BITS = 8 * 100_000
NEAR = {"from": "near", "to": "hub", "rate_bps": 4e6, "delay_s": 0.02}
FAR = {"from": "far", "to": "hub", "rate_bps": 2e6, "delay_s": 0.01}
TRUNK = {"from": "hub", "to": "server", "rate_bps": 1e6, "delay_s": 0.05}
CALM = {"fading": "none", "packets": "fluid", "tx_power_w": 1.0, "bandwidth_hz": 1e6}


def network(*wires, x_m=(10.0, 30.0)):
    return {
        "path_loss": {"model": "log_distance", "exponent": 3.0, "reference_loss_db": 40.0},
        "least_distance_m": 1.0,
        "cells": [{"name": "near", "x_m": 0.0}, {"name": "far", "x_m": 1000.0}],
        "placement": {"model": "fixed", "x_m": list(x_m), "y_m": [0.0] * len(x_m)},
        "nodes": [{"name": "hub", "kind": "edge"}],
        "backhaul": list(wires or (NEAR, FAR, TRUNK)),
    }


def wired(*wires, x_m=(10.0, 30.0), seed=4, **radio):
    return RadioAlone(
        len(x_m), seed, network=network(*wires, x_m=x_m), **(CALM | {"downlink": {"ideal": True}} | radio)
    )


def test_a_message_passes_two_hops_to_the_nanosecond():
    """On each hop bits / rate, then the delay; the second begins when the first has it whole."""
    radio = wired().upload(0, 0.0, 100_000).play()
    sent_ns = radio[0].received_ns
    at_hub_ns, trunk_ns = sent_ns + ns(BITS / 4e6) + ns(0.02), ns(BITS / 1e6)
    assert [(s.start_ns, s.end_ns, s.bytes) for s in radio.spans("near>hub", SpanKind.BACKHAUL)] == [
        (sent_ns, sent_ns + ns(BITS / 4e6), 100_000)
    ]
    assert [(s.start_ns, s.end_ns) for s in radio.spans("hub>server", SpanKind.BACKHAUL)] == [
        (at_hub_ns, at_hub_ns + trunk_ns)
    ]
    assert radio.reports == [(at_hub_ns + trunk_ns + ns(0.05), 0)]
    for wire in ("near>hub", "hub>near", "far>hub", "hub>far", "hub>server", "server>hub"):
        assert tiled(radio.spans(wire)), wire


def test_two_that_meet_on_a_wire_pass_one_after_the_other():
    """First come, first served on each wire; the wire is free for the next one when the last bit has entered it, not
    when it has arrived."""
    radio = wired().upload(0, 0.0, 100_000).upload(1, 0.01, 100_000).play()
    assert radio[0].received_ns < radio[1].received_ns < radio[0].received_ns + ns(BITS / 4e6)
    spans = radio.spans("hub>server", SpanKind.BACKHAUL)
    assert [span.update for span in spans] == [0, 1]
    first = radio.spans("near>hub", SpanKind.BACKHAUL)
    assert first[1].start_ns == first[0].end_ns, "back to back, although the first is still under way for 20 ms"
    assert spans[1].start_ns == spans[0].end_ns
    assert [update for _, update in radio.reports] == [0, 1]
    assert radio.reports[1][0] - radio.reports[0][0] == ns(BITS / 1e6)


def test_the_server_hears_of_updates_in_the_order_of_their_arrival():
    """Client 1, in the far cell, ends its upload later over the air but has the quicker wires."""
    slow = {**NEAR, "rate_bps": 1e5}
    quick = {"from": "far", "to": "server", "rate_bps": 1e9, "delay_s": 0.001}
    radio = wired(slow, quick, TRUNK, x_m=(10.0, 1040.0)).upload(0, 0.0, 100_000).upload(1, 0.1, 100_000).play()
    assert radio[0].received_ns < radio[1].received_ns and (radio[0].cell, radio[1].cell) == ("near", "far")
    assert [update for _, update in radio.reports] == [1, 0]
    assert radio.reports[0][0] == pytest.approx(radio[1].received_ns + ns(BITS / 1e9 + 0.001), abs=2)


def test_each_direction_of_a_wire_is_its_own():
    """An upload and a download on one wire at the same time do not wait for each other."""
    radio = wired(downlink={"tx_power_w": 1.0}).upload(0, 0.0, 100_000)
    start_s = 0.15
    radio.download(1, start_s, 100_000).play()
    down = radio.spans("hub>near", SpanKind.BACKHAUL)
    trunk_ns = ns(start_s) + ns(BITS / 1e6) + ns(0.05)
    assert [(span.start_ns, span.end_ns) for span in down] == [(trunk_ns, trunk_ns + ns(BITS / 4e6))]
    assert radio[1].sent_ns == trunk_ns + ns(BITS / 4e6) + ns(0.02), "on air once it is in the cell"
    alone = wired().upload(0, 0.0, 100_000).play()
    assert alone.reports == radio.reports


def test_an_outage_stalls_a_wire_exactly():
    """Bits stop while the wire is down and go on afterwards: the finish is Backhaul.transfer's."""
    failing = {**NEAR, "rate_bps": 4e5, "mean_up_s": 0.5, "mean_down_s": 0.5}
    radio = wired(failing, FAR, TRUNK, seed=3).upload(0, 0.0, 100_000).play()
    wire = Backhaul(ends=("near", "hub"), rate_bps=4e5, delay_s=0.02, mean_up_s=0.5, mean_down_s=0.5, seed=3)
    (span,) = radio.spans("near>hub", SpanKind.BACKHAUL)
    arrival_s = wire.transfer(span.start_ns / 1e9, BITS)
    assert span.end_ns == pytest.approx(ns(arrival_s - 0.02), abs=1)
    assert span.duration_ns > 1.1 * ns(BITS / 4e5), "it was down for a while"


def test_a_torn_update_forwards_what_arrived_and_no_more():
    radio = wired(**{**CALM, **losing(0.2)}).upload(0, 0.0, 100_000).play()
    message = radio[0]
    assert 0 < message.lost_bytes < message.payload_bytes
    for wire, rate_bps in (("near>hub", 4e6), ("hub>server", 1e6)):
        (span,) = radio.spans(wire, SpanKind.BACKHAUL)
        assert span.bytes == message.delivered_bytes
        assert span.duration_ns == pytest.approx(ns(8 * message.delivered_bytes / rate_bps), abs=1)


def test_an_update_of_which_nothing_arrived_passes_no_wire():
    radio = wired(**{**CALM, **losing(1.0)}).upload(0, 0.0, 100_000).play()
    assert radio[0].delivered_bytes == 0
    assert not [span for span in radio.log.spans if span.kind == SpanKind.BACKHAUL]
    assert radio.reports == [(radio[0].received_ns, 0)], "the server is told at once"


def test_of_two_ways_the_quicker_one_for_so_many_bits_is_taken():
    """A thin wire without delay for little, a fat one with delay for much."""
    thin = {"from": "near", "to": "server", "rate_bps": 1e6, "delay_s": 0.0}
    fat_up, fat_down = {**NEAR, "rate_bps": 1e9, "delay_s": 0.05}, {**TRUNK, "rate_bps": 1e9, "delay_s": 0.05}
    far = {**FAR, "rate_bps": 1e3, "delay_s": 1.0}
    radio = wired(thin, fat_up, fat_down, far).upload(0, 0.0, 100_000).upload(1, 0.0, 1_000).play()
    ways = {span.update: {s.actor for s in radio.log.spans if s.update == span.update and s.kind == "backhaul"}
            for span in radio.log.spans if span.kind == "backhaul"}  # fmt: skip
    assert ways == {0: {"near>hub", "hub>server"}, 1: {"near>server"}}


def test_nothing_is_lost_at_the_end_of_a_run():
    """Updates that are still on the wires when the last aggregation is made become late; every one has its fate."""
    slow = [{"from": "near", "to": "server", "rate_bps": 5e4}, {"from": "far", "to": "near", "rate_bps": 1e7}]
    wires = network(*slow, x_m=(10.0, 20.0, 30.0))
    wires.pop("nodes")
    settings = {
        "clients": 3,
        "stages": {"instruction": {"rounds": 3}},
        "aggregation": {"mode": "buffered", "buffer": 1},
        "network": wires,
        "radio": {**CALM, "downlink": {"ideal": True}},
    }
    run = play(settings)
    up, fates = run.messages, run.updates.set_index("update").fate
    assert (fates == "late").any() and set(fates) <= {"applied", "late", "skipped"}
    hops = run.spans[run.spans.kind == "backhaul"]
    assert set(hops["update"]) == set(up["update"]), "each was forwarded to the end"
    last_sum_ns = run.rounds.time_ns.max()
    late = hops[hops["update"].isin(fates.index[fates == "late"])]
    assert (late.start_ns + late.duration_ns).max() > last_sum_ns
    ends_ns = (hops.start_ns + hops.duration_ns).sort_values()
    assert all(b - a >= ns(8 * up.payload_bytes.iloc[0] / 5e4) for a, b in pairwise(ends_ns)), "one at a time"


def test_a_synchronous_round_waits_for_the_wires():
    """The sum is made when the last update has come over them, not when it left the air."""
    wires = network({"from": "near", "to": "server", "rate_bps": 1e6, "delay_s": 0.3},
                    {"from": "far", "to": "near", "rate_bps": 1e7})  # fmt: skip
    wires.pop("nodes")
    run = play(
        {
            "clients": 2,
            "stages": {"instruction": {"rounds": 1}},
            "network": wires,
            "radio": {**CALM, "downlink": {"ideal": True}},
        }
    )
    hops = run.spans[run.spans.kind == "backhaul"]
    assert list(run.rounds.time_ns) == [(hops.start_ns + hops.duration_ns).max() + ns(0.3)]


SIZE_BYTES = 100_000
ALL_AT_ONCE = {"downlink": {"tx_power_w": 1.0, "delivery": "broadcast"}}


def to_all(x_m, *asked, wires=(), **layout):
    """A radio with broadcasts, and downloads (client, time, version) asked for."""
    radio = RadioAlone(len(x_m), network=network(*wires, x_m=x_m) | layout, **(CALM | ALL_AT_ONCE))
    for client, start_s, *version in asked:
        radio.download(client, start_s, SIZE_BYTES, *version)
    return radio.play()


def copies(radio, wire):
    """(update, cell that the copy is for) of what a wire carried."""
    return [(span.update, span.note) for span in radio.spans(wire, SpanKind.BACKHAUL)]


def over_two_hops_ns(wire=NEAR):
    return ns(BITS / 1e6) + ns(0.05) + ns(BITS / wire["rate_bps"]) + ns(wire["delay_s"])


def test_one_copy_crosses_for_all_who_listen_in_a_cell():
    radio = to_all((10.0, 30.0, 1040.0, 20.0), (0, 0.0), (1, 0.0), (2, 0.0), (3, 0.1))
    assert copies(radio, "server>hub") == [(0, "near"), (2, "far")]
    assert copies(radio, "hub>near") == [(0, "near")] and copies(radio, "hub>far") == [(2, "far")]
    assert [radio[i].sent_ns for i in (0, 1, 3)] == [over_two_hops_ns()] * 3, "who asks on the way waits for it too"
    assert len({radio[i].received_ns for i in (0, 1, 3)}) == 1, "and they listen to one broadcast"
    assert radio[2].sent_ns == over_two_hops_ns(FAR) + ns(BITS / 1e6), "its cell's copy was second on the trunk"


def test_a_cell_keeps_its_copy_and_another_content_is_another_copy():
    radio = to_all((10.0, 30.0), (0, 0.0), (1, 5.0), (0, 6.0, 1))
    assert copies(radio, "server>hub") == [(0, "near"), (2, "near")]
    assert radio[1].sent_ns == ns(5.0) > radio[0].received_ns
    assert radio[2].sent_ns == ns(6.0) + over_two_hops_ns()


def test_each_client_has_a_copy_of_its_own_where_downloads_are_one_by_one():
    radio = wired(downlink={"tx_power_w": 1.0}).download(0, 0.0, SIZE_BYTES).download(1, 0.0, SIZE_BYTES).play()
    assert copies(radio, "server>hub") == copies(radio, "hub>near") == [(0, ""), (1, "")]


WALK = {"mobility": {"model": "linear", "speed_mps": 300.0, "heading_deg": 0.0}}


def test_who_moves_on_while_wires_carry_waits_for_the_copy_of_the_next_cell():
    """From 420 m at 300 m/s it is nearer to the far cell before the copy is in the near one, after 1.07 s."""
    radio = to_all((420.0, 0.0), (0, 0.0), (1, 0.0), **WALK)
    near_ns = over_two_hops_ns()
    assert copies(radio, "hub>near") == [(0, "near")] and copies(radio, "hub>far") == [(0, "far")]
    assert (radio[1].cell, radio[1].sent_ns) == ("near", near_ns)
    assert (radio[0].cell, radio[0].sent_ns) == ("far", near_ns + over_two_hops_ns(FAR))


def test_who_moves_on_during_a_broadcast_listens_to_its_end_over_the_old_cell():
    """With quicker wires and 8 Mb it moves on while it listens; its message names the cell that it began in."""
    quick = [{**wire, "rate_bps": 1e9, "delay_s": 0.001} for wire in (NEAR, FAR, TRUNK)]
    radio = RadioAlone(2, network=network(*quick, x_m=(420.0, 0.0)) | WALK, **(CALM | ALL_AT_ONCE))
    radio.download(0, 0.0, 1_000_000).download(1, 0.0, 1_000_000).play()
    assert radio[0].received_ns == radio[1].received_ns and radio[0].held_ns == radio[0].handovers == 0
    assert {radio[0].cell, radio[1].cell} == {"near"}
    coverage = radio.access._coverage
    assert coverage.serving(0, radio[0].sent_ns) == 0 and coverage.serving(0, radio[0].received_ns) == 1


def test_a_broadcast_to_who_walks_away_for_ever_is_refused(monkeypatch):
    """Its work converges: so many bits are never through. The others are not kept waiting for ever."""
    monkeypatch.setattr("pwffsim.world.radio.links._LONGEST_ON_THE_WAY_S", 200.0)
    radio = RadioAlone(2, network=network(x_m=(420.0, 0.0)) | WALK, **(CALM | ALL_AT_ONCE))
    radio.download(0, 2.0, 10**8).download(1, 2.0, 10**8)
    with pytest.raises(LinkStalled, match="within max_transfer_s = 200 s"):
        radio.play()


def walking_world(wires=(NEAR, FAR, TRUNK), **aggregation):
    return {
        "clients": 6,
        "seed": 3,
        "stages": {"instruction": {"rounds": 4}},
        **({"aggregation": aggregation} if aggregation else {}),
        "network": {
            **network(*wires, x_m=()),
            "placement": {"model": "disc", "r_max_m": 200.0},
            "mobility": {
                "model": "random_waypoint", "speed_min_mps": 100.0, "speed_max_mps": 200.0,
                "x_min_m": 0.0, "x_max_m": 1000.0, "y_min_m": -50.0, "y_max_m": 50.0,
            },
        },
        "radio": {**CALM, **losing(0.1, 3), **ALL_AT_ONCE},
    }  # fmt: skip


@pytest.mark.parametrize("aggregation", [{}, {"mode": "buffered", "buffer": 2}])
def test_a_whole_world_with_one_copy_for_each_cell_and_version(aggregation):
    run = play(walking_world(**aggregation))
    down = run.messages[run.messages.direction == "down"]
    hops = run.spans[(run.spans.kind == "backhaul") & (run.spans.note != "")]
    first = hops[hops.actor == "server>hub"]
    assert not first.duplicated(["version", "note"]).any()
    assert set(zip(down.version, down.cell, strict=True)) <= set(zip(first.version, first.note, strict=True))
    assert len(down) > len(first) and set(down.cell) == {"near", "far"}

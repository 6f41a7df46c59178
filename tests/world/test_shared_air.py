"""Uploads that share one band, against finishes worked out by hand: no fading, no loss, exact to the nanosecond."""

from __future__ import annotations

from itertools import pairwise
from math import log2

import numpy as np
import pytest
from radios import ALONE_S, BAND_HZ, RATE_BPS, SIZE_BYTES, STILL, RadioAlone

from channel_models.sharing.processor_sharing import finish_times_s
from pwffsim.kernel.clock import ns
from pwffsim.runs.records import SpanKind

NEAR_NS = 2
"""Roundings to whole nanoseconds of the ends of others."""


def test_two_equal_uploads_of_which_the_second_joins_halfway():
    """Half of A alone in T/2; then A's other half and half of B at half speed in T: A ends at 1.5 T; B's other half
    alone in T/2 more: B ends at 2 T, having taken 1.5 T as well."""
    radio = RadioAlone(**STILL, sharing="processor_sharing").upload(0).upload(1, ALONE_S / 2).play()
    assert radio[0].received_ns == pytest.approx(ns(1.5 * ALONE_S), abs=NEAR_NS)
    assert radio[1].received_ns == pytest.approx(ns(2.0 * ALONE_S), abs=NEAR_NS)
    assert radio[1].received_ns - radio[1].sent_ns == pytest.approx(ns(1.5 * ALONE_S), abs=NEAR_NS)
    assert radio[0].on_air_ns == radio[0].full_power_ns == pytest.approx(ns(ALONE_S), abs=NEAR_NS), "half the time"
    assert radio[0].energy_nj == pytest.approx(radio[0].on_air_ns, abs=NEAR_NS), "at 1 W a nanosecond is a nanojoule"


def test_two_that_begin_and_end_together():
    radio = RadioAlone(**STILL, sharing="processor_sharing").upload(0).upload(1).play()
    assert radio[0].received_ns == radio[1].received_ns == pytest.approx(ns(2 * ALONE_S), abs=NEAR_NS)


@pytest.mark.parametrize("seed", range(8))
def test_many_arrivals_end_as_processor_sharing_says(seed):
    """Kleinrock's egalitarian sharing, by its own events: five clients, arrivals and sizes at random."""
    draw = np.random.default_rng(seed)
    sizes = 4 * draw.integers(2_000, 120_000, 5)
    starts_s = draw.uniform(0.0, 1.5, 5).round(9)
    radio = RadioAlone(5, **STILL, sharing="processor_sharing")
    for client in range(5):
        radio.upload(client, starts_s[client], int(sizes[client]))
    radio.play()
    expected_s = finish_times_s(starts_s, 8 * sizes / RATE_BPS)
    found_s = [radio[client].received_ns / 1e9 for client in range(5)]
    assert found_s == pytest.approx(list(expected_s), abs=20e-9)


def test_tdma_serves_in_the_order_of_asking_and_equals_by_number():
    """Clients 2 and 1 ask at the same instant, in this order; client 0 asked before them, client 3 after."""
    radio = RadioAlone(4, **STILL, sharing="tdma")
    radio.upload(3, 0.2).upload(2, 0.1).upload(1, 0.1).upload(0, 0.05).play()
    turns = [(span.note, span.start_ns, span.end_ns) for span in radio.spans("cell", SpanKind.UPLOAD)]
    ends = [ns(0.05 + k * ALONE_S) for k in range(5)]
    assert [who for who, _, _ in turns] == ["client-00", "client-01", "client-02", "client-03"]
    assert [start for _, start, _ in turns] == pytest.approx(ends[:4], abs=4)
    assert [end for _, _, end in turns] == pytest.approx(ends[1:], abs=4)
    assert all(end == start for (_, _, end), (_, start, _) in pairwise(turns)), "no gap"
    asked = {0: 0.05, 1: 0.1, 2: 0.1, 3: 0.2}
    for update in range(1, 4):
        client = int(radio[update].source[-2:])
        waits = [] if client == 0 else [("queue", ns(asked[client]), radio[update].sent_ns)]
        assert radio.trace(update) == [*waits, ("upload", radio[update].sent_ns, radio[update].received_ns)]
        assert radio[update].held_ns == 0, "a wait before the first bit is none of the message's"


@pytest.mark.parametrize(
    ("pin", "rate_bps", "power"),
    [
        ("power", BAND_HZ / 4 * log2(1 + 4 * 10**0.5), 1.0),
        ("psd", BAND_HZ / 4 * log2(1 + 10**0.5), 0.25),
        ("snr", BAND_HZ / 4 * log2(1 + 10**0.5), 1.0),
    ],
)
def test_fdma_divides_the_band_for_good(pin, rate_bps, power):
    """A quarter of the band, whoever else is on air: (B/4) log2(1 + 4 snr) at full power, else (B/4) log2(1 + snr)."""
    radio = RadioAlone(4, **STILL, sharing={"model": "fdma", "pin": pin})
    radio.upload(0).upload(1).upload(2, 0.123).play()
    air_s = 8 * SIZE_BYTES / rate_bps
    for update, start_s in enumerate((0.0, 0.0, 0.123)):
        assert radio[update].sent_ns == ns(start_s)
        assert radio[update].received_ns == pytest.approx(ns(start_s + air_s), abs=1)
        assert radio[update].full_power_ns == pytest.approx(ns(power * air_s), abs=1)
        assert radio[update].energy_nj == pytest.approx(power * air_s * 1e9, abs=2)


def test_an_idle_client_has_no_part_of_the_band():
    clients = {"count": 4, "overrides": [{"client": 3, "idle": True}, {"client": 2, "idle": True}]}
    radio = RadioAlone(clients, **STILL, sharing={"model": "fdma", "pin": "psd"}).upload(0).play()
    assert radio[0].received_ns == pytest.approx(ns(2 * ALONE_S), abs=1)


def test_makespan_bandwidths_end_together_at_one_bandwidth_budget():
    """Unequal links, equal payloads: all end at the same instant, before equal parts of the band would."""
    clients = {"count": 3, "overrides": [{"client": 0, "mean_snr_db": 12.0}, {"client": 2, "mean_snr_db": -4.0}]}
    ends = {}
    for model in ("makespan_bandwidth", "fdma"):
        radio = RadioAlone(clients, **STILL, sharing=model).upload(0).upload(1).upload(2).play()
        ends[model] = [radio[update].received_ns for update in range(3)]
    assert max(ends["makespan_bandwidth"]) - min(ends["makespan_bandwidth"]) <= 10
    assert max(ends["makespan_bandwidth"]) < 0.95 * max(ends["fdma"])


def faded(sharing, clients=4, seed=1):
    radio = {**STILL, "fading": {"model": "rayleigh", "coherence_s": 2e-3}, "sharing": sharing}
    alone = RadioAlone(clients, seed, **radio)
    for client in range(clients):
        alone.upload(client)
    return max(message.received_ns for message in alone.play().log.messages)


@pytest.mark.parametrize("seed", range(3))
def test_proportional_fairness_carries_more_than_turns(seed):
    """The best of four faded users has the band in each block: multiuser diversity, some 30 % in rate at 5 dB."""
    fair, turns, shares = (faded(sharing, seed=seed) for sharing in ("ofdma_pf", "tdma", "processor_sharing"))
    assert fair < 0.85 * turns
    assert fair < 0.85 * shares


def lossless_packets(sharing, clients):
    radio = {**STILL, "packets": {}, "loss": "none", "sharing": sharing}
    radio["retransmission"] = {"model": "selective_repeat", "retransmissions": 60}
    alone = RadioAlone(clients, **radio)
    for client in range(clients):
        alone.upload(client, size_bytes=1460 * 40)
    return alone.play()


def test_aloha_collides_with_company_and_never_alone():
    """Alone with p = 1/n = 1 nothing collides; three at p = 1/3 spoil each packet with 1 - (2/3)^2 = 5/9."""
    alone = lossless_packets("slotted_aloha", 1)[0]
    assert alone.transmissions == alone.packets == 40
    crowd = lossless_packets("slotted_aloha", 3)
    sent = sum(crowd[client].transmissions for client in range(3))
    assert all(crowd[client].complete and crowd[client].transmissions > 50 for client in range(3))
    assert sent / 120 == pytest.approx(9 / 4, rel=0.25), "1 / (1 - 5/9) while all three are there"
    tdma = lossless_packets("tdma", 3)
    assert all(tdma[client].transmissions == 40 for client in range(3)), "nor does anything else spoil packets"


def test_a_thin_aloha_of_one_sends_in_a_share_of_the_slots():
    radio = lossless_packets({"model": "slotted_aloha", "attempt_probability": 0.25}, 1)[0]
    assert radio.on_air_ns == pytest.approx((radio.received_ns - radio.sent_ns) / 4, abs=1)
    assert radio.transmissions == 40


def test_energy_efficient_power_is_that_of_most_bits_a_joule():
    """At p* bits/joule of the link's own formula are a maximum: 1 % more or less power is worse."""
    from channel_models.sharing.energy_efficient import bits_per_joule

    radio = RadioAlone(1, **{**STILL, "mean_snr_db": 15.0}, sharing={"model": "energy_efficient"}).upload(0).play()
    power_w = radio[0].full_power_ns / radio[0].on_air_ns
    assert 0.01 < power_w < 0.9
    best = [bits_per_joule(power_w * factor, 10**1.5, BAND_HZ, 0.1, 0.35) for factor in (0.99, 1.0, 1.01)]
    assert best[1] > best[0] and best[1] > best[2]
    assert radio[0].received_ns == pytest.approx(ns(8 * SIZE_BYTES / (BAND_HZ * log2(1 + 10**1.5 * power_w))), rel=1e-7)

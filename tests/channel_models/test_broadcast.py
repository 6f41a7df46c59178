"""Broadcast: every listener loses by itself, and every packet is repeated until nobody lacks it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.gilbert_elliott import GilbertElliottLoss
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.rates.mcs_ladder import McsLadder
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.chase_combining import ChaseCombining
from channel_models.retransmission.fountain import Fountain
from channel_models.retransmission.passes import mean_passes
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.retransmission.stop_and_wait import StopAndWait
from channel_models.traces.rate_trace import RateTrace
from channel_models.transfer.broadcast import BroadcastProfile, broadcast
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Packetisation
from channel_models.transfer.profile import LinkProfile, Silence
from channel_models.transfer.recorded import RecordedProfile
from channel_models.transfer.work import LinkStalled, Work

SEED = 9
FADING = BlockRayleigh(seed=SEED, purpose="downlink", coherence_s=0.005)
PACKETS = Packetisation(payload_bytes=1000, header_bytes=0)
UNTIL_DELIVERED = SelectiveRepeat(retransmissions=1000)
OUTAGE = OutageLoss(threshold_db=-3.0)


def make_link(link_id, loss=OUTAGE, mean_snr=4.0, fading=FADING, **changes):
    profile = LinkProfile(link_id, fading, Shannon(), 1e6, mean_snr, mean_snr_at=changes.pop("way", None))
    rules = {"scheme": UNTIL_DELIVERED, "packetisation": PACKETS, **changes}
    return Link(link_id, profile, Shannon(), 1.0, SEED, "downlink", loss, **rules)


def told(links, transfer=0, payload_bytes=100_000, start_s=1.234):
    return broadcast(links, start_s, payload_bytes, [transfer] * len(links)).delivery()


def mean_transmissions(error_rates, attempts=1000):
    """sum over m < M of 1 - prod(1 - p_i^m): a packet is sent until the last of the listeners has it."""
    powers = np.asarray(error_rates)[:, None] ** np.arange(attempts)
    return float((1.0 - (1.0 - powers).prod(axis=0)).sum())


def same(one, other):
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))


LOSSES = [NoLoss(), ConstantLoss(error_rate=0.3), OUTAGE, GilbertElliottLoss(good_to_bad=0.1, bad_to_good=0.4)]
SCHEMES = [UNTIL_DELIVERED, SelectiveRepeat(retransmissions=1), StopAndWait(feedback_s=0.01), ChaseCombining()]


@pytest.mark.parametrize("fidelity", ["packet", "per_packet_event", "fluid", "analytic"])
def test_one_listener_is_unicast_to_the_bit(fidelity):
    link = make_link(3, ConstantLoss(error_rate=0.3), fidelity=fidelity)
    assert same(told([link], 5), link.transfer(1.234, 100_000, 5))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: type(scheme).__name__)
def test_who_hears_perfectly_changes_nothing(loss, scheme):
    """A listener far above the others never sets the rate, and without loss never asks for anything again."""
    if scheme.combines and not loss.needs_snr:
        loss = OutageLoss(threshold_db=2.0)
    link, perfect = make_link(3, loss, scheme=scheme), make_link(4, NoLoss(), mean_snr=1e12, scheme=scheme)
    assert same(told([link, perfect]), link.transfer(1.234, 100_000, 0))
    assert told([perfect, link]).finish_s == told([link, perfect]).finish_s


@pytest.mark.parametrize("error_rates", [(0.3,) * 5, (0.02,) * 20, (0.6, 0.1, 0.3)])
def test_transmissions_under_constant_loss(error_rates):
    # E = sum over m of P(max of N geometrics > m); class B: 60 transfers of 200 packets.
    links = [make_link(i, ConstantLoss(error_rate=p), fading=NoFading()) for i, p in enumerate(error_rates)]
    sent = np.array([told(links, transfer, 200_000).transmissions for transfer in range(60)]) / 200
    assert abs(sent.mean() - mean_transmissions(error_rates)) <= 4.4 * sent.std(ddof=1) / np.sqrt(60)
    # Not the protocol in which a transmission counts only if all hear it, which takes 1/prod(1 - p_i):
    assert sent.mean() < 1.0 / np.prod(1.0 - np.array(error_rates)) - 10 * sent.std(ddof=1) / np.sqrt(60)


def test_equal_listeners_golden():
    # p = 0.3, N = 5: inclusion and exclusion, sum over k of (-1)^(k+1) binom(5, k)/(1 - 0.3^k) = 2.392943636.
    exact = sum((-1) ** (k + 1) * c / (1 - 0.3**k) for k, c in enumerate((5, 10, 10, 5, 1), start=1))
    assert exact == pytest.approx(2.392943636106672, rel=1e-12)
    assert mean_transmissions((0.3,) * 5) == pytest.approx(exact, rel=1e-12)
    assert mean_passes(5, 0.3) == pytest.approx(exact, rel=1e-12)


def test_residual_loss_of_capped_attempts():
    # Anybody lacks a packet after M attempts with probability 1 - (1 - p^M)^N.
    scheme, listeners, p = SelectiveRepeat(retransmissions=1), 8, 0.3
    links = [make_link(i, ConstantLoss(error_rate=p), fading=NoFading(), scheme=scheme) for i in range(listeners)]
    lost = np.array([told(links, transfer, 500_000).lost.size for transfer in range(40)]) / 500
    expected = 1.0 - (1.0 - p**2) ** listeners
    assert abs(lost.mean() - expected) <= 4.4 * lost.std(ddof=1) / np.sqrt(40)


def by_hand(links, payload_bytes, start_s):
    """The protocol packet by packet: numbers of transmissions, passes and bits by the time all is through."""
    group = BroadcastProfile(tuple(link.profile for link in links))
    block, block_s = int(start_s / FADING.block_s), FADING.block_s
    rate_bps = group.stretch(block, 4000, 0.0).rate_bps
    snr = [link.profile.stretch(block, 4000, 0.0).snr for link in links]
    lacking = [set(range(payload_bytes // 1000)) for _ in links]
    now_s, sent, left_bits, place = start_s, 0, 0.0, 0
    while wanted := sorted(set().union(*lacking)):
        for packet in wanted:
            left_bits, sent = 8000.0, sent + 1
            while left_bits > rate_bps[place] * ((block + place + 1) * block_s - now_s):
                left_bits -= rate_bps[place] * ((block + place + 1) * block_s - now_s)
                place, now_s = place + 1, (block + place + 1) * block_s
            now_s += left_bits / rate_bps[place]
            for lacks, heard, link in zip(lacking, snr, links, strict=True):
                if heard[place] >= link.loss_map.threshold_snr:
                    lacks.discard(packet)
    return sent, now_s


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10**6), st.floats(-6.0, 6.0))
def test_in_an_outage_the_worst_of_those_who_lack_it_decides(listeners, first, threshold_db):
    links = [make_link(first + i, OutageLoss(threshold_db=threshold_db - i)) for i in range(listeners)]
    sent, end_s = by_hand(links, 100_000, 1.234)
    delivery = told(links)
    assert (delivery.transmissions, delivery.complete) == (sent, True)
    assert delivery.finish_s == pytest.approx(end_s, abs=1e-9)


@pytest.mark.parametrize("loss", LOSSES[1:], ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: type(scheme).__name__)
def test_vectors_are_the_dialogue_packet_by_packet(loss, scheme):
    if scheme.combines and not loss.needs_snr:
        loss = OutageLoss(threshold_db=2.0)
    links = [make_link(i, loss, scheme=scheme) for i in range(4)]
    exact, quick = (told([replace(link, fidelity=f) for link in links]) for f in ("per_packet_event", "packet"))
    assert (exact.transmissions, list(exact.lost)) == (quick.transmissions, list(quick.lost))
    assert exact.finish_s == pytest.approx(quick.finish_s, abs=1e-9)
    assert exact.transmissions > 100, "something was sent again"


def test_each_listener_combines_what_it_has_heard_itself():
    """Chase combining: a packet is there for a listener once the SNRs of its own attempts add up to the threshold."""
    loss, one = OutageLoss(threshold_db=6.0), SelectiveRepeat(retransmissions=20)
    links = [make_link(i, loss, scheme=ChaseCombining(retransmissions=20)) for i in range(3)]
    assert told(links).transmissions < told([replace(link, scheme=one) for link in links]).transmissions


def test_order_and_asking_twice_change_nothing():
    links = [make_link(i, ConstantLoss(error_rate=0.3)) for i in range(4)]
    first = broadcast(links, 0.0, 100_000, range(4))
    assert same(first.delivery(), first.delivery())
    turned = broadcast(links[::-1], 0.0, 100_000, range(3, -1, -1)).delivery()
    assert (turned.finish_s, turned.transmissions) == (first.finish_s, first.log.transmissions)


def test_a_fluid_broadcast_sends_the_expected_number():
    # 1000 packets: round(1000 sum over m of 1 - prod(1 - p_i^m)), and a share 1 - prod(1 - p_i^M) lost.
    rates = (0.3, 0.1, 0.2)
    links = [make_link(i, ConstantLoss(error_rate=p), fidelity="fluid") for i, p in enumerate(rates)]
    assert told(links, payload_bytes=10**6).transmissions == round(1000 * mean_transmissions(rates))
    capped = [replace(link, scheme=SelectiveRepeat(retransmissions=1)) for link in links]
    lost = told(capped, payload_bytes=10**6).lost.size / 1000
    expected = 1.0 - np.prod(1.0 - np.array(rates) ** 2)
    assert abs(lost - expected) <= 4.4 * np.sqrt(expected * (1 - expected) / 1000)


def test_a_fluid_broadcast_in_a_fading_channel_takes_as_long_as_packets_do():
    """Durations of 40 groups, in pairs: their mean difference is within 4.4 standard errors of none."""
    lengths_s = np.array([
        [told([make_link(4 * k + i, fidelity=f) for i in range(4)], payload_bytes=200_000).duration_s
         for f in ("packet", "fluid")] for k in range(40)
    ])  # fmt: skip
    packet_s, fluid_s = lengths_s.T
    gap_s = packet_s - fluid_s
    assert abs(gap_s.mean()) <= 4.4 * gap_s.std(ddof=1) / np.sqrt(gap_s.size) + 1e-3 * packet_s.mean()
    careless = [told([make_link(4 * k + i, NoLoss()) for i in range(4)], payload_bytes=200_000) for k in range(40)]
    assert packet_s.mean() > 1.05 * np.mean([delivery.duration_s for delivery in careless])


def test_a_broadcast_goes_as_far_as_everybodys_channel_is_known():
    class Short(BlockRayleigh):
        def blocks_of(self, link):
            return 30 + link

    links = tuple(LinkProfile(i, Short(seed=SEED, purpose="downlink"), Shannon(), 1e6, 4.0) for i in (5, 0))
    assert BroadcastProfile(links).stretch(10, 50, 0.0).snr.size == 20


def test_a_listener_that_walks_away_ends_the_broadcast_or_refuses_it():
    """Its rate falls with time; the end is where the work of the worst is done, or it is refused in good time."""
    away = [make_link(i, NoLoss(), fading=NoFading(), way=lambda times_s: 4.0 / (1.0 + times_s)) for i in (0, 1)]
    delivery = told(away, payload_bytes=1_000_000, start_s=0.0)
    middles_s = np.arange(0.05, 1000.0, 0.1)
    done = np.cumsum(0.1e6 * np.log2(1.0 + 4.0 / (1.0 + middles_s)))
    assert abs(delivery.finish_s - 0.1 * np.searchsorted(done, 8e6)) < 0.1
    gone = [replace(link, max_transfer_s=20.0) for link in away]
    with pytest.raises(LinkStalled, match="broadcast to 2 listeners"):
        told(gone, payload_bytes=10**9, start_s=0.0)


@pytest.mark.parametrize("rate_map", [Shannon(), McsLadder()])
def test_a_link_that_begins_hopeless_and_comes_near_carries(rate_map):
    """From -60 dB to 20 dB after 10 s. The mean rate at the start says nothing, not even that it is zero."""
    profile = LinkProfile(
        0, NoFading(coherence_s=1e-3), rate_map, 1e6, 1e-6, mean_snr_at=lambda t: np.where(t < 10.0, 1e-6, 100.0)
    )
    work = Work(profile, 0.0, max_transfer_s=100.0)
    rate_bps = 1e6 * float(rate_map.spectral_efficiency(100.0))
    assert work.elapsed_s(1e6) == pytest.approx(10.0 + 1e6 / rate_bps, abs=1e-4)
    with pytest.raises(LinkStalled, match="max_transfer_s"):
        Work(replace(profile, mean_snr_at=None), 0.0, max_transfer_s=1e3).elapsed_s(1e9)
    with pytest.raises(LinkStalled, match="max_transfer_s"):
        Work(replace(profile, mean_snr_at=lambda t: np.full_like(t, 1e-6)), 0.0, max_transfer_s=50.0).elapsed_s(1e6)


RECORDED = RecordedProfile(1, RateTrace(times_s=np.zeros(1), rates_bps=np.array([1e6]), duration_s=1.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (None, "at least one"),
        ({"scheme": SelectiveRepeat(retransmissions=2)}, "links must share packets, scheme"),
        ({"packetisation": Packetisation()}, "links must share packets, scheme"),
        ({"profile": RECORDED, "loss_map": NoLoss()}, "links must have an SNR"),
    ],
)
def test_what_no_broadcast_can_go_over(changes, message):
    links = [] if changes is None else [make_link(0), replace(make_link(1), **changes)]
    with pytest.raises(ValueError, match=message):
        broadcast(links, 0.0, 1000, [0] * len(links))


@pytest.mark.parametrize(
    "changes", [{"scheme": Fountain()}, {"scheme": StopAndWait(), "fidelity": "fluid"}], ids=["fountain", "waits"]
)
def test_schemes_that_cannot_tell_who_lacks_what(changes):
    links = [make_link(i, ConstantLoss(error_rate=0.1), **changes) for i in (0, 1)]
    with pytest.raises(ValueError, match="cannot tell which listener"):
        broadcast(links, 0.0, 1000, [0, 0])


def test_a_broadcast_is_never_moved():
    with pytest.raises(ValueError, match="stays on the links that it began on"):
        broadcast([make_link(0), make_link(1)], 0.0, 1000, [0, 0]).switch(0.0, Silence())

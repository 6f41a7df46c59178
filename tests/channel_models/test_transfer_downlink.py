"""The downlink: broadcast at the worst listener, unicast, rateless."""

from __future__ import annotations

import numpy as np
import pytest

from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.none import NoLoss
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.fountain import Fountain
from channel_models.sharing.ergodic import broadcast_rate, rateless_rate, rayleigh_rate, unicast_rate
from channel_models.sharing.policy import Allocation
from channel_models.transfer.broadcast import BroadcastProfile, rateless, unicast
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Fluid, Packetisation
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.work import LinkStalled, Work

SNR = 10**0.5
FADING = BlockRayleigh(seed=9, purpose="downlink", coherence_s=0.05)
BARE = Packetisation(payload_bytes=1500, header_bytes=0)


def listener(link_id: int, mean_snr: float = SNR, **changes) -> LinkProfile:
    return LinkProfile(link_id, changes.pop("fading", FADING), Shannon(), 1e6, mean_snr, **changes)


def make_link(profile, link_id: int = 0, packetisation=Fluid(), **changes) -> Link:  # noqa: B008
    return Link(link_id, profile, Shannon(), 1.0, 9, "downlink", NoLoss(), packetisation, **changes)


TEN = tuple(listener(link) for link in range(10))


def test_ergodic_rates_golden() -> None:
    # Broadcast to 10 equal listeners: B E[log2(1 + (g/10) x)] = 362.150 kb/s; unicast: B C(g)/10 = 171.597 kb/s.
    assert 1e6 * rayleigh_rate(SNR / 10) == pytest.approx(362_149.7989, abs=1e-4)
    assert 1e6 * broadcast_rate(np.full(10, SNR)) == pytest.approx(362_149.7989, abs=1e-4)
    assert 1e6 * unicast_rate(np.full(10, SNR)) == pytest.approx(171_597.418507, abs=1e-3)


def test_broadcast_blocks_meet_the_ergodic_rate_of_a_tenth_of_the_snr() -> None:
    rates_bps = BroadcastProfile(TEN).stretch(0, 20_000, 0.0).rate_bps
    assert abs(rates_bps.mean() - 362_149.7989) <= 4.4 * rates_bps.std(ddof=1) / np.sqrt(rates_bps.size)


def test_broadcast_is_the_worst_listener_block_by_block() -> None:
    segments = BroadcastProfile(TEN).stretch(7, 50, 0.3)
    heard = [link.stretch(7, 50, 0.3) for link in TEN]
    for block in range(50):
        assert segments.snr[block] == min(one.snr[block] for one in heard)
        assert segments.rate_bps[block] == pytest.approx(1e6 * np.log2(1 + segments.snr[block]), rel=1e-12)
    assert np.array_equal(segments.ends_s, heard[0].ends_s)


def test_broadcast_of_one_is_the_link() -> None:
    alone, told = make_link(TEN[3]), make_link(BroadcastProfile(TEN[3:4]))
    assert alone.transfer(1.2, 300_000, 0).finish_s == told.transfer(1.2, 300_000, 0).finish_s


def test_a_broadcast_ends_when_the_formula_says() -> None:
    # E[T] = S/C + (Tc/2) CV^2 with the law of the worst gain, Exp(1) of mean SNR g/10.
    finishes_s = np.array([
        make_link(BroadcastProfile(tuple(listener(10 * k + j) for j in range(10)))).transfer(0.0, 200_000, 0).duration_s
        for k in range(300)
    ])  # fmt: skip
    worst = BlockRayleigh(coherence_s=0.05)
    mean_s = 1.6e6 / 362_149.7989 + 0.025 * worst.rate_cv2(SNR / 10)
    assert abs(finishes_s.mean() - mean_s) <= 4.4 * finishes_s.std(ddof=1) / np.sqrt(300)


def test_downlink_is_not_free_golden() -> None:
    # 18.592 Mb: 51.3 s by broadcast, 108.3 s by unicast.
    assert 18.592e6 / (1e6 * broadcast_rate(np.full(10, SNR))) == pytest.approx(51.3, abs=0.05)
    assert 18.592e6 / (1e6 * unicast_rate(np.full(10, SNR))) == pytest.approx(108.3, abs=0.05)


def test_unicast_takes_turns() -> None:
    links = [make_link(listener(k, float(snr), fading=NoFading()), k) for k, snr in enumerate((1, 3, 7))]
    told = unicast(links, 2.0, 125_000, 0)
    # 1 Mb at 1, 2 and 3 Mb/s, one after another.
    assert [delivery.finish_s for delivery in told] == pytest.approx([3.0, 3.5, 3.5 + 1 / 3])
    assert told[2].start_s == told[1].finish_s
    assert told[2].finish_s - 2.0 == pytest.approx(1.0 / (3 / (1 / 1 + 1 / 2 + 1 / 3)) * 3)


def test_rateless_ends_with_each_listener() -> None:
    links = [make_link(link, link.link_id, BARE) for link in TEN]
    told = rateless(links, 0.0, 1_500_000, 0, overhead=0.0)
    assert all(delivery.complete for delivery in told)
    alone = make_link(TEN[4], 4, BARE, scheme=Fountain(overhead=0.0)).transfer(0.0, 1_500_000, 0)
    assert told[4].finish_s == alone.finish_s
    # Towards min C_i, and above broadcast at the worst listener of each block.
    slowest_bps = 12e6 / max(delivery.duration_s for delivery in told)
    assert 1e6 * broadcast_rate(np.full(10, SNR)) < slowest_bps < 1e6 * rateless_rate(np.full(10, SNR))


def test_a_hopeless_broadcast_names_its_slowest_listener() -> None:
    far = (listener(0), listener(1, 1e-8))
    with pytest.raises(LinkStalled, match="broadcast to 2 listeners, the slowest of which is link 1"):
        Work(BroadcastProfile(far), 0.0).time_of(1e7)


@pytest.mark.parametrize(
    ("listeners", "message"),
    [
        ((), "at least one link"),
        ((listener(0), listener(1, fading=NoFading())), "share block length"),
        ((listener(0), listener(1, allocation=Allocation(airtime=0.5))), "share block length, band and allocation"),
        ((listener(0, interference=object()),), "without interference"),
    ],
)
def test_listeners_hear_one_transmission(listeners, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BroadcastProfile(listeners)

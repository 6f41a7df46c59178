"""Transfers whose link changes under way: held up, moved, shared, interfered with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.fading import Fading
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.rates.shannon import Shannon
from channel_models.rates.truncated_shannon import TruncatedShannon
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.retransmission.stop_and_wait import StopAndWait
from channel_models.sharing.policy import Allocation
from channel_models.traces.errors import TraceEnded
from channel_models.traces.rate_trace import RateTrace
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Fluid
from channel_models.transfer.profile import WHOLE, LinkProfile, Segments, Silence
from channel_models.transfer.recorded import RecordedProfile
from channel_models.transfer.work import LinkStalled, Work

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=6, coherence_s=0.05)
MEGABIT = 125_000


def profile(fading: Fading = RAYLEIGH, mean_snr: float = SNR, **changes) -> LinkProfile:
    return LinkProfile(0, fading, Shannon(), 1e6, mean_snr, **changes)


def flat(**changes) -> LinkProfile:
    """1 Mb/s."""
    return profile(NoFading(), 1.0, **changes)


def make_link(link_profile: LinkProfile, loss=NoLoss(), scheme=SelectiveRepeat(), **changes) -> Link:  # noqa: B008
    return Link(0, link_profile, Shannon(), 2.0, 6, "uplink", loss, scheme=scheme, **changes)


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("loss", [ConstantLoss(error_rate=0.2), NoLoss()])
def test_fifty_preemptions_shift_the_end_by_the_pauses(seed: int, loss) -> None:
    generator = np.random.default_rng(seed)
    link = make_link(flat(), loss)
    whole, cut = link.transfer(3.0, MEGABIT, 0), link.start(3.0, MEGABIT, 0)
    since_s = 3.0
    for _ in range(3):
        now_s, pause_s = generator.uniform(since_s, cut.finish_s), generator.uniform(0.0, 2.0)
        since_s, expected_s = now_s + pause_s, cut.finish_s + pause_s
        cut.switch(now_s, Silence())
        cut.switch(now_s + pause_s, flat())
        assert cut.finish_s == pytest.approx(expected_s, abs=1e-9)
    got = cut.delivery()
    assert got.radiated_j == pytest.approx(whole.radiated_j, abs=1e-9)
    assert got.on_air_s == pytest.approx(whole.on_air_s, abs=1e-9)
    assert got.lost.tolist() == whole.lost.tolist() and got.transmissions == whole.transmissions
    assert got.mean_snr_db == pytest.approx(whole.mean_snr_db, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=50),
    start_s=st.floats(0.0, 1e5),
    lossy=st.booleans(),
)
def test_switching_to_the_same_link_changes_nothing(cuts: list[float], start_s: float, lossy: bool) -> None:
    link = make_link(profile(), OutageLoss(threshold_db=-3.0) if lossy else NoLoss())
    whole, cut = link.transfer(start_s, MEGABIT, 0), link.start(start_s, MEGABIT, 0)
    for share in sorted(cuts):
        cut.switch(start_s + share * whole.duration_s, profile())
    got = cut.delivery()
    assert got.duration_s == pytest.approx(whole.duration_s, abs=1e-9)
    assert got.radiated_j == pytest.approx(whole.radiated_j, abs=1e-8)
    assert (got.lost.tolist(), got.transmissions) == (whole.lost.tolist(), whole.transmissions)


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0.0, 1.0), mean_snr=st.floats(0.1, 100.0), seed=st.integers(0, 50))
def test_what_was_sent_before_a_switch_keeps_its_fate(share: float, mean_snr: float, seed: int) -> None:
    link = replace(make_link(profile(), OutageLoss(threshold_db=0.0), SelectiveRepeat(retransmissions=0)), seed=seed)
    whole = link.transfer(1.0, MEGABIT, 0)
    moved = link.start(1.0, MEGABIT, 0)
    when_s = 1.0 + share * whole.duration_s
    sizes = link.packetisation.sizes_bits(MEGABIT)
    done = int(np.searchsorted(np.cumsum(sizes), float(moved.work.work_bits(when_s)) - 1e-3))
    moved.switch(when_s, profile(mean_snr=mean_snr))
    told = moved.delivery().lost
    assert told[told < done].tolist() == whole.lost[whole.lost < done].tolist()


def test_switches_at_the_start_at_an_edge_and_twice_at_once() -> None:
    slow = flat(allocation=Allocation(airtime=0.5))
    link = make_link(flat(), packetisation=Fluid())
    at_start = link.start(5.0, MEGABIT, 0)
    at_start.switch(5.0, slow)
    assert at_start.finish_s == pytest.approx(7.0, abs=1e-12)
    begun_slow = link.start(5.0, MEGABIT, 0, slow)
    begun_slow.switch(5.0, Silence())
    begun_slow.switch(5.0, flat())
    assert begun_slow.finish_s == pytest.approx(6.0, abs=1e-12)
    blocks = profile(NoFading(coherence_s=0.25), 1.0)
    at_edge = make_link(blocks, packetisation=Fluid()).start(5.0, MEGABIT, 0)
    for target in (Silence(), blocks, slow):
        at_edge.switch(5.25, target)
    assert at_edge.finish_s == pytest.approx(5.25 + 1.5, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(start_s=st.floats(0.0, 1e7), payload=st.integers(1, 300_000), link=st.integers(0, 20))
def test_a_transfer_that_has_ended_needs_nothing_more_of_its_link(start_s: float, payload: int, link: int) -> None:
    # finish_s is rounded: by the work done until then, a last fraction of a bit may be missing for ever.
    sent = make_link(replace(profile(), link_id=link)).start(start_s, payload, 0)
    finish_s = sent.finish_s
    sent.switch(finish_s, Silence())
    assert sent.finish_s == finish_s


def test_a_transfer_may_end_with_its_recording() -> None:
    # 1 Mb/s for 10 s, and 10 Mbit: neither what it came to nor a switch at the end looks beyond.
    trace = RateTrace(times_s=np.array([0.0, 5.0]), rates_bps=np.full(2, 1e6), duration_s=10.0, at_end="refuse")
    link = Link(0, RecordedProfile(0, trace), Shannon(), 2.0, 6, packetisation=Fluid())
    got = link.start(0.0, 10 * MEGABIT, 0)
    assert (got.finish_s, got.share_done(10.0)) == (10.0, 1.0)
    assert (got.delivery().on_air_s, got.delivery().radiated_j) == (10.0, 20.0)
    longer = link.start(0.0, 11 * MEGABIT, 0)
    longer.switch(10.0, flat())
    assert longer.finish_s == pytest.approx(11.0, abs=1e-12)
    with pytest.raises(TraceEnded, match="what is still to be sent lies beyond the recording, which lasts 10 s"):
        _ = link.start(0.0, 11 * MEGABIT, 0).finish_s


def test_going_back_in_time_is_refused() -> None:
    moving = make_link(flat()).start(5.0, MEGABIT, 0)
    with pytest.raises(ValueError, match="before it was last switched"):
        moving.switch(4.0, flat())
    moving.switch(5.5, flat())
    with pytest.raises(ValueError, match="before it was last switched"):
        moving.switch(5.4, flat())


def test_a_transfer_held_up_for_ever_stalls_and_says_so() -> None:
    held = make_link(flat()).start(0.0, MEGABIT, 0)
    held.switch(0.25, Silence())
    with pytest.raises(LinkStalled, match="a link that is held up"):
        _ = held.finish_s
    held.switch(1.25, flat())
    assert held.finish_s == pytest.approx(2.0 + 86 * 40 * 8 / 1e6, abs=1e-9)


def test_two_equal_transfers_share_by_the_closed_form() -> None:
    # Processor sharing: alone for half of the work, then two at half the rate: the first ends at 1.5 s; the second
    # came at 0.5 s, has half done by then and ends at 2 s. A share frozen at the start would say 1 s and 2.5 s.
    half = flat(allocation=Allocation(airtime=0.5))
    link = make_link(flat(), packetisation=Fluid())
    first, second = link.start(0.0, MEGABIT, 0), link.start(0.5, MEGABIT, 1, half)
    first.switch(0.5, half)
    assert first.finish_s == pytest.approx(1.5, abs=1e-12)
    second.switch(1.5, flat())
    assert second.finish_s == pytest.approx(2.0, abs=1e-12)
    assert first.delivery().on_air_s == pytest.approx(1.0, abs=1e-12)
    assert first.share_done(0.5) == pytest.approx(0.5, abs=1e-12)


def test_power_and_airtime_of_an_allocation_reach_the_energy() -> None:
    quarter = flat(allocation=Allocation(airtime=0.25, power=0.5))
    link = make_link(quarter, packetisation=Fluid())
    got = link.transfer(0.0, MEGABIT, 0)
    assert (got.duration_s, got.on_air_s) == (pytest.approx(4.0), pytest.approx(1.0))
    assert got.radiated_j == pytest.approx(2.0 * 0.5 * 1.0)
    changed = link.start(0.0, MEGABIT, 0)
    changed.switch(2.0, flat())
    got = changed.delivery()
    assert got.duration_s == pytest.approx(2.5)
    assert got.radiated_j == pytest.approx(2.0 * (0.5 * 0.5 + 0.5))


def test_waits_on_a_shared_medium_are_no_time_on_air() -> None:
    shared = flat(allocation=Allocation(airtime=0.5, power=0.5))
    link = make_link(shared, ConstantLoss(error_rate=0.5), StopAndWait(retransmissions=30, feedback_s=1.0))
    got = link.transfer(0.0, 20_000, 0)
    assert got.passes > 2
    assert got.on_air_s == pytest.approx(got.bits_on_air / 1e6, abs=1e-9)
    assert got.radiated_j == pytest.approx(2.0 * 0.5 * got.on_air_s, abs=1e-9)
    assert got.duration_s == pytest.approx(2.0 * got.on_air_s + 1.0 * (got.passes - 1), abs=1e-9)
    halfway = link.start(0.0, 20_000, 0)
    ends = halfway.log.waits[0]
    assert halfway.share_done(ends[0]) == pytest.approx(halfway.share_done(ends[1]), abs=1e-12)
    assert halfway.share_done(halfway.finish_s) == 1.0


def test_collisions_spoil_their_share() -> None:
    crowded = flat(allocation=Allocation(collision=0.3))
    told = [
        make_link(crowded, ConstantLoss(error_rate=0.2), SelectiveRepeat(retransmissions=0)).transfer(
            0.0, 146_000, index
        )
        for index in range(300)
    ]
    lost = np.array([delivery.lost.size for delivery in told]) / 100
    # 1 - (1 - 0.2)(1 - 0.3) = 0.44
    assert abs(lost.mean() - 0.44) < 4.4 * lost.std(ddof=1) / np.sqrt(300)


def test_collisions_end_with_the_crowd() -> None:
    crowded, alone = flat(allocation=Allocation(collision=1.0)), flat()
    link = make_link(crowded, NoLoss(), SelectiveRepeat(retransmissions=0))
    moved = link.start(0.0, MEGABIT, 0)
    moved.switch(0.5, alone)
    lost = moved.delivery().lost
    assert lost.tolist() == list(range(lost.size)) and lost.size == int(0.5e6 // 12_000)


@dataclass(frozen=True)
class Jammer:
    """On air in the first half of every second, at as much interference as noise."""

    step_s: float = 0.5

    def steps(self, start_s: float, stop_s: float) -> tuple[np.ndarray, np.ndarray]:
        halves = np.arange(np.floor(start_s / 0.5) + 1, np.ceil(stop_s / 0.5))
        first = int(start_s // 0.5)
        return 0.5 * halves, (np.arange(first, first + halves.size + 1) % 2 == 0).astype(float)


def test_interference_cuts_blocks_exactly() -> None:
    # SNR 3: log2(1 + 3) = 2 Mb/s in silence, log2(1 + 3/2) = 1.3219 Mb/s under the jammer.
    for fading in (NoFading(), NoFading(coherence_s=0.3)):
        jammed = profile(fading, 3.0, interference=Jammer())
        work = Work(jammed, 0.25)
        expected = 0.25 * np.log2(2.5) + 0.5 * 2.0 + 0.5 * np.log2(2.5) + 0.1 * 2.0
        assert float(work.work_bits(1.6)) == pytest.approx(1e6 * expected, rel=1e-12)
        assert work.rate_at_start_bps == pytest.approx(1e6 * np.log2(2.5), rel=1e-12)


def test_one_block_for_ever_has_its_own_mean_rate() -> None:
    # Not the ergodic one: below the least SNR nothing is ever carried, which is plain before a block is looked at.
    endless = BlockRayleigh(seed=6, coherence_s=inf)
    gain = float(endless.gain(0, 0, 1)[0])
    faint = 10**-1.1 / gain  # 1 dB below the least SNR
    dead = replace(profile(endless, faint, interference=Jammer()), rate_map=TruncatedShannon(min_snr_db=-10.0))
    assert dead.mean_rate_bps == 0.0
    with pytest.raises(LinkStalled, match=r"mean rate 0 b/s"):
        Work(dead, 0.0).time_of(1.0)
    alive = profile(endless, allocation=Allocation(airtime=0.5))
    assert alive.mean_rate_bps == pytest.approx(0.5e6 * np.log2(1.0 + SNR * gain), rel=1e-12)


def test_the_start_is_described_by_the_piece_it_lies_in() -> None:
    # The block (0 .. 0.9) is cut at 0.5: at 0.6 the jammer is off.
    work = Work(profile(NoFading(coherence_s=0.9), 3.0, interference=Jammer()), 0.6)
    assert work.rate_at_start_bps == pytest.approx(2e6, rel=1e-12)
    assert work.mean_snr(0.0) == pytest.approx(3.0, rel=1e-12)


@dataclass(frozen=True)
class Gapped:
    """1 Mb/s in even seconds, nothing in odd ones."""

    block_s: float = 1.0
    mean_rate_bps: float = 5e5
    mean_snr: float = 1.0
    band_hz: float = 1e6
    allocation: Allocation = WHOLE
    label: str = "a link with gaps"
    blocks_ahead: float = float("inf")

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        block = np.arange(first_block, first_block + count)
        on = (block % 2 == 0).astype(float)
        return Segments(block + 1.0 - origin_s, on, 1e6 * on, np.ones(count))


@settings(max_examples=50, deadline=None)
@given(start_s=st.floats(0.0, 100.0), bits=st.floats(0.0, 1e8))
def test_segments_without_rate_are_passed_over(start_s: float, bits: float) -> None:
    work = Work(Gapped(), start_s)
    finish_s = float(work.time_of(bits))
    assert float(work.work_bits(finish_s)) == pytest.approx(bits, rel=1e-9, abs=1e-2)
    if bits > 10.0:
        assert float(work.work_bits(finish_s - 1e-6)) < bits


def test_a_link_without_snr_or_signal_says_so() -> None:
    @dataclass(frozen=True)
    class Unknown(Gapped):
        snr: float = np.nan

        def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
            return super().stretch(first_block, count, origin_s)._replace(snr=np.full(count, self.snr))

    for snr, told_db in ((np.nan, np.nan), (0.0, -np.inf), (10.0, 10.0)):
        got = make_link(Unknown(snr=snr), ConstantLoss(error_rate=0.1)).transfer(0.0, MEGABIT, 0)
        assert got.mean_snr_db == pytest.approx(told_db, nan_ok=True)


def test_bits_done_at_an_edge_do_not_wait_for_the_gap() -> None:
    assert float(Work(Gapped(), 0.0).time_of(1e6)) == 1.0
    assert float(Work(Gapped(), 1.5).time_of(1.0)) == pytest.approx(2.000001, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(asked=st.lists(st.floats(0.0, 5e7), min_size=1, max_size=8), start_s=st.floats(0.0, 1e6))
def test_no_answer_depends_on_what_was_asked_before(asked: list[float], start_s: float) -> None:
    work = Work(profile(), start_s)
    told = [float(work.locate(bits)[0]) for bits in asked]
    assert told == [float(Work(profile(), start_s).locate(bits)[0]) for bits in asked]
    assert told == [Work(profile(), start_s).elapsed_s(bits) for bits in asked]


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 3000), size=st.sampled_from([400, 12_000, 72_000]), start_s=st.floats(0.0, 1e4))
def test_segments_of_many_packets_are_those_of_each(count: int, size: int, start_s: float) -> None:
    work = Work(profile(), start_s)
    ends_bits = np.cumsum(np.full(count, float(size)))
    assert work.segments(ends_bits).tolist() == work.locate(ends_bits)[1].tolist()


def test_a_moving_terminal_meets_the_snr_of_each_block() -> None:
    def mean_snr_at(times_s: np.ndarray) -> np.ndarray:
        return 1.0 + times_s

    moving = profile(NoFading(coherence_s=1.0), 1.0, mean_snr_at=mean_snr_at)
    # Middles of blocks: 0.5, 1.5 and 2.5 s.
    expected = 1e6 * (np.log2(2.5) + np.log2(3.5) + 0.5 * np.log2(4.5))
    assert float(Work(moving, 0.0).work_bits(2.5)) == pytest.approx(expected, rel=1e-12)

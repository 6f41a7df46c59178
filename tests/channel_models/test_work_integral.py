from __future__ import annotations

from math import inf, log2, ulp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading.fading import Fading
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.rates.shannon import Shannon
from channel_models.transfer.profile import LinkProfile, block_of
from channel_models.transfer.work import LinkStalled, Work

SNR = 10**0.5
BITS = 18_590_976.0
RAYLEIGH = BlockRayleigh(seed=2, coherence_s=0.05)


def profile(
    link_id: int = 0, fading: Fading = RAYLEIGH, mean_snr: float = SNR, bandwidth_hz: float = 1e6
) -> LinkProfile:
    return LinkProfile(link_id, fading, Shannon(), bandwidth_hz, mean_snr)


def stepped_work_bits(link: LinkProfile, start_s: float, stop_s: float) -> float:
    """W(stop) - W(start), block by block in plain Python."""
    block, now_s, bits = block_of(link, start_s), start_s, 0.0
    while now_s < stop_s:
        edge_s = min((block + 1) * link.block_s, stop_s)
        gain = float(link.fading.gain(link.link_id, block, 1)[0])
        bits += link.bandwidth_hz * log2(1 + link.mean_snr * gain) * (edge_s - now_s)
        now_s, block = edge_s, block + 1
    return bits


@settings(deadline=None)
@given(start_s=st.floats(0.0, 1e4), length_s=st.floats(0.0, 5.0), link_id=st.integers(0, 3))
def test_work_equals_a_plain_sum_over_blocks(start_s: float, length_s: float, link_id: int) -> None:
    link, stop_s = profile(link_id), start_s + length_s
    bits = float(Work(link, start_s).work_bits(stop_s))
    assert bits == pytest.approx(stepped_work_bits(link, start_s, stop_s), rel=1e-9, abs=1e-3)


@settings(deadline=None)
@given(
    start_s=st.floats(0.0, 1e5),
    bits=st.floats(1.0, 1e8),
    coherence_s=st.sampled_from([0.003, 0.05, 1.0, 7.0]),
)
def test_the_inverse_inverts(start_s: float, bits: float, coherence_s: float) -> None:
    work = Work(profile(fading=BlockRayleigh(seed=2, coherence_s=coherence_s)), start_s)
    finish_s = float(work.time_of(bits))
    rate_bound_bps = 2e7
    assert float(work.work_bits(finish_s)) == pytest.approx(bits, rel=1e-9, abs=rate_bound_bps * 2 * ulp(finish_s))


@settings(max_examples=40, deadline=None)
@given(
    start_s=st.floats(0.0, 1e5),
    cuts=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=50),
    seed=st.integers(0, 20),
)
def test_a_transfer_cut_at_any_instants_ends_at_the_same_time(start_s: float, cuts: list[float], seed: int) -> None:
    link = profile(fading=BlockRayleigh(seed=seed, coherence_s=0.05))
    whole_s = float(Work(link, start_s).time_of(BITS))
    left, now_s = BITS, start_s
    for cut in sorted(cuts):
        pause_s = start_s + cut * (whole_s - start_s)
        left -= float(Work(link, now_s).work_bits(pause_s))
        now_s = pause_s
    assert float(Work(link, now_s).time_of(max(left, 0.0))) == pytest.approx(whole_s, abs=1e-9)


def test_cuts_at_block_edges_change_nothing() -> None:
    link = profile()
    whole_s = float(Work(link, 3.0).time_of(BITS))
    left, now_s = BITS, 3.0
    for block in range(61, block_of(link, whole_s) + 1):
        left -= float(Work(link, now_s).work_bits(block * 0.05))
        now_s = block * 0.05
    assert float(Work(link, now_s).time_of(left)) == pytest.approx(whole_s, abs=1e-9)


def test_late_in_a_long_run_only_the_clock_rounds() -> None:
    link, start_s = profile(), 1e7 + 0.0123
    elapsed_s = float(Work(link, start_s).locate(BITS)[0])
    half = float(Work(link, start_s).work_bits(start_s + 5.0))
    rest_s = float(Work(link, start_s + 5.0).locate(BITS - half)[0])
    assert rest_s + 5.0 == pytest.approx(elapsed_s, abs=4 * ulp(start_s))


@settings(deadline=None)
@given(block=st.integers(0, 10**8), coherence_s=st.sampled_from([0.05, 0.1, 0.3, 1e-3, 2.0]))
def test_blocks_tile_time_by_their_floating_point_edges(block: int, coherence_s: float) -> None:
    link = profile(fading=BlockRayleigh(seed=2, coherence_s=coherence_s))
    edge_s = block * coherence_s
    assert block_of(link, edge_s) == block
    assert block_of(link, float(np.nextafter(edge_s, inf))) == block
    if block:
        assert block_of(link, float(np.nextafter(edge_s, 0.0))) == block - 1


def test_what_is_done_exactly_at_an_edge_ends_in_the_block_before() -> None:
    work, gains = Work(profile(), 0.0), RAYLEIGH.gain(0, 0, 5)
    for block in range(5):
        edge_s = (block + 1) * 0.05
        elapsed_s, segment = work.locate(work.work_bits(edge_s))
        assert (float(elapsed_s), int(segment)) == (pytest.approx(edge_s, abs=1e-15), block)
        assert work.reception(np.array([block]), 1.0).snr == SNR * gains[block]


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    wanted = np.linspace(0.0, 5e7, 400)
    at_once = Work(profile(), 1.23).locate(wanted)
    work = Work(profile(), 1.23)
    one_by_one = [work.locate(bits) for bits in wanted]
    assert np.array_equal(at_once[0], [float(elapsed) for elapsed, _ in one_by_one])
    assert np.array_equal(at_once[1], [float(snr) for _, snr in one_by_one])
    assert np.all(np.diff(at_once[0]) > 0)


def test_a_constant_channel_is_arithmetic() -> None:
    # SNR 1 carries 1 b/s/Hz: 1 Mb over 1 MHz takes one second.
    for fading in (NoFading(), NoFading(coherence_s=0.05)):
        work = Work(profile(fading=fading, mean_snr=1.0), 4.0)
        assert float(work.time_of(1e6)) == pytest.approx(5.0, abs=1e-12)
        assert float(work.work_bits(6.5)) == pytest.approx(2.5e6, rel=1e-12)
        assert work.mean_snr(3.0) == pytest.approx(1.0, rel=1e-12)
    assert float(Work(profile(fading=NoFading()), 0.0).time_of(BITS)) == pytest.approx(BITS / 2057373.2086, rel=1e-10)


def test_twice_the_bandwidth_at_pinned_snr_halves_a_constant_transfer() -> None:
    slow = Work(profile(fading=NoFading()), 0.0).time_of(BITS)
    fast = Work(profile(fading=NoFading(), bandwidth_hz=2e6), 0.0).time_of(BITS)
    assert float(fast) == pytest.approx(float(slow) / 2, rel=1e-14)


def test_mean_snr_is_the_time_average() -> None:
    link = profile()
    gains = RAYLEIGH.gain(0, 0, 3)
    expected = SNR * (0.03 * gains[0] + 0.05 * gains[1] + 0.01 * gains[2]) / 0.09
    assert Work(link, 0.02).mean_snr(0.09) == pytest.approx(expected, rel=1e-12)
    assert Work(link, 0.06).mean_snr(0.0) == SNR * gains[1]


def test_a_hopeless_link_is_named_at_once() -> None:
    with pytest.raises(
        LinkStalled, match=r"link 9 \(mean rate 0\.144269[0-9]* b/s at a mean SNR of -70\.00 dB\).*1e\+06 s"
    ):
        Work(profile(9, mean_snr=1e-7), 0.0).time_of(BITS)


@pytest.mark.parametrize(
    "fading",
    [
        BlockRayleigh(seed=2, coherence_s=0.05),
        BlockRayleigh(seed=2, coherence_s=50.0),
        BlockRayleigh(seed=2, coherence_s=inf),
        NoFading(),
    ],
)
def test_a_link_too_slow_for_its_limit_stalls(fading) -> None:
    patient = Work(profile(fading=fading), 7.0)
    needed_s = float(patient.locate(BITS)[0])
    assert float(Work(profile(fading=fading), 7.0, needed_s).locate(BITS)[0]) == needed_s
    with pytest.raises(LinkStalled, match=r"link 0 .* does not carry 18590976 bits within max_transfer_s"):
        Work(profile(fading=fading), 7.0, needed_s * 0.99).locate(BITS)


def test_questions_about_the_past_are_refused() -> None:
    work = Work(profile(), 10.0)
    with pytest.raises(ValueError, match=r"work is defined from 10\.0 s on"):
        work.work_bits(9.0)
    with pytest.raises(ValueError, match="bits must be at least 0"):
        work.time_of(-1.0)
    with pytest.raises(ValueError, match="start_s"):
        Work(profile(), -1.0)

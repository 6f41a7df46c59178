"""A recorded rate, its integral and the inverse of it, against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, inf, nan

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channel_models.traces import ClientTraces, RateTrace, SnrTrace, TraceEnded
from channel_models.traces.snr_trace import filled

LATE_S = 1e9


def trace(times_s=(0.0, 2.0, 3.0), rates_bps=(10.0, 0.0, 40.0), duration_s=5.0, at_end="loop") -> RateTrace:
    """10 b/s for 2 s, nothing for 1 s, 40 b/s for 2 s: 100 bits in 5 s."""
    return RateTrace(times_s=np.array(times_s), rates_bps=np.array(rates_bps), duration_s=duration_s, at_end=at_end)


@st.composite
def traces(draw, at_end="loop", least_bps=0) -> RateTrace:
    lengths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=8))
    rates = draw(st.lists(st.integers(least_bps, 50), min_size=len(lengths), max_size=len(lengths)))
    edges = np.cumsum([0, *lengths]) / 8
    rates[draw(st.integers(0, len(rates) - 1))] += 1
    return trace(edges[:-1], np.array(rates, dtype=float), float(edges[-1]), at_end)


def exact_bits(recorded: RateTrace, time_s: Fraction) -> Fraction:
    """Bits of [0, t): whole passes, then the sum of rate x length over the pieces, in fractions."""
    edges = [Fraction(edge) for edge in (*recorded.times_s, recorded.duration_s)]
    rates = [Fraction(rate) for rate in recorded.rates_bps]
    pieces = list(zip(edges[:-1], edges[1:], rates, strict=True))
    passes, phase = divmod(time_s, edges[-1])
    inside = sum((min(stop, phase) - begin) * rate for begin, stop, rate in pieces if begin < phase)
    return passes * sum((stop - begin) * rate for begin, stop, rate in pieces) + inside


def test_rate_mean_and_work_of_a_simple_recording() -> None:
    recorded = trace()
    assert recorded.bits == 100.0
    assert recorded.mean_rate_bps == 20.0
    assert recorded.rate_bps([0.0, 1.999, 2.0, 3.0, 4.999, 5.0, 12.5]).tolist() == [10, 10, 0, 40, 40, 10, 0]
    assert float(recorded.rate_bps(1.0)) == 10.0
    # 1 s at 10 b/s is left of the first piece, then 1 s of nothing, then 2 s at 40 b/s, then 10 b/s again.
    assert recorded.work_bits(1.0, [0.0, 1.0, 1.5, 2.0, 4.0, 5.0]).tolist() == [0, 10, 10, 10, 90, 100]
    # The first instant at which the bits are done: 10 bits are done before the outage, 10.4 bits after it.
    assert recorded.elapsed_s(1.0, [0.0, 5.0, 10.0, 10.4, 90.0, 100.0]).tolist() == [0, 0.5, 1, 2.01, 4, 5]
    assert float(recorded.finish_s(11.0, 10.4)) == pytest.approx(13.01, rel=1e-15)


@pytest.mark.parametrize("bits", [0.0, 1e-9, 1.0, 20.0])
def test_a_start_in_an_outage_waits_for_its_end(bits: float) -> None:
    # No bit needs no time; from 2.5 s on, the first of b bits has to wait 0.5 s: 0.5 + b / 40.
    expected = 0.5 + bits / 40 if bits else 0.0
    assert float(trace().elapsed_s(2.5, bits)) == pytest.approx(expected, rel=1e-12)


def test_rounding_never_ends_a_transfer_before_its_start() -> None:
    # 10 b/s for 1 s, then nothing for 1 s: 10 + 1e-20 bits are 10 in floating point, which were done at 1 s.
    recorded = trace((0.0, 1.0), (10.0, 0.0), 2.0)
    assert float(recorded.elapsed_s(1.5, 1e-20)) == 0.5


def test_rounding_never_carries_a_transfer_over_the_end() -> None:
    # What is left from 0.78 s on adds up to one rounding more than the whole; a second pass would begin with an outage.
    recorded = trace((0.0, 0.6, 1.5), (0.0, 1.0, 0.9), 2.3, at_end="refuse")
    rest = float(recorded.work_bits(0.78, 2.3 - 0.78))
    assert float(recorded.elapsed_s(0.78, rest)) == pytest.approx(1.52, rel=1e-12)


@given(traces(), st.integers(0, 2000), st.integers(0, 4000))
@settings(max_examples=150, deadline=None)
def test_work_is_the_exact_integral(recorded: RateTrace, start: int, length: int) -> None:
    start_s, elapsed_s = Fraction(start, 16), Fraction(length, 16)
    exact = exact_bits(recorded, start_s + elapsed_s) - exact_bits(recorded, start_s)
    assert float(recorded.work_bits(float(start_s), float(elapsed_s))) == pytest.approx(
        float(exact), rel=1e-9, abs=1e-9
    )


@given(traces(), st.floats(0, 500), st.lists(st.floats(0, 1e4), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_inverse_of_the_integral(recorded: RateTrace, start_s: float, bits: list[float]) -> None:
    elapsed_s = recorded.elapsed_s(start_s, bits)
    assert recorded.work_bits(start_s, elapsed_s) == pytest.approx(np.array(bits), rel=1e-9, abs=1e-8)
    # The first such instant: a little earlier, some of the bits are missing.
    early = recorded.work_bits(start_s, np.maximum(elapsed_s - 1e-6, 0.0))
    assert np.all((early < bits) | (np.array(bits) == 0) | (elapsed_s < 1e-6))


@given(traces(least_bps=1), st.floats(0, 500), st.floats(0, 500))
@settings(max_examples=100, deadline=None)
def test_without_outages_the_integral_inverts_too(recorded: RateTrace, start_s: float, elapsed_s: float) -> None:
    bits = recorded.work_bits(start_s, elapsed_s)
    assert float(recorded.elapsed_s(start_s, bits)) == pytest.approx(elapsed_s, rel=1e-9, abs=1e-9)


@given(traces(), st.floats(0, 100), st.floats(1e-3, 100))
@settings(max_examples=100, deadline=None)
def test_a_stretch_carries_the_work(recorded: RateTrace, start_s: float, length_s: float) -> None:
    edges_s, rates_bps = recorded.stretch(start_s, start_s + length_s)
    assert edges_s[0] == 0.0
    assert edges_s[-1] == (start_s + length_s) - start_s
    assert np.all(np.diff(edges_s) > 0)
    middle_s = start_s + (edges_s[1:] + edges_s[:-1]) / 2
    clear = np.diff(edges_s) > 1e-9
    assert np.array_equal(rates_bps[clear], recorded.rate_bps(middle_s)[clear])
    total = float(np.dot(rates_bps, np.diff(edges_s)))
    assert total == pytest.approx(float(recorded.work_bits(start_s, edges_s[-1])), rel=1e-9, abs=1e-9)


def test_a_stretch_across_the_seam() -> None:
    edges_s, rates_bps = trace().stretch(4.0, 8.5)
    assert edges_s.tolist() == [0.0, 1.0, 3.0, 4.0, 4.5]
    assert rates_bps.tolist() == [40.0, 10.0, 0.0, 40.0]
    edges_s, rates_bps = trace().stretch(5.0, 7.0)
    assert edges_s.tolist() == [0.0, 2.0]
    assert rates_bps.tolist() == [10.0]


def test_nothing_is_lost_at_late_times() -> None:
    # A start a whole number of passes later (5 s x 2e8) is the same start: equal to the last bit.
    recorded, starts = trace(), np.array([0.0, 0.5, 2.25, 4.75])
    for start_s in starts:
        early, late = (
            recorded.elapsed_s(start_s, [3.3, 77.7, 1e4]),
            recorded.elapsed_s(start_s + LATE_S, [3.3, 77.7, 1e4]),
        )
        assert np.array_equal(early, late)
        assert np.array_equal(
            recorded.stretch(start_s, start_s + 7)[0], recorded.stretch(start_s + LATE_S, start_s + LATE_S + 7)[0]
        )


@given(traces(least_bps=1), st.floats(0, 50), st.floats(1, 2000), st.lists(st.floats(0, 1), max_size=50))
@settings(max_examples=60, deadline=None)
def test_cutting_a_transfer_does_not_move_its_end(
    recorded: RateTrace, start_s: float, bits: float, cuts: list[float]
) -> None:
    whole_s = float(recorded.elapsed_s(start_s, bits))
    at_s, left = start_s, bits
    for cut in sorted(cuts):
        stop_s = start_s + cut * whole_s
        left -= float(recorded.work_bits(at_s, stop_s - at_s))
        at_s = stop_s
    assert at_s + float(recorded.elapsed_s(at_s, max(left, 0.0))) == pytest.approx(start_s + whole_s, rel=0, abs=1e-9)


@given(traces(), st.permutations(range(6)))
@settings(max_examples=30, deadline=None)
def test_answers_do_not_depend_on_the_order_of_questions(recorded: RateTrace, order: list[int]) -> None:
    questions = [(0.3 * place, 11.0 * place) for place in range(6)]
    fresh = trace(recorded.times_s, recorded.rates_bps, recorded.duration_s)
    forwards = [float(recorded.elapsed_s(*question)) for question in questions]
    shuffled = {place: float(fresh.elapsed_s(*questions[place])) for place in order}
    together = recorded.elapsed_s(0.3, [bits for _, bits in questions])
    assert forwards == [shuffled[place] for place in range(6)]
    assert together[1] == forwards[1]


@given(traces(), st.floats(0, 60), st.floats(0, 60), st.floats(0, 3000))
@settings(max_examples=100, deadline=None)
def test_an_offset_is_a_later_start(recorded: RateTrace, offset_s: float, start_s: float, bits: float) -> None:
    shifted = recorded.starting_at(offset_s)
    assert shifted.duration_s == recorded.duration_s
    assert shifted.mean_rate_bps == pytest.approx(recorded.mean_rate_bps, rel=1e-9)
    elapsed_s = float(shifted.elapsed_s(start_s, bits))
    assert float(recorded.work_bits(offset_s + start_s, elapsed_s)) == pytest.approx(bits, rel=1e-6, abs=1e-6)


def test_a_recording_that_may_not_loop_ends() -> None:
    recorded = trace(at_end="refuse")
    assert recorded.stretch(4.0, 5.0)[1].tolist() == [40.0]
    assert float(recorded.elapsed_s(1.0, 90.0)) == 4.0
    assert float(recorded.work_bits(1.0, 4.0)) == 90.0
    assert recorded.starting_at(4.0).bits == 40.0
    remedy = "which lasts 5 s: use a longer one, start earlier in it, or set at_end to 'loop'"
    for question in (
        lambda: recorded.rate_bps([1.0, 5.0]),
        lambda: recorded.stretch(4.0, 5.1),
        lambda: recorded.elapsed_s(1.0, 90.1),
        lambda: recorded.elapsed_s(5.0, 1.0),
        lambda: recorded.work_bits(1.0, 4.1),
        lambda: recorded.starting_at(5.0),
    ):
        with pytest.raises(TraceEnded, match=remedy):
            question()


@given(traces(at_end="refuse"), st.floats(0, 1, exclude_max=True))
@settings(max_examples=150, deadline=None)
def test_all_that_is_left_of_a_recording_can_be_carried(recorded: RateTrace, place: float) -> None:
    start_s = place * recorded.duration_s
    rest = float(recorded.work_bits(start_s, recorded.duration_s - start_s))
    elapsed_s = float(recorded.elapsed_s(start_s, rest))
    assert start_s + elapsed_s <= recorded.duration_s * (1 + 1e-15)
    assert float(recorded.work_bits(start_s, elapsed_s)) == pytest.approx(rest, rel=1e-9, abs=1e-8)
    with pytest.raises(TraceEnded):
        recorded.elapsed_s(start_s, rest * (1 + 1e-9) + 1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times_s": (1.0, 2.0, 3.0)}, "times_s must be 0 first"),
        ({"times_s": (0.0, 2.0, 2.0)}, "increase"),
        ({"times_s": (0.0, 3.0, 2.0)}, "increase"),
        ({"times_s": (0.0, nan, 2.0)}, "increase"),
        ({"times_s": (0.0, 2.0, 5.0)}, "stay below duration_s = 5"),
        ({"times_s": (0.0,)}, "1 times for 3 values"),
        ({"times_s": (), "rates_bps": ()}, "times_s must be one row"),
        ({"times_s": ((0.0, 1.0, 2.0),)}, "times_s must be one row"),
        ({"rates_bps": (1.0, -1.0, 1.0)}, "rates_bps must be at least 0"),
        ({"rates_bps": (1.0, nan, 1.0)}, "must be a finite number"),
        ({"rates_bps": (1.0, inf, 1.0)}, "must be a finite number"),
        ({"rates_bps": (0.0, 0.0, 0.0)}, "somewhere above"),
        ({"duration_s": nan}, "duration_s must be a finite number"),
        ({"at_end": "repeat"}, "at_end must be one of loop, refuse, got 'repeat'"),
    ],
)
def test_impossible_recordings_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trace(**changes)


def test_impossible_questions_are_refused() -> None:
    recorded = trace()
    for question in (
        lambda: recorded.rate_bps(-1.0),
        lambda: recorded.rate_bps([0.0, nan]),
        lambda: recorded.stretch(3.0, 3.0),
        lambda: recorded.stretch(-1.0, 3.0),
        lambda: recorded.stretch(0.0, 1e12),
        lambda: recorded.elapsed_s(0.0, -1.0),
        lambda: recorded.elapsed_s(nan, 1.0),
        lambda: recorded.work_bits(0.0, inf),
        lambda: recorded.work_bits(0.0, -1e-9),
    ):
        with pytest.raises(ValueError, match=r"must be|spans more than"):
            question()


def test_a_recording_cannot_be_changed() -> None:
    rates_bps = np.array([1.0, 2.0])
    recorded = trace((0.0, 1.0), rates_bps, 2.0)
    rates_bps[0] = 99.0
    assert recorded.rates_bps[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        recorded.rates_bps[0] = 5.0


def test_clients_share_recordings_in_turn() -> None:
    first, second = trace(), trace(rates_bps=(1.0, 1.0, 1.0))
    dealt = ClientTraces((first, second))
    assert [dealt.of(client) is first for client in range(5)] == [True, False, True, False, True]
    with pytest.raises(ValueError, match="client must be an integer of at least 0, got -1"):
        dealt.of(-1)


def snr(snr_db, times_s=(0.0, 1.0, 3.0), duration_s=4.0, missing="refuse") -> SnrTrace:
    return SnrTrace(times_s=np.array(times_s), snr_db=np.array(snr_db), duration_s=duration_s, missing=missing)


def test_gains_are_the_linear_snr_by_its_time_mean() -> None:
    # 10, 0 and 20 dB for 1, 2 and 1 s: mean (10 x 1 + 1 x 2 + 100 x 1) / 4 = 28.
    recorded = snr((10.0, 0.0, 20.0))
    assert recorded.mean_snr == pytest.approx(28.0, rel=1e-12)
    assert recorded.mean_snr_db == pytest.approx(10 * np.log10(28.0), rel=1e-12)
    assert recorded.gains(1.0) * 28 == pytest.approx(np.array([10, 1, 1, 100]), rel=1e-12)
    # A block of two samples has their average: (10 + 1) / 2 and (1 + 100) / 2.
    assert recorded.gains(2.0) * 28 == pytest.approx(np.array([5.5, 50.5]), rel=1e-12)


def test_the_mean_is_not_that_of_the_decibels() -> None:
    # Mean of the dB values is 7.5 dB; the mean SNR is 14.47 dB.
    assert snr((10.0, 0.0, 20.0)).mean_snr_db == pytest.approx(14.4715803134, rel=1e-9)


@given(
    st.lists(st.floats(-30, 40), min_size=2, max_size=30),
    st.floats(0.01, 1.0),
)
@example([0.0, 1.0], 0.9999999999999999)
@settings(max_examples=60, deadline=None)
def test_gains_have_mean_one(levels_db: list[float], block_s: float) -> None:
    gains = snr(levels_db, np.arange(len(levels_db)), float(len(levels_db))).gains(block_s)
    assert gains.size == ceil(len(levels_db) / block_s - 1e-9)
    assert np.all(gains > 0)
    assert float(np.mean(gains)) == pytest.approx(1.0, rel=1e-12)


def test_missing_snr_is_held_or_refused() -> None:
    with pytest.raises(ValueError, match="1 of 3 values are missing"):
        snr((10.0, nan, 20.0))
    assert snr((10.0, nan, 20.0), missing="hold").snr_db.tolist() == [10.0, 10.0, 20.0]
    assert filled(np.array([nan, nan, 3.0, nan, 5.0, nan]), "hold").tolist() == [3, 3, 3, 3, 5, 5]
    with pytest.raises(ValueError, match="3 of 3 values are missing"):
        snr((nan, nan, nan), missing="hold")
    with pytest.raises(ValueError, match="missing must be one of refuse, hold, got 'drop'"):
        snr((1.0, 2.0, 3.0), missing="drop")


@pytest.mark.parametrize(("block_s", "message"), [(0.0, "block_s"), (2.1, "at most half"), (1e-8, "blocks of 4 s")])
def test_impossible_blocks_are_refused(block_s: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        snr((10.0, 0.0, 20.0)).gains(block_s)


def test_an_snr_that_is_no_decibel_is_refused() -> None:
    with pytest.raises(ValueError, match="is the unit dB"):
        snr((10.0, 1e6, 20.0))

"""Fading replayed from recordings of SNR."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from channel_models.fading.recorded import Recorded
from channel_models.traces import TraceEnded, TraceError

DATA = Path(os.environ.get("PWFFSIM_DATA", Path(__file__).parents[3] / "shared" / "data"))
LOGS = sorted((DATA / "network").rglob("*.csv")) if DATA.is_dir() else []

FIRST_DB = [0.0, 10.0, 20.0, 0.0]
SECOND_DB = [3.0, 3.0, 6.0, 6.0, 9.0]


def write(path: Path, snr_db: list[float]) -> str:
    path.write_text("".join(f"{second}\t{value}\n" for second, value in enumerate(snr_db)), encoding="utf-8")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    return write(tmp_path / "first.log", FIRST_DB), write(tmp_path / "second.log", SECOND_DB)


def linear(snr_db: list[float]) -> np.ndarray:
    power = 10 ** (np.array(snr_db) / 10)
    return power / power.mean()


def test_gains_are_the_recorded_powers_over_their_mean(files: tuple[str, ...]) -> None:
    # Relative to the mean of linear powers (28), never to 10^(mean dB/10).
    recorded = Recorded(files=files, format="cooked")
    assert recorded.gain(0, 0, 4) == pytest.approx(np.array([1, 10, 100, 1]) / 28.0, rel=1e-12)
    assert recorded.gain(1, 0, 5) == pytest.approx(linear(SECOND_DB), rel=1e-12)
    assert recorded.block_s == 1.0
    assert not recorded.independent_blocks


def test_links_take_files_in_turn_and_start_later_each_time(files: tuple[str, ...]) -> None:
    plain = Recorded(files=files, format="cooked")
    assert np.array_equal(plain.gain(6, 0, 4), plain.gain(0, 0, 4))
    late = Recorded(files=files, format="cooked", stagger_s=2.0)
    assert np.array_equal(late.gain(0, 0, 4), plain.gain(0, 0, 4))
    assert np.array_equal(late.gain(5, 0, 4), plain.gain(1, 4, 4))


def test_stagger_is_rounded_to_blocks(files: tuple[str, ...]) -> None:
    # 3 x 0.1 s / 0.1 s is a little above 3 in floating point.
    fine = Recorded(files=files[:1], format="cooked", coherence_s=0.1, stagger_s=0.1)
    assert np.array_equal(fine.gain(3, 0, 30), fine.gain(0, 3, 30))


def test_a_loop_begins_again(files: tuple[str, ...]) -> None:
    looped = Recorded(files=files, format="cooked")
    assert np.array_equal(looped.gain(0, 2, 9), np.tile(linear(FIRST_DB), 3)[2:11])
    assert np.array_equal(looped.gain(0, 4 * 10**11 + 1, 2), looped.gain(0, 1, 2))


def test_the_end_is_refused_by_choice(files: tuple[str, ...]) -> None:
    once = Recorded(files=files, format="cooked", at_end="refuse")
    assert once.gain(0, 0, 4).size == 4
    with pytest.raises(TraceEnded, match=r"first\.log \(link 0\) lies beyond the recording, which lasts 4 s.*at_end"):
        once.gain(0, 1, 4)
    with pytest.raises(TraceEnded, match=r"block 4 of .*first\.log \(link 2\)"):
        Recorded(files=files, format="cooked", at_end="refuse", stagger_s=1.0).gain(2, 0, 4)


def test_queries_do_not_change_each_other(files: tuple[str, ...]) -> None:
    recorded = Recorded(files=files, format="cooked", stagger_s=1.0)
    whole = recorded.gains(range(5), 0, 60)
    for link, first, count in ((4, 50, 10), (0, 3, 20), (4, 0, 60), (1, 7, 0)):
        assert np.array_equal(recorded.gain(link, first, count), whole[link, first : first + count])
    recorded.gain(0, 0, 4)[:] = 0.0
    assert np.array_equal(recorded.gains([0, 4], 0, 60), whole[[0, 4]])


def test_the_law_is_that_of_the_recorded_blocks(files: tuple[str, ...]) -> None:
    recorded = Recorded(files=files, format="cooked")
    first, second = linear(FIRST_DB), linear(SECOND_DB)
    for x in (0.0, 0.02, 0.2, 0.5, 1.0, 2.0, 5.0):
        assert float(recorded.cdf(x)) == pytest.approx(((first <= x).mean() + (second <= x).mean()) / 2, abs=1e-12)
    assert recorded.expectation(lambda x: x) == pytest.approx(1.0, rel=1e-12)
    rate = (np.log2(1 + 3 * first).mean() + np.log2(1 + 3 * second).mean()) / 2
    assert recorded.mean_rate(3.0) == pytest.approx(rate, rel=1e-12)
    assert recorded.gain_variance() == pytest.approx((first.var() + second.var()) / 2, rel=1e-12)


def test_quantile_and_outage_at_the_steps_of_the_law(files: tuple[str, ...]) -> None:
    alone = Recorded(files=files[:1], format="cooked")
    low, middle, high = np.unique(linear(FIRST_DB))
    quantiles = [alone.quantile(p) for p in (0.0, 0.25, 0.5, 0.51, 0.75, 0.76, 1.0)]
    assert quantiles == pytest.approx([low, low, low, middle, middle, high, high])
    # An SNR equal to the threshold is no outage.
    assert alone.outage(float(middle), 1.0) == pytest.approx(0.5)
    assert alone.outage(float(np.nextafter(middle, 2.0)), 1.0) == pytest.approx(0.75)


def test_missing_values_are_refused_or_held(tmp_path: Path) -> None:
    path = tmp_path / "gaps.log"
    path.write_text("0\t10\n1\t-\n2\t20\n3\t20\n", encoding="utf-8")
    with pytest.raises(TraceError, match=r"gaps\.log:2: "):
        Recorded(files=(str(path),), format="cooked").gain(0, 0, 1)
    held = Recorded(files=(str(path),), format="cooked", missing="hold")
    assert held.gain(0, 0, 4) == pytest.approx(linear([10, 10, 20, 20]), rel=1e-12)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"nowhere\.log"):
        Recorded(files=(str(tmp_path / "nowhere.log"),), format="cooked").gain(0, 0, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"files": ()}, "files must be a list of at least one path"),
        ({"files": "one.csv"}, "files must be a list of at least one path"),
        ({"format": "mahimahi"}, "format must be one of"),
        ({"at_end": "stop"}, "at_end must be one of loop, refuse"),
        ({"missing": "zero"}, "missing must be one of refuse, hold"),
        ({"coherence_s": 0.0}, "coherence_s must be at least"),
        ({"stagger_s": -1.0}, "stagger_s must be at least 0"),
    ],
)
def test_impossible_parameters_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recorded(**{"files": ("x.csv",), **values})


@pytest.mark.parametrize(("link", "first", "count"), [(-1, 0, 1), (0, -1, 1), (0, 0, -1)])
def test_impossible_queries_are_refused(files: tuple[str, ...], link: int, first: int, count: int) -> None:
    with pytest.raises(ValueError, match="must be an integer of at least 0"):
        Recorded(files=files, format="cooked").gain(link, first, count)


@pytest.mark.skipif(not LOGS, reason="no real data: PWFFSIM_DATA names no folder with logs")
def test_real_logs_replay_with_unit_mean() -> None:
    recorded = Recorded(files=tuple(map(str, LOGS[:4])), missing="hold")
    assert recorded.expectation(lambda x: x) == pytest.approx(1.0, rel=1e-9)
    assert 0.0 < recorded.mean_rate(10**0.5) <= np.log2(1 + 10**0.5)
    gains = recorded.gains(range(len(recorded.files)), 0, 300)
    assert np.all(gains > 0)
    assert np.all(gains.std(axis=1) > 0.01)

"""Every public recording at hand loads, and means what it should."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from channel_models.traces import RateTrace, TraceError, read_rate_trace, read_snr_trace
from channel_models.traces.ai_benchmark import flop_per_s, relative_speeds, scores
from channel_models.traces.flash import FLASH_RULE, Rule, phones
from channel_models.traces.mahimahi import opportunities
from channel_models.traces.speed_distri import speeds
from channel_models.traces.ucc5g import log

DATA = Path(os.environ.get("PWFFSIM_DATA", Path(__file__).parents[3] / "shared" / "data"))

pytestmark = pytest.mark.skipif(
    not (DATA / "network").is_dir(), reason=f"no real recordings at {DATA}; set PWFFSIM_DATA to the data folder"
)


def recordings(folder: str) -> list[Path]:
    found = sorted((DATA / "network" / folder).iterdir())
    assert found
    return found


def check(recorded: RateTrace, least_mbps: float, most_mbps: float) -> None:
    assert least_mbps < recorded.mean_rate_bps / 1e6 < most_mbps
    assert recorded.bits == pytest.approx(recorded.mean_rate_bps * recorded.duration_s, rel=1e-12)
    elapsed_s = recorded.elapsed_s(recorded.duration_s / 3, [1.0, recorded.bits / 2, 2.5 * recorded.bits])
    bits = recorded.work_bits(recorded.duration_s / 3, elapsed_s)
    assert bits == pytest.approx(np.array([1.0, recorded.bits / 2, 2.5 * recorded.bits]), rel=1e-9)


@pytest.mark.parametrize("holds", ["forward", "backward"])
def test_hsdpa_is_third_generation(holds: str) -> None:
    for path in recordings("hsdpa"):
        recorded = read_rate_trace(path, "cooked", holds=holds)
        check(recorded, 0.1, 7.0)
        assert recorded.rates_bps.max() < 14.4e6, "HSDPA carries 14.4 Mb/s at most"


def test_fcc_lines_are_whole_bytes_a_second_in_decimal_megabits() -> None:
    for path in recordings("fcc"):
        recorded = read_rate_trace(path, "cooked")
        check(recorded, 0.05, 6.0)
        assert np.array_equal(np.diff(recorded.times_s), np.full(recorded.times_s.size - 1, 5.0))
        bytes_per_s = recorded.rates_bps / 8
        assert np.abs(bytes_per_s - np.round(bytes_per_s)).max() < 1e-6
        binary = recorded.rates_bps / 1e6 * 2**20 / 8
        assert np.abs(binary - np.round(binary)).max() > 1e-3


def test_cooked_bits_are_the_sum_over_the_lines() -> None:
    for path in (*recordings("hsdpa"), *recordings("fcc")):
        times_s, mbps = np.loadtxt(path).T
        lengths_s = np.append(np.diff(times_s), times_s[-1] - times_s[-2])
        assert read_rate_trace(path, "cooked").bits == pytest.approx(float(np.dot(mbps, lengths_s)) * 1e6, rel=1e-9)


def test_mahimahi_conserves_packets() -> None:
    for path in recordings("mahimahi"):
        stamps_ms = np.loadtxt(path, dtype=np.int64)
        recorded = opportunities(path)
        assert np.array_equal(recorded.stamps_ms, stamps_ms)
        for bin_s in (0.02, 0.1, 1.0):
            binned = recorded.rate_trace(bin_s)
            check(binned, 0.3, 10.0)
            assert binned.bits == pytest.approx(12_000 * stamps_ms.size, rel=1e-12)
            assert binned.duration_s == stamps_ms[-1] / 1000


def test_mahimahi_packets_and_bins_agree_within_a_bin() -> None:
    # W of the bins meets the count of packets at every edge: a finish differs by a bin, and by the gap of an outage.
    for path in recordings("mahimahi"):
        recorded = opportunities(path)
        binned = recorded.rate_trace(0.02)
        gap_s = float(np.diff(recorded.stamps_ms).max()) / 1000
        for start_s, packets in ((0.0, 100), (7.3, 1592), (100.0, 20_000)):
            exact_s = recorded.finish_s(start_s, 1500 * packets)
            assert abs(float(binned.finish_s(start_s, 12_000 * packets)) - exact_s) <= 0.04 + gap_s


@pytest.mark.parametrize(("direction", "least_mbps", "most_mbps"), [("downlink", 1, 300), ("uplink", 0.005, 5)])
def test_ucc_logs_are_fifth_generation(direction: str, least_mbps: float, most_mbps: float) -> None:
    for path in recordings("5g-ucc"):
        recorded = read_rate_trace(path, "ucc5g", direction)
        check(recorded, least_mbps, most_mbps)
        assert recorded.rates_bps.max() < 2e9
        rows = log(path).times_s.size
        assert recorded.duration_s / rows == pytest.approx(1.0, abs=0.15), "a row about every second"


def test_ucc_snr_has_gaps_and_unit_mean_gains() -> None:
    gapless = 0
    for path in recordings("5g-ucc"):
        recorded = read_snr_trace(path, "ucc5g", "hold")
        assert -15 <= recorded.snr_db.min() < recorded.mean_snr_db < recorded.snr_db.max() <= 35
        gains = recorded.gains(0.05)
        assert float(np.mean(gains)) == pytest.approx(1.0, rel=1e-12)
        try:
            gapless += read_snr_trace(path, "ucc5g").snr_db.size > 0
        except TraceError as refusal:
            assert refusal.line is not None
            assert "-" in path.read_text(encoding="utf-8").splitlines()[refusal.line - 1].split(",")[5]
    assert 0 < gapless < len(recordings("5g-ucc"))


def test_flash_phones_are_rarely_ready() -> None:
    found = phones(DATA / "devices" / "flash-state-traces-dev.json.gz")
    assert len(found) == 60
    assert all(0.9 <= phone.duration_s / 86_400 <= 10.1 for phone in found)
    ready = np.array([phone.availability(FLASH_RULE) for phone in found])
    # Published aggregate: locked, charging and on Wi-Fi for 7 % of the time, and never on a third of the phones.
    assert float(np.mean(ready)) == pytest.approx(0.07, abs=0.02)
    assert 1 / 4 < float(np.mean(ready == 0)) < 1 / 2
    assert all(np.all(np.diff(phone.available(Rule()).ravel()) > 0) for phone in found)
    for phone in found:
        spans = phone.networks()
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert np.all((phone.battery()[1] >= 0) & (phone.battery()[1] <= 100))


def test_ai_benchmark_scores_are_those_that_flash_uses() -> None:
    devices = scores(DATA / "devices" / "ai-benchmark-dev.json")
    listed = json.loads((DATA / "devices" / "benchmark2score-dev.json").read_text(encoding="utf-8"))
    points = flop_per_s(devices, 1.0)
    assert len(devices) == 220
    assert set(points) == set(listed)
    # FLASH's table was made from a longer list: a few models had a second row there.
    assert sum(points[model] == score for model, score in listed.items()) >= 200
    assert all(points[model] >= score for model, score in listed.items())
    speeds_of = relative_speeds(devices)
    assert float(np.median(list(speeds_of.values()))) == 1.0
    assert 10 < max(speeds_of.values()) < 30


def test_speeds_of_phones() -> None:
    for unit, bits in (("kbit/s", 1e3), ("KiB/s", 8192.0)):
        found = speeds(DATA / "devices" / "speed-distri-dev.json", unit)
        assert len(found) == 12
        assert all(100 * bits < speed.uplink_mean_bps < 1e5 * bits for speed in found)

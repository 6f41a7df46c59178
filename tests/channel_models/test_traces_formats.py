"""Formats of rates and SNR: units, semantics of the end, and refusal of what is malformed, by file and line."""

from __future__ import annotations

import os
import re
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import channel_models.traces.files as files
from channel_models.traces import READERS, SNR_READERS, TraceEnded, TraceError, read, read_rate_trace, read_snr_trace
from channel_models.traces.mahimahi import Opportunities, opportunities
from channel_models.traces.ucc5g import log, spread

UCC_HEADER = "Timestamp,NetworkMode,SNR,DL_bitrate,UL_bitrate"
UCC_ROW = "2021.01.01_00.00.0{second},5G,{snr},{down},{up}"


@pytest.fixture
def write(tmp_path: Path):
    def put(text: str | bytes) -> Path:
        path = tmp_path / "recording.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return put


def ucc(*rows: tuple[object, object, object, object]) -> str:
    """A log of (second, SNR, downlink, uplink)."""
    lines = [UCC_ROW.format(second=second, snr=snr, down=down, up=up) for second, snr, down, up in rows]
    return "\n".join([UCC_HEADER, *lines]) + "\n"


def refuses(path: Path, line: int | None, problem: str, format: str, **options) -> None:
    where = str(path) if line is None else f"{path}:{line}"
    with pytest.raises(TraceError, match=f"^{re.escape(where)}: .*{problem}.*; .+") as refusal:
        read_rate_trace(path, format, **options)
    assert (refusal.value.file, refusal.value.line) == (path, line)


# --- units: a megabit at 1 Mb/s takes a second (10^6 bits, not 2^20; bits, not bytes) ---


def test_a_megabit_at_a_megabit_a_second_takes_a_second(write) -> None:
    assert float(read_rate_trace(write("0\t1.0\n10\t1.0\n"), "cooked").elapsed_s(0.0, 1e6)) == 1.0
    thousand = write(ucc((0, 5, 1000, 2000), (9, 5, 1000, 2000)))
    assert float(read_rate_trace(thousand, "ucc5g", "downlink").elapsed_s(0.0, 1e6)) == 1.0
    assert float(read_rate_trace(thousand, "ucc5g", "uplink").elapsed_s(0.0, 1e6)) == 0.5
    # One packet of 1500 bytes each 12 ms is 12,000 bits / 0.012 s = 1 Mb/s.
    every_12_ms = write("".join(f"{12 * place}\n" for place in range(1, 1001)))
    assert read_rate_trace(every_12_ms, "mahimahi", bin_s=0.012).mean_rate_bps == pytest.approx(1e6, rel=1e-12)
    assert float(read_rate_trace(every_12_ms, "mahimahi", bin_s=0.012).elapsed_s(0.0, 1e6)) == pytest.approx(
        1, rel=1e-12
    )
    # Packet by packet 125,000 bytes are 84 packets of at most 1500 bytes: 84 x 12 ms.
    assert opportunities(every_12_ms).finish_s(0.0, 125_000) == 1.008


# --- mahimahi ---


def test_opportunities_of_one_millisecond_are_as_many_packets(write) -> None:
    recorded = opportunities(write("0\n5\n5\n10\n"))
    assert recorded.stamps_ms.tolist() == [0, 5, 5, 10]
    assert recorded.period_ms == 10
    assert recorded.mean_rate_bps == 4 * 12_000 / 0.010
    # Strictly after 0 come 5, 5, 10, and then 10 again, which is stamp 0 of the second pass, 15, 15, 20, 20.
    finishes = [recorded.finish_s(0.0, 1500 * packets) for packets in range(9)]
    assert finishes == [0.0, 0.005, 0.005, 0.010, 0.010, 0.015, 0.015, 0.020, 0.020]


def test_a_packet_takes_an_opportunity_whatever_its_size() -> None:
    recorded = Opportunities(np.array([5, 10, 20]))
    assert recorded.finish_s(0.0, 1) == recorded.finish_s(0.0, 1500) == 0.005
    assert recorded.finish_s(0.0, 1501) == 0.010
    assert recorded.finish_s(0.005, 1) == 0.010
    assert recorded.finish_s(0.0049, 1) == 0.005
    assert recorded.finish_s(0.3, 0) == 0.3


def replay(stamps: list[int], start_ms: int, packets: int) -> int:
    """Walk through passes over the recording, opportunity by opportunity."""
    instants = (turn * stamps[-1] + stamp for turn in count() for stamp in stamps)
    return next(islice((instant for instant in instants if instant > start_ms), packets - 1, None))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 300), st.integers(1, 100))
@settings(max_examples=150, deadline=None)
def test_finish_is_that_of_a_walk_through_the_opportunities(stamps: list[int], start_ms: int, packets: int) -> None:
    recorded = Opportunities(np.array([*sorted(stamps), 51]))
    expected = replay(recorded.stamps_ms.tolist(), start_ms, packets) / 1000
    assert recorded.finish_s(start_ms / 1000, packets * 1500) == expected


@given(st.lists(st.integers(0, 900), min_size=1, max_size=200), st.integers(1, 400))
@settings(max_examples=80, deadline=None)
def test_bins_conserve_all_bits_and_are_never_behind_by_more_than_a_bin(stamps: list[int], bin_ms: int) -> None:
    recorded = Opportunities(np.array([*sorted(stamps), 1000]))
    binned = recorded.rate_trace(bin_ms / 1000, "refuse")
    packets = recorded.stamps_ms.size
    assert binned.duration_s == 1.0
    assert binned.bits == pytest.approx(packets * 12_000, rel=1e-12)
    passed = np.array([np.count_nonzero(recorded.stamps_ms <= edge * 1000 + 1e-6) for edge in binned.times_s[1:]])
    assert binned.work_bits(0.0, binned.times_s[1:]) == pytest.approx(passed * 12_000.0, rel=1e-9, abs=1e-6)


def test_a_recording_that_may_not_loop_delivers_its_own_packets_only() -> None:
    recorded = Opportunities(np.array([5, 10]))
    assert recorded.finish_s(0.0, 3000, "refuse") == 0.010
    with pytest.raises(TraceEnded, match="the end of 3001 bytes sent from 0 s on lies beyond the recording"):
        recorded.finish_s(0.0, 3001, "refuse")
    with pytest.raises(TraceEnded, match="set at_end to 'loop'"):
        recorded.finish_s(0.010, 1, "refuse")


@pytest.mark.parametrize(("bin_s", "message"), [(0.0, "bin_s"), (0.0005, "whole milliseconds"), (1.0001, "whole")])
def test_bins_are_whole_milliseconds(write, bin_s: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_rate_trace(write("0\n5\n"), "mahimahi", bin_s=bin_s)


def test_too_many_bins_are_refused(write) -> None:
    with pytest.raises(ValueError, match="bins of 900000000000 ms: raise it"):
        read_rate_trace(write("0\n900000000000\n"), "mahimahi", bin_s=0.001)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("0\n5\nx\n", 3, "whole number of milliseconds of at most 12 digits, got 'x'"),
        ("0\n-5\n", 2, "whole number"),
        ("0\n5.5\n", 2, "whole number"),
        ("0\nnan\n", 2, "whole number"),
        ("0\n1234567890123\n", 2, "at most 12 digits"),
        ("0\n\u0665\n", 2, "whole number"),
        ("0\n9\n5\n", 3, "stamp 5 comes after 9"),
        ("0\n0\n", 2, "the last stamp is 0"),
        ("0\n\n5\n", 2, "empty line"),
    ],
)
def test_malformed_mahimahi(write, text: str, line: int, problem: str) -> None:
    refuses(write(text), line, problem, "mahimahi")


@pytest.mark.parametrize("stamps", [[], [0], [-1, 5], [5, 4], [[1, 2]]])
def test_impossible_opportunities(stamps: list) -> None:
    with pytest.raises(ValueError, match="stamps_ms must be one row"):
        Opportunities(np.array(stamps))


# --- cooked ---


def test_a_value_holds_until_the_next_stamp(write) -> None:
    recorded = read_rate_trace(write("2\t1.0\n4\t3.0\n5\t2.0\n"), "cooked")
    assert recorded.times_s.tolist() == [0.0, 2.0, 3.0]
    assert recorded.rates_bps.tolist() == [1e6, 3e6, 2e6]
    assert recorded.duration_s == 4.0


def test_a_value_holds_since_the_stamp_before_if_asked(write) -> None:
    recorded = read_rate_trace(write("2 1.0\r\n4 3.0\r\n5 2.0\r\n"), "cooked", holds="backward")
    assert recorded.times_s.tolist() == [0.0, 2.0]
    assert recorded.rates_bps.tolist() == [3e6, 2e6]
    assert recorded.duration_s == 3.0
    with pytest.raises(ValueError, match="holds must be one of forward, backward, got 'both'"):
        read_rate_trace(write("0 1\n1 1\n"), "cooked", holds="both")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("0\t1\n1\t2\t3\n", 2, "two columns wanted, seconds and rate in Mbit/s"),
        ("0\t1\n1\n", 2, "two columns"),
        ("0\t1\nx\t2\n", 2, "seconds must be a finite number, got 'x'"),
        ("0\t1\n1\tnan\n", 2, "rate in Mbit/s must be a finite number, got 'nan'"),
        ("0\t1\n1\tinf\n", 2, "finite number"),
        ("0\t1\n1\t1_0\n", 2, "finite number"),
        ("0\t1\n1\t-2\n", 2, "at least 0"),
        ("0\t1\n1\t1e300\n", 2, "at most 1e.09"),
        ("0\t1\n1\t-\n", 2, "finite number, got '-'"),
        ("-1\t1\n1\t1\n", 1, "seconds must be at least 0"),
        ("0\t1\n1\t1\n1\t1\n", 3, "1 s comes after 1 s"),
        ("0\t1\n2\t1\n1\t1\n", 3, "1 s comes after 2 s"),
        ("0\t1\n", 1, "one line tells no duration"),
        ("0\t0\n1\t0\n", None, "every rate is 0"),
        ("0\t1\n\n\n1\t1\n", 2, "empty line"),
    ],
)
def test_malformed_cooked(write, text: str, line: int | None, problem: str) -> None:
    refuses(write(text), line, problem, "cooked")


def test_cooked_snr(write) -> None:
    recorded = read_snr_trace(write("0\t10\n1\t-3.5\n3\t-\n4\t0\n"), "cooked", missing="hold")
    assert recorded.snr_db.tolist() == [10.0, -3.5, -3.5, 0.0]
    assert recorded.duration_s == 5.0
    path = write("0\t10\n1\t-\n")
    with pytest.raises(TraceError, match=re.escape(f"{path}:2: the SNR in dB is missing; set missing to 'hold'")):
        read_snr_trace(path, "cooked")


# --- UCC 5G ---


def test_repeated_stamps_share_the_time_until_the_next(write) -> None:
    # Three rows of second 0 share the two seconds until second 2; the last row lasts the logger's second.
    text = ucc((0, 1, 300, 3), (0, 2, 600, 6), (0, 3, 900, 9), (2, 4, 100, 1))
    recorded = log(write(text))
    assert recorded.times_s == pytest.approx(np.array([0, 2 / 3, 4 / 3, 2]), rel=1e-15)
    assert recorded.duration_s == 3.0
    assert recorded.rate_trace("downlink").rates_bps.tolist() == [3e5, 6e5, 9e5, 1e5]
    assert recorded.rate_trace("uplink").bits == pytest.approx((3 + 6 + 9) * 1000 * 2 / 3 + 1000, rel=1e-12)
    assert recorded.snr_trace().snr_db.tolist() == [1.0, 2.0, 3.0, 4.0]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_spread_stamps_stay_in_order_and_in_their_gap(stamps: list[int]) -> None:
    stamps_s = np.sort(np.array(stamps, dtype=float))
    times_s = spread(stamps_s, float(stamps_s[-1]) + 1.0)
    following = [min((other for other in stamps_s if other > stamp), default=stamps_s[-1] + 1) for stamp in stamps_s]
    assert np.all(np.diff(times_s) > 0)
    assert np.all((times_s >= stamps_s) & (times_s < following))


def test_columns_are_found_by_name_and_midnight_passes(write) -> None:
    header = "\ufeffUL_bitrate,Longitude,SNR,Timestamp,DL_bitrate"
    text = f"{header}\n1,9,2,2021.12.31_23.59.59,5\n1,9,2,2022.01.01_00.00.01,7\n"
    recorded = log(write(text))
    assert recorded.times_s.tolist() == [0.0, 2.0]
    assert recorded.rate_trace("downlink").rates_bps.tolist() == [5e3, 7e3]


def test_missing_values_are_refused_by_line_or_held(write) -> None:
    path = write(ucc((0, "-", 100, 1), (1, 5, "-", 1), (2, "-", 300, 1)))
    refuses(path, 3, "DL_bitrate is missing, here and in 0 more rows", "ucc5g", direction="downlink")
    assert read_rate_trace(path, "ucc5g", "downlink", missing="hold").rates_bps.tolist() == [1e5, 1e5, 3e5]
    with pytest.raises(TraceError, match=re.escape(f"{path}:2: SNR is missing, here and in 1 more rows; set missing")):
        read_snr_trace(path, "ucc5g")
    assert read_snr_trace(path, "ucc5g", "hold").snr_db.tolist() == [5.0, 5.0, 5.0]
    nowhere = write(ucc((0, "-", 100, 1), (1, "-", 100, 1)))
    with pytest.raises(TraceError, match="no row has a SNR"):
        read_snr_trace(nowhere, "ucc5g", "hold")


def test_the_log_of_two_directions_needs_one(write) -> None:
    path = write(ucc((0, 1, 100, 1), (1, 1, 100, 1)))
    for direction in (None, "down"):
        with pytest.raises(ValueError, match="direction must be one of downlink, uplink"):
            read_rate_trace(path, "ucc5g", direction)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (UCC_HEADER.replace("SNR", "SINR") + "\n", 1, "no column SNR in the header"),
        (UCC_HEADER + "\n", 1, "a header without rows"),
        (ucc((0, 1, 2, 3)) + "2021.01.01_00.00.01,5G,1,2\n", 3, "4 cells under 5 columns"),
        (ucc((0, 1, 2, 3), (1, 1, "x", 3)), 3, "DL_bitrate must be a finite number, got 'x'"),
        (ucc((0, 1, 2, 3), (1, 1, "", 3)), 3, "DL_bitrate must be a finite number, got ''"),
        (ucc((0, 1, 2, 3), (1, 1, -2, 3)), 3, "DL_bitrate must be at least 0"),
        (ucc((0, 1, 2, 3), (1, "nan", 2, 3)), 3, "SNR must be a finite number"),
        (ucc((0, 1, 2, 3), (1, 1000, 2, 3)), 3, "SNR must be at least -200 and at most 200"),
        (ucc((5, 1, 2, 3), (4, 1, 2, 3)), 3, "lies before the row above"),
        (ucc((0, 1, 2, 3)).replace("2021.01.01", "2021-01-01"), 2, "Timestamp must read like"),
        (ucc((0, 1, 2, 3)) + "a\rb,5G,1,2,3\n", 3, "Timestamp must read like"),
        (ucc((0, 1, 0, 3), (1, 1, 0, 3)), None, "every downlink rate is 0"),
    ],
)
def test_malformed_ucc5g(write, text: str, line: int | None, problem: str) -> None:
    refuses(write(text), line, problem, "ucc5g", direction="downlink")


# --- any format: foreign bytes in bounded memory and time ---


@pytest.mark.parametrize("format", sorted(READERS))
@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"", None, "the file is empty"),
        (b"\n\n\n", None, "the file is empty"),
        (b"\x1f\x8b\x08\x00\xff\xfe\n", 1, "not text"),
        (b"0\x001\n", 1, "not text .a NUL byte."),
        (b"1" * 5000, 1, "line of more than 4096 bytes"),
        (b"0" * 10_000_000, 1, "line of more than 4096 bytes"),
    ],
    ids=["empty", "blank", "binary", "nul", "long", "huge"],
)
def test_foreign_bytes_are_refused(write, format: str, data: bytes, line: int | None, problem: str) -> None:
    refuses(write(data), line, problem, format, direction="downlink")


@pytest.mark.parametrize("format", sorted(READERS))
def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, format: str) -> None:
    path = tmp_path / "huge.txt"
    path.touch()
    os.truncate(path, files.MAX_BYTES + 1)
    refuses(path, None, "more than 100000000 bytes", format, direction="downlink")
    refuses(tmp_path / "nowhere.txt", None, "no such file", format, direction="downlink")
    refuses(tmp_path, None, "no such file", format, direction="downlink")


def test_too_many_lines_are_refused(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINES", 3)
    assert read_rate_trace(write("1\n2\n3\n"), "mahimahi", bin_s=0.001).duration_s == 0.003
    refuses(write("1\n2\n3\n4\n"), 4, "more than 3 lines", "mahimahi")


@given(st.binary(max_size=200), st.sampled_from(sorted(READERS)))
@settings(max_examples=200, deadline=None)
def test_garbage_never_becomes_anything_but_a_recording_or_a_refusal(
    tmp_path_factory, data: bytes, format: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.txt"
    path.write_bytes(data)
    try:
        recorded = read_rate_trace(path, format, "downlink")
    except TraceError as refusal:
        assert str(path) in str(refusal)
    else:
        assert recorded.mean_rate_bps > 0


def test_empty_lines_may_end_a_file(write) -> None:
    assert read_rate_trace(write("0\t1\n1\t1\n\n \n"), "cooked").duration_s == 2.0


# --- by name ---


def test_readers_by_name(write) -> None:
    path = write("0\t1.0\n1\t2.0\n")
    with pytest.raises(ValueError, match="format must be one of mahimahi, ucc5g, cooked, got 'pcap'"):
        read_rate_trace(path, "pcap")
    with pytest.raises(ValueError, match=f"format must be one of {', '.join(SNR_READERS)}, got 'mahimahi'"):
        read_snr_trace(path, "mahimahi")
    assert read_rate_trace(path, "cooked", at_end="refuse").at_end == "refuse"
    with pytest.raises(ValueError, match="at_end must be one of"):
        read_rate_trace(path, "cooked", at_end="stop")


def test_a_list_of_files_is_dealt_in_turn(tmp_path: Path) -> None:
    paths = [tmp_path / f"{rate}.txt" for rate in (1, 2, 3)]
    for rate, path in enumerate(paths, start=1):
        path.write_text(f"0\t{rate}\n1\t{rate}\n", encoding="utf-8")
    dealt = read([str(path) for path in paths], "cooked", at_end="refuse")
    assert [dealt.of(client).mean_rate_bps for client in range(5)] == [1e6, 2e6, 3e6, 1e6, 2e6]
    assert dealt.of(4).at_end == "refuse"
    for nothing in ([], str(paths[0]), paths[0]):
        with pytest.raises(ValueError, match="files must be a list of at least one path"):
            read(nothing, "cooked")

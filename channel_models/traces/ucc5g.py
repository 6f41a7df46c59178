"""Logs of University College Cork's 5G measurements (Raca et al., MMSys 2020), one row about every second.

CSV with a header; of its columns are used ``Timestamp`` (local time, whole seconds), ``DL_bitrate`` and ``UL_bitrate``
(kbit/s, 1 kbit = 1000 bits) and ``SNR`` (dB). ``-`` is missing. The logger's seconds drift, so that stamps repeat and
leave out seconds: the rows of one stamp share the time until the next stamp evenly.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from channel_models.traces.files import TraceFile, shown
from channel_models.traces.rate_trace import AtEnd, RateTrace
from channel_models.traces.snr_trace import PLAUSIBLE_DB, Missing, SnrTrace, filled

BITS_PER_KBIT = 1000.0
RATE_COLUMNS = {"downlink": "DL_bitrate", "uplink": "UL_bitrate"}

_SAMPLE_S = 1.0
_RATE_KBPS = (0.0, 1e12)
_MISSING = "-"
_STAMP, _SNR = "Timestamp", "SNR"
_STAMP_FORMAT = "%Y.%m.%d_%H.%M.%S"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ucc5gLog:
    """A log as read, NaN where a value is missing.

    file: where it came from. lines: i64[n], line of each row. times_s: f64[n], since the first row, repeated stamps
    spread out. duration_s: a second (the logger's period) after the last stamp. columns: name -> f64[n] in the file's
    units (kbit/s, dB).
    """

    file: TraceFile
    lines: IntArray
    times_s: FloatArray
    duration_s: float
    columns: dict[str, FloatArray]

    def rate_trace(self, direction: str, missing: Missing = "refuse", at_end: AtEnd = "loop") -> RateTrace:
        """The rate of ``"downlink"`` or ``"uplink"``. Raises TraceError for a missing value that is not to be held."""
        rates_bps = self._column(RATE_COLUMNS[direction], missing) * BITS_PER_KBIT
        if not np.any(rates_bps > 0):
            raise self.file.refusal(None, f"every {direction} rate is 0", "give a log of a link that carries something")
        return RateTrace(times_s=self.times_s, rates_bps=rates_bps, duration_s=self.duration_s, at_end=at_end)

    def snr_trace(self, missing: Missing = "refuse") -> SnrTrace:
        """The SNR. Raises TraceError for a missing value that is not to be held."""
        return SnrTrace(times_s=self.times_s, snr_db=self._column(_SNR, missing), duration_s=self.duration_s)

    def _column(self, name: str, missing: Missing) -> FloatArray:
        values = self.columns[name]
        gaps = np.flatnonzero(np.isnan(values))
        if gaps.size == values.size:
            raise self.file.refusal(int(self.lines[0]), f"no row has a {name}", "give another log")
        if gaps.size and missing == "refuse":
            problem = f"{name} is missing, here and in {gaps.size - 1} more rows"
            raise self.file.refusal(int(self.lines[gaps[0]]), problem, "set missing to 'hold', or cut the rows off")
        return filled(values, missing)


def log(path: str | Path) -> Ucc5gLog:
    """Read a log. Raises TraceError for a header without the columns, a short row, a bad stamp or number, a stamp
    before its predecessor."""
    file = TraceFile(Path(path))
    names = (*RATE_COLUMNS.values(), _SNR)
    lines, stamps_s = array("q"), array("d")
    columns = {name: array("d") for name in names}
    for line, row in _rows(file, (_STAMP, *names)):
        lines.append(line)
        stamps_s.append(_stamp_s(file, line, row[_STAMP]))
        if len(stamps_s) > 1 and stamps_s[-1] < stamps_s[-2]:
            raise file.refusal(line, f"stamp {shown(row[_STAMP])} lies before the row above", "sort the rows by time")
        for name in names:
            columns[name].append(_value(file, line, row[name], name))
    if not lines:
        raise file.refusal(1, "a header without rows", "give a log with rows")
    duration_s = stamps_s[-1] - stamps_s[0] + _SAMPLE_S
    times_s = spread(np.array(stamps_s) - stamps_s[0], duration_s)
    return Ucc5gLog(file, np.array(lines), times_s, duration_s, {name: np.array(columns[name]) for name in names})


def spread(stamps_s: FloatArray, duration_s: float) -> FloatArray:
    """Times of rows whose stamps repeat: k rows of one stamp begin at equal distances until the next stamp."""
    begins_s, first, counts = np.unique(stamps_s, return_index=True, return_counts=True)
    step_s = np.diff(begins_s, append=duration_s) / counts
    place = np.arange(stamps_s.size) - np.repeat(first, counts)
    return stamps_s + place * np.repeat(step_s, counts)


def rate_trace(
    path: str | Path, *, direction: str | None = None, at_end: AtEnd = "loop", missing: Missing = "refuse"
) -> RateTrace:
    """The rate of one direction of a log. Raises ValueError unless direction is ``"downlink"`` or ``"uplink"``."""
    if direction not in RATE_COLUMNS:
        raise ValueError(f"direction must be one of {', '.join(RATE_COLUMNS)}: the log holds both, got {direction!r}")
    return log(path).rate_trace(direction, missing, at_end)


def snr_trace(path: str | Path, *, missing: Missing = "refuse") -> SnrTrace:
    """The SNR of a log."""
    return log(path).snr_trace(missing)


def _rows(file: TraceFile, wanted: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, column -> text) of each row below the header."""
    header: list[str] = []
    for line, text in file.lines():
        cells = [cell.strip() for cell in text.split(",")]
        if not header:
            header = _header(file, line, cells, wanted)
            continue
        if len(cells) != len(header):
            raise file.refusal(line, f"{len(cells)} cells under {len(header)} columns", "correct or remove the row")
        yield line, dict(zip(header, cells, strict=True))


def _header(file: TraceFile, line: int, cells: list[str], wanted: tuple[str, ...]) -> list[str]:
    gone = [name for name in wanted if name not in cells]
    if gone:
        raise file.refusal(
            line, f"no column {', '.join(gone)} in the header", "give the log with its header as published"
        )
    return cells


def _stamp_s(file: TraceFile, line: int, text: str) -> float:
    try:
        return (datetime.strptime(text, _STAMP_FORMAT) - datetime.min).total_seconds()
    except ValueError as bad:
        problem = f"{_STAMP} must read like 2020.02.27_20.35.57, got {shown(text)}"
        raise file.refusal(line, problem, "correct or remove the row") from bad


def _value(file: TraceFile, line: int, text: str, name: str) -> float:
    bounds = PLAUSIBLE_DB if name == _SNR else _RATE_KBPS
    return float("nan") if text == _MISSING else file.number(line, text, name, *bounds)

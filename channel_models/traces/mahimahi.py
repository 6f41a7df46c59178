"""Packet-delivery recordings of mahimahi's link emulator (Netravali et al., USENIX ATC 2015).

A line is a whole number of milliseconds at which one packet of 1500 bytes may pass; equal lines are as many packets.
The last line is the period of the looped recording. One file is one direction.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import floor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from channel_models.traces.errors import TraceEnded
from channel_models.traces.files import TraceFile, shown
from channel_models.traces.rate_trace import MAX_PIECES, AtEnd, RateTrace, check_at_end
from channel_models.validation import count, non_negative, positive

PACKET_BYTES = 1500
PACKET_BITS = 8 * PACKET_BYTES

_MS_PER_S = 1000
_MOST_DIGITS = 12

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Opportunities:
    """The instants at which a packet of at most 1500 bytes may pass.

    stamps_ms: i64[n], not decreasing, the last one above 0: the period. Raises ValueError otherwise.
    """

    stamps_ms: IntArray

    def __post_init__(self) -> None:
        stamps = np.array(self.stamps_ms, dtype=np.int64)
        if stamps.ndim != 1 or not stamps.size or stamps[0] < 0 or stamps[-1] == 0 or np.any(np.diff(stamps) < 0):
            raise ValueError("stamps_ms must be one row of numbers >= 0, not decreasing, the last one above 0")
        stamps.setflags(write=False)
        object.__setattr__(self, "stamps_ms", stamps)

    @property
    def period_ms(self) -> int:
        """The last stamp, after which a looped recording begins anew."""
        return int(self.stamps_ms[-1])

    @property
    def mean_rate_bps(self) -> float:
        """Bits of all opportunities by the period [b/s]."""
        return self.stamps_ms.size * PACKET_BITS * _MS_PER_S / self.period_ms

    def finish_s(self, start_s: float, payload_bytes: int, at_end: AtEnd = "loop") -> float:
        """When the last byte of a payload sent from start on has passed, packet by packet as mahimahi delivers.

        The payload takes ceil(bytes / 1500) opportunities strictly after start; what the last one could have carried
        beyond is lost. No bytes finish at the start. Raises TraceEnded beyond the end of a recording that is not
        looped.
        """
        check_at_end(at_end)
        packets = -(-count("payload_bytes", payload_bytes) // PACKET_BYTES)
        last = self._passed(non_negative("start_s", start_s)) + packets - 1
        if at_end == "refuse" and (last >= self.stamps_ms.size or start_s * _MS_PER_S >= self.period_ms):
            raise TraceEnded(f"the end of {payload_bytes} bytes sent from {start_s:g} s on", self.period_ms / _MS_PER_S)
        return self._time_s(last) if packets else start_s

    def rate_trace(self, bin_s: float = 0.1, at_end: AtEnd = "loop") -> RateTrace:
        """The rate by bins (whole milliseconds): all bits of a pass are conserved, their instants within a bin are not.

        Bin k holds the stamps of (k bin, (k+1) bin], the first one stamp 0 as well; the last one is cut at the period.
        """
        bin_ms = self._bin_ms(bin_s)
        edges_ms = np.append(np.arange(0, self.period_ms, bin_ms), self.period_ms)
        passed = np.searchsorted(self.stamps_ms, edges_ms, side="right")
        passed[0] = 0
        rates_bps = np.diff(passed) * PACKET_BITS / (np.diff(edges_ms) / _MS_PER_S)
        duration_s = self.period_ms / _MS_PER_S
        return RateTrace(times_s=edges_ms[:-1] / _MS_PER_S, rates_bps=rates_bps, duration_s=duration_s, at_end=at_end)

    def _bin_ms(self, bin_s: float) -> int:
        bin_ms = round(positive("bin_s", bin_s) * _MS_PER_S)
        if not bin_ms or bin_ms / _MS_PER_S != bin_s:
            raise ValueError(f"bin_s must be whole milliseconds (the stamps are), got {bin_s!r}")
        if self.period_ms / bin_ms > MAX_PIECES:
            raise ValueError(f"bin_s = {bin_s:g} makes more than {MAX_PIECES} bins of {self.period_ms} ms: raise it")
        return bin_ms

    def _time_s(self, opportunity: int) -> float:
        turn, place = divmod(opportunity, self.stamps_ms.size)
        return (turn * self.period_ms + int(self.stamps_ms[place])) / _MS_PER_S

    def _passed(self, time_s: float) -> int:
        """Opportunities up to and at a time, compared as seconds so that a finish is a fit start."""
        time_ms = floor(time_s * _MS_PER_S)
        time_ms += ((time_ms + 1) / _MS_PER_S <= time_s) - (time_ms / _MS_PER_S > time_s)
        turn, phase_ms = divmod(time_ms, self.period_ms)
        return turn * self.stamps_ms.size + int(np.searchsorted(self.stamps_ms, phase_ms, side="right"))


def opportunities(path: str | Path) -> Opportunities:
    """Read a recording. Raises TraceError for a line that is no whole number or falls, and for a last stamp of 0."""
    file = TraceFile(Path(path))
    stamps, line = array("q", [0]), 0
    for line, text in file.lines():
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            problem = (
                f"a stamp must be a whole number of milliseconds of at most {_MOST_DIGITS} digits, got {shown(text)}"
            )
            raise file.refusal(line, problem, "correct or remove the line")
        if int(text) < stamps[-1]:
            raise file.refusal(line, f"stamp {text} comes after {stamps[-1]}", "sort the lines by time")
        stamps.append(int(text))
    if stamps[-1] == 0:
        raise file.refusal(line, "the last stamp is 0, which leaves no period", "end the file with its period")
    return Opportunities(np.array(stamps[1:], dtype=np.int64))


def rate_trace(
    path: str | Path, *, direction: str | None = None, at_end: AtEnd = "loop", bin_s: float = 0.1
) -> RateTrace:
    """The rate of a recording by bins of bin_s; direction is what the caller uses the file for, and changes nothing."""
    return opportunities(path).rate_trace(bin_s, at_end)

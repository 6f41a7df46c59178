"""A recorded rate over time, its integral W and the inverse of W.

The rate is constant on pieces; a looped recording repeats with its duration as period. Whatever lasts is counted in
seconds since its start, and the place of a start within the recording is an exact remainder, so that nothing is lost
at late simulated times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, fmod, isfinite
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.traces.errors import TraceEnded
from channel_models.validation import finite, non_negative, positive

FloatArray = NDArray[np.float64]
AtEnd = Literal["loop", "refuse"]

MAX_PIECES = 2**25


@dataclass(frozen=True, eq=False, kw_only=True)
class RateTrace:
    """Piecewise-constant rate from time 0 on.

    times_s: f64[K], where the pieces begin: 0 first, increasing. rates_bps: f64[K], bits a second on each (0 is an
    outage). duration_s: where the last piece ends. at_end: ``"loop"`` repeats for ever, ``"refuse"`` raises TraceEnded
    for whatever lies beyond. Raises ValueError for other arrays, and for a recording that never carries a bit.
    """

    times_s: FloatArray
    rates_bps: FloatArray
    duration_s: float
    at_end: AtEnd = "loop"

    def __post_init__(self) -> None:
        object.__setattr__(self, "times_s", frozen_array("times_s", self.times_s))
        object.__setattr__(self, "rates_bps", frozen_array("rates_bps", self.rates_bps))
        positive("duration_s", self.duration_s)
        check_at_end(self.at_end)
        check_pieces(self.times_s, self.rates_bps, self.duration_s)
        if not (np.all(self.rates_bps >= 0) and self.bits > 0):
            raise ValueError("rates_bps must be at least 0 and somewhere above: a link that never carries is none")

    @property
    def bits(self) -> float:
        """Bits that one pass over the recording carries."""
        return float(self._edge_bits[-1])

    @property
    def mean_rate_bps(self) -> float:
        """Time average of the rate over one pass [b/s]."""
        return self.bits / self.duration_s

    def rate_bps(self, time_s: ArrayLike) -> FloatArray:
        """Rate at given times (>= 0, any shape); at an edge that of the piece that begins there."""
        times_s = np.asarray(time_s, dtype=np.float64)
        if not np.all((times_s >= 0) & np.isfinite(times_s)):
            raise ValueError(f"time_s must be finite and at least 0, got {time_s!r}")
        if self.at_end == "refuse" and np.any(times_s >= self.duration_s):
            raise TraceEnded(f"time {float(np.max(times_s)):g} s", self.duration_s)
        piece = np.searchsorted(self.times_s, np.fmod(times_s, self.duration_s), side="right") - 1
        return np.asarray(self.rates_bps[piece])

    def stretch(self, start_s: float, stop_s: float) -> tuple[FloatArray, FloatArray]:
        """The pieces between two times: edges f64[K+1] in seconds SINCE start (0 .. stop - start) and rates f64[K].

        Raises TraceEnded beyond the end of a recording that is not looped, ValueError unless 0 <= start < stop and
        for more than 2**25 pieces.
        """
        return self._pieces(self._phase_s(start_s), positive("stop_s - start_s", stop_s - start_s))

    def starting_at(self, offset_s: float) -> RateTrace:
        """The same recording entered at an offset: looped, a rotation; not looped, what is left of it."""
        phase_s = self._phase_s(offset_s)
        duration_s = self.duration_s if self.at_end == "loop" else self.duration_s - phase_s
        edges_s, rates_bps = self._pieces(phase_s, duration_s)
        return replace(self, times_s=edges_s[:-1], rates_bps=rates_bps, duration_s=duration_s)

    def work_bits(self, start_s: float, elapsed_s: ArrayLike) -> FloatArray:
        """W: the bits carried within given seconds (>= 0, any shape) since start."""
        phase_s = self._phase_s(start_s)
        lengths_s = np.asarray(elapsed_s, dtype=np.float64)
        if not np.all((lengths_s >= 0) & np.isfinite(lengths_s)):
            raise ValueError(f"elapsed_s must be finite and at least 0, got {elapsed_s!r}")
        self._refuse_beyond(phase_s, float(np.max(lengths_s, initial=0.0)))
        piece, left_s, left_bits = self._rest_of_piece(phase_s)
        beyond_s = np.maximum(lengths_s - left_s, 0.0) + self._edges_s[piece + 1]
        turns = np.floor(beyond_s / self.duration_s)
        beyond_bits = turns * self.bits + self._bits_until(beyond_s - turns * self.duration_s)
        later_bits = left_bits + (beyond_bits - self._edge_bits[piece + 1])
        return np.where(lengths_s <= left_s, self.rates_bps[piece] * lengths_s, later_bits)

    def elapsed_s(self, start_s: float, bits: ArrayLike) -> FloatArray:
        """The inverse of W: the first seconds since start at which so many bits (>= 0, any shape) are carried.

        Raises TraceEnded if a recording that is not looped ends before.
        """
        phase_s = self._phase_s(start_s)
        wanted = np.asarray(bits, dtype=np.float64)
        if not np.all((wanted >= 0) & np.isfinite(wanted)):
            raise ValueError(f"bits must be finite and at least 0, got {bits!r}")
        piece, left_s, left_bits = self._rest_of_piece(phase_s)
        self._refuse_too_many(float(np.max(wanted, initial=0.0)), left_bits, piece)
        beyond_s = self._time_of(np.maximum(wanted - left_bits, 0.0) + self._edge_bits[piece + 1])
        later_s = left_s + np.maximum(beyond_s - self._edges_s[piece + 1], 0.0)
        here_s = np.divide(wanted, self.rates_bps[piece], out=np.zeros_like(wanted), where=self.rates_bps[piece] > 0)
        return np.where(wanted <= left_bits, here_s, later_s)

    def finish_s(self, start_s: float, bits: ArrayLike) -> FloatArray:
        """The times at which so many bits, sent from start on, have arrived: start + elapsed."""
        return start_s + self.elapsed_s(start_s, bits)

    def _pieces(self, phase_s: float, length_s: float) -> tuple[FloatArray, FloatArray]:
        self._refuse_beyond(phase_s, length_s)
        turns = ceil((phase_s + length_s) / self.duration_s)
        if turns * self.times_s.size > MAX_PIECES:
            raise ValueError(f"stop_s - start_s = {length_s:g} s spans more than {MAX_PIECES} pieces: ask for less")
        begins_s = (self.times_s + np.arange(turns)[:, None] * self.duration_s - phase_s).ravel()
        rates_bps = np.tile(self.rates_bps, turns)
        first = int(np.searchsorted(begins_s, 0.0, side="right")) - 1
        stop = int(np.searchsorted(begins_s, length_s, side="left"))
        return np.concatenate(([0.0], begins_s[first + 1 : stop], [length_s])), rates_bps[first:stop]

    @cached_property
    def _edges_s(self) -> FloatArray:
        return np.append(self.times_s, self.duration_s)

    @cached_property
    def _edge_bits(self) -> FloatArray:
        return np.concatenate(([0.0], np.cumsum(self.rates_bps * np.diff(self._edges_s))))

    def _phase_s(self, time_s: float) -> float:
        """The place of a time within the recording: an exact remainder."""
        if non_negative("time_s", time_s) >= self.duration_s and self.at_end == "refuse":
            raise TraceEnded(f"time {time_s:g} s", self.duration_s)
        return fmod(time_s, self.duration_s)

    def _rest_of_piece(self, phase_s: float) -> tuple[int, float, float]:
        """Number of the piece at a phase, seconds and bits left in it."""
        piece = int(np.searchsorted(self.times_s, phase_s, side="right")) - 1
        left_s = float(self._edges_s[piece + 1]) - phase_s
        return piece, left_s, left_s * float(self.rates_bps[piece])

    def _bits_until(self, phase_s: FloatArray) -> FloatArray:
        return np.interp(phase_s, self._edges_s, self._edge_bits)

    def _time_of(self, bits: FloatArray) -> FloatArray:
        """Seconds since time 0 at which so many bits are done, earliest first; whole passes are counted off."""
        turns = np.maximum(np.ceil(bits / self.bits) - 1.0, 0.0) if self.at_end == "loop" else 0.0
        rest = np.clip(bits - turns * self.bits, 0.0, self.bits)
        piece = np.maximum(np.searchsorted(self._edge_bits, rest, side="left") - 1, 0)
        missing = rest - self._edge_bits[piece]
        rate_bps = self.rates_bps[piece]
        inside_s = np.divide(missing, rate_bps, out=np.zeros_like(missing), where=rate_bps > 0)
        return turns * self.duration_s + np.minimum(self._edges_s[piece] + inside_s, self._edges_s[piece + 1])

    def _refuse_beyond(self, phase_s: float, length_s: float) -> None:
        """Half an ulp is granted, since start + (stop - start) need not be stop."""
        end_s = phase_s + length_s
        if self.at_end == "refuse" and end_s > np.nextafter(self.duration_s, np.inf):
            raise TraceEnded(f"time {end_s:g} s", self.duration_s)

    def _refuse_too_many(self, bits: float, left_bits: float, piece: int) -> None:
        rest = left_bits + (self.bits - float(self._edge_bits[piece + 1]))
        if self.at_end == "refuse" and bits > rest:
            raise TraceEnded(f"the end of {bits:.0f} bits, {rest:.0f} of which can be carried,", self.duration_s)


def frozen_array(name: str, values: ArrayLike) -> FloatArray:
    """A read-only f64[K] copy. Raises ValueError for another shape, no entries and more than 2**25."""
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1 or not 0 < array.size <= MAX_PIECES:
        raise ValueError(f"{name} must be one row of 1 to {MAX_PIECES} numbers, got the shape {array.shape}")
    array.setflags(write=False)
    return array


def check_at_end(at_end: str) -> None:
    """Raises ValueError for a word that is not a choice at the end of a recording."""
    if at_end not in get_args(AtEnd):
        raise ValueError(f"at_end must be one of {', '.join(get_args(AtEnd))}, got {at_end!r}")


def check_pieces(times_s: FloatArray, values: FloatArray, duration_s: float) -> None:
    """Raises ValueError unless times begin at 0, increase, stay below the duration; values are as many and finite."""
    if times_s.size != values.size:
        raise ValueError(f"there are {times_s.size} times for {values.size} values: give one for each")
    if times_s[0] != 0.0 or not np.all(np.diff(times_s, append=duration_s) > 0) or not isfinite(duration_s):
        raise ValueError(f"times_s must be 0 first, increase, and stay below duration_s = {duration_s:g}")
    finite("the sum of all values", float(np.sum(np.abs(values))))

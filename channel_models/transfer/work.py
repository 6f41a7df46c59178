"""The work function of a link, W(t) = integral of rate x airtime, and the inverse of it.

Within a segment the rate is constant, so W is piecewise linear and the end of a transfer of S bits that starts at t0 is
W^-1(W(t0) + S): exact, whatever the instants at which the transfer is cut, held up, moved to another link and resumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, isfinite, isinf
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.loss.loss_map import Reception
from channel_models.transfer.profile import Profile, Segments, block_of
from channel_models.validation import non_negative, positive

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Span = tuple[float, float]

MAX_BLOCKS = 2**25
_LEAST_GROWTH_BLOCKS = 8
_LEAST_GROWTH = 0.25
_MANY_BLOCKS = 10_000
_FEW = 64


class LinkStalled(RuntimeError):  # noqa: N818
    """A link is too bad to finish a transfer within the time allowed."""


class Exposure(NamedTuple):
    """What spans of a transfer come to on the air.

    on_air_s: seconds on air; full_power_s: seconds at full power that radiate as much; mean_snr: average of the linear
    SINR over the time on air (the value at the start if there is none).
    """

    on_air_s: float
    full_power_s: float
    mean_snr: float


@dataclass(frozen=True)
class _Epoch:
    """From segment ``first`` on, the link is ``profile``."""

    first: int
    profile: Profile


class Work:
    """W(t) - W(start) in bits and its inverse, for t >= start; blocks are drawn as far as they are asked for.

    Times inside are relative to the start, so that nothing is lost at late simulated times. Sums run from segment to
    segment, so that no answer depends on what was asked before.
    """

    def __init__(self, profile: Profile, start_s: float, max_transfer_s: float = 1e6) -> None:
        self.start_s = non_negative("start_s", start_s)
        self.max_transfer_s = positive("max_transfer_s", max_transfer_s)
        self.profile = profile
        self._epochs = [_Epoch(0, profile)]
        self._next_block = block_of(profile, start_s)
        self._snr = self._rate_bps = self._airtime = np.empty(0)
        self._edges_s = self._edge_bits = np.zeros(1)

    def switch(self, time_s: float, profile: Profile) -> None:
        """From an absolute time on the link is another; what was before stays as it was.

        Raises ValueError for a time before the start or before an earlier switch.
        """
        elapsed_s = time_s - self.start_s
        if not elapsed_s >= self._edges_s[self._epochs[-1].first]:
            raise ValueError(f"a link cannot be switched at {time_s} s, before it was last switched")
        self._reach_time(elapsed_s)
        self._cut(elapsed_s)
        self._epochs.append(_Epoch(self._snr.size, profile))
        self.profile = profile
        self._next_block = block_of(profile, time_s)

    def work_bits(self, time_s: ArrayLike) -> FloatArray:
        """Bits that the link carries between start and the given absolute times (not before start)."""
        elapsed_s = np.asarray(time_s, dtype=np.float64) - self.start_s
        if np.any(elapsed_s < 0):
            raise ValueError(f"work is defined from {self.start_s} s on, got {time_s!r}")
        return self.bits_after(elapsed_s)

    def bits_after(self, elapsed_s: ArrayLike) -> FloatArray:
        """Bits that the link carries in the given seconds from start."""
        elapsed = np.asarray(elapsed_s, dtype=np.float64)
        self._reach_time(float(np.max(elapsed, initial=0.0)))
        at = self._edges_s[1:].searchsorted(elapsed)
        return self._edge_bits[at] + self._rate_bps[at] * self._airtime[at] * (elapsed - self._edges_s[at])

    def time_of(self, bits: ArrayLike) -> FloatArray:
        """Absolute times at which so many bits have been carried since start: W^-1(W(start) + bits)."""
        return self.start_s + self.locate(bits)[0]

    def locate(self, bits: ArrayLike) -> tuple[FloatArray, IntArray]:
        """Seconds since start at which so many bits are done, and the numbers of the segments they end in.

        A number of bits that is done exactly at an edge ends in the segment before it.
        Raises LinkStalled if that takes longer than max_transfer_s, ValueError for negative bits.
        """
        wanted = np.asarray(bits, dtype=np.float64)
        if not np.all(wanted >= 0):
            raise ValueError(f"bits must be at least 0, got {bits!r}")
        largest = float(np.max(wanted, initial=0.0))
        self._reach_bits(largest)
        at = self._edge_bits[1:].searchsorted(wanted, side="left")
        rate_bps = self._rate_bps[at] * self._airtime[at]
        missing = wanted - self._edge_bits[at]
        inside_s = np.divide(missing, rate_bps, out=np.zeros_like(missing), where=rate_bps > 0)
        elapsed_s = np.minimum(self._edges_s[at] + inside_s, self._edges_s[at + 1])
        self.check_duration(float(np.max(elapsed_s, initial=0.0)), largest)
        return elapsed_s, at

    def elapsed_s(self, bits: float) -> float:
        """``locate`` for one number: seconds since start at which so many bits are done."""
        self._reach_bits(bits)
        at = int(self._edge_bits[1:].searchsorted(bits))
        rate_bps = float(self._rate_bps[at] * self._airtime[at])
        inside_s = (bits - float(self._edge_bits[at])) / rate_bps if rate_bps > 0 else 0.0
        elapsed_s = min(float(self._edges_s[at]) + inside_s, float(self._edges_s[at + 1]))
        self.check_duration(elapsed_s, bits)
        return elapsed_s

    def segments(self, bits: FloatArray) -> IntArray:
        """``locate`` for the segments alone, of ascending numbers of bits (at least one), f64[n]."""
        last_bits = float(bits[-1])
        self._reach_bits(last_bits)
        if bits.size < _FEW:
            return self._edge_bits[1:].searchsorted(bits)
        # Fewer segments than packets: look the edges up among the packets, not the packets among the edges.
        last = int(self._edge_bits[1:].searchsorted(last_bits))
        done = np.empty(last + 2, dtype=np.int64)
        done[0], done[-1] = 0, bits.size
        done[1:-1] = bits.searchsorted(self._edge_bits[1 : last + 1], side="right")
        return np.arange(last + 1).repeat(done[1:] - done[:-1])

    def reception(self, segments: IntArray, bits: FloatArray | float) -> Reception:
        """What packets of so many bits meet that end in these segments."""
        snr, rate_bps = self._snr[segments], self._rate_bps[segments]
        if len(self._epochs) == 1:
            profile = self.profile
            return Reception(snr, profile.mean_snr * profile.allocation.snr, rate_bps / profile.band_hz, bits)
        epoch = self._epoch_of(segments)
        mean_snr = np.array([e.profile.mean_snr * e.profile.allocation.snr for e in self._epochs])
        band_hz = np.array([e.profile.band_hz for e in self._epochs])
        return Reception(snr, mean_snr[epoch], rate_bps / band_hz[epoch], bits)

    @property
    def collides(self) -> bool:
        """Whether others may spoil a packet, on any of the links so far."""
        return any(epoch.profile.allocation.collision > 0.0 for epoch in self._epochs)

    def collision(self, segments: IntArray) -> FloatArray:
        """Probability f64[n] that others spoil packets that end in these segments."""
        return np.array([e.profile.allocation.collision for e in self._epochs])[self._epoch_of(segments)]

    def reached(self, bits: float) -> tuple[Segments, FloatArray]:
        """The segments drawn so far, at least up to so many bits, and the bits f64[K + 1] done at their edges; ends
        in seconds since start."""
        self._reach_bits(bits)
        return Segments(self._edges_s[1:], self._snr, self._rate_bps, self._airtime), self._edge_bits

    def exposure(self, spans: Sequence[Span]) -> Exposure:
        """What the transfer radiates and meets in spans [from, to) of seconds since start, apart from each other."""
        lengths_s = self._on_air_lengths(spans)
        total_s = in_order(lengths_s)
        return Exposure(total_s, self._at_full_power(lengths_s, total_s), self._mean_snr(lengths_s, total_s))

    def mean_snr(self, elapsed_s: float) -> float:
        """Average of the linear SINR over the time on air in the given seconds from start (at 0 s: at the start)."""
        return self.exposure(((0.0, elapsed_s),)).mean_snr

    @property
    def rate_at_start_bps(self) -> float:
        """Rate at the very start [b/s]."""
        first = self._first()
        return float(self._rate_bps[first] * self._airtime[first])

    def _first(self) -> int:
        """Number of the segment that the transfer starts in."""
        while self._edges_s[-1] <= 0.0:
            self._grow(self._blocks_in(0.0))
        return int(self._edges_s[1:].searchsorted(0.0, side="right"))

    def _mean_snr(self, lengths_s: FloatArray, total_s: float) -> float:
        if total_s == 0.0:
            return float(self._snr[self._first()])
        return in_order(self._snr[: lengths_s.size] * lengths_s) / total_s

    def _at_full_power(self, lengths_s: FloatArray, total_s: float) -> float:
        if len(self._epochs) == 1:
            return self.profile.allocation.power * total_s
        power = np.array([e.profile.allocation.power for e in self._epochs])
        return in_order(lengths_s * power[self._epoch_of(np.arange(lengths_s.size))])

    def _on_air_lengths(self, spans: Sequence[Span]) -> FloatArray:
        """Seconds on air within the spans, segment by segment."""
        stop_s = max((stop for _, stop in spans), default=0.0)
        self._reach_time(stop_s)
        last = int(self._edges_s[1:].searchsorted(stop_s))
        edges_s = self._edges_s[: last + 2]
        lengths_s = np.zeros(last + 1)
        for start, stop in spans:
            cuts_s = np.minimum(np.maximum(edges_s, start), stop)
            lengths_s += cuts_s[1:] - cuts_s[:-1]
        return lengths_s * self._airtime[: last + 1]

    def _epoch_of(self, segments: IntArray) -> IntArray:
        firsts = np.array([epoch.first for epoch in self._epochs])
        return firsts.searchsorted(segments, side="right") - 1

    def _reach_bits(self, bits: float) -> None:
        if self._snr.size and self._edge_bits[-1] >= bits:
            return
        self._refuse_hopeless(bits)
        while self._snr.size == 0 or self._edge_bits[-1] < bits:
            self.check_duration(float(self._edges_s[-1]), bits)
            missing, rate_bps = bits - float(self._edge_bits[-1]), self.profile.mean_rate_bps
            self._grow(self._blocks_in(1.3 * missing / rate_bps if missing > 0 and rate_bps > 0 else 0.0))

    def _reach_time(self, elapsed_s: float) -> None:
        """Not beyond: a recording may end there."""
        while self._snr.size == 0 or self._edges_s[-1] < elapsed_s:
            self._grow(self._blocks_in(elapsed_s - float(self._edges_s[-1])))

    def _blocks_in(self, seconds: float) -> int:
        horizon_blocks = 1.0 + self.max_transfer_s / self.profile.block_s
        blocks = max(min(seconds / self.profile.block_s, horizon_blocks), _LEAST_GROWTH * self._snr.size)
        most_blocks = max(self.profile.blocks_ahead, _LEAST_GROWTH * self._snr.size)
        return int(min(ceil(blocks) + _LEAST_GROWTH_BLOCKS, most_blocks))

    def _grow(self, count: int) -> None:
        """Append ``count`` blocks (one if the channel never changes)."""
        count = 1 if isinf(self.profile.block_s) else count
        if self._snr.size + count > MAX_BLOCKS:
            raise LinkStalled(f"{self.profile.label} needs more than {MAX_BLOCKS} blocks of {self.profile.block_s:g} s")
        self._append(self.profile.stretch(self._next_block, count, self.start_s))
        self._next_block += count

    def _append(self, segments: Segments) -> None:
        edges_s = np.concatenate((self._edges_s[-1:], segments.ends_s))
        np.maximum(edges_s, edges_s[0], out=edges_s)
        bits = np.concatenate((self._edge_bits[-1:], carried_bits(edges_s, segments.rate_bps * segments.airtime)))
        bits = bits.cumsum()
        if self._snr.size == 0:
            self._snr, self._rate_bps, self._airtime = segments.snr, segments.rate_bps, segments.airtime
            self._edges_s, self._edge_bits = edges_s, bits
            return
        self._snr = np.concatenate((self._snr, segments.snr))
        self._rate_bps = np.concatenate((self._rate_bps, segments.rate_bps))
        self._airtime = np.concatenate((self._airtime, segments.airtime))
        self._edges_s = np.concatenate((self._edges_s, edges_s[1:]))
        self._edge_bits = np.concatenate((self._edge_bits, bits[1:]))

    def _cut(self, elapsed_s: float) -> None:
        """Forget what lies after a time."""
        bits = float(self.bits_after(elapsed_s))
        keep = int(self._edges_s[1:].searchsorted(elapsed_s)) + 1 if elapsed_s > 0 else 0
        self._snr, self._rate_bps, self._airtime = self._snr[:keep], self._rate_bps[:keep], self._airtime[:keep]
        self._edges_s = np.append(self._edges_s[:keep], elapsed_s) if keep else np.zeros(1)
        self._edge_bits = np.append(self._edge_bits[:keep], bits) if keep else np.zeros(1)

    def _refuse_hopeless(self, bits: float) -> None:
        """With very many blocks the mean rate decides (to 1 % or better): do not draw them all. Where the mean SNR
        changes on the way (few blocks may be looked at ahead), the rate at the start says nothing of the end."""
        if isfinite(self.profile.blocks_ahead):
            return
        rate_bps, missing = self.profile.mean_rate_bps, bits - float(self._edge_bits[-1])
        if rate_bps == 0.0 and missing > 0:
            self.check_duration(inf, bits)
        horizon_blocks = self.max_transfer_s / self.profile.block_s
        if horizon_blocks > _MANY_BLOCKS and missing > 2.0 * rate_bps * self.max_transfer_s:
            self.check_duration(missing / rate_bps, bits)

    def check_duration(self, elapsed_s: float, bits: float) -> None:
        """Raises LinkStalled if so many bits take longer than max_transfer_s."""
        if elapsed_s > self.max_transfer_s:
            raise LinkStalled(
                f"{self.profile.label} does not carry {bits:.0f} bits within max_transfer_s = "
                f"{self.max_transfer_s:g} s: raise the SNR or the bandwidth, or send less"
            )


def in_order(values: FloatArray) -> float:
    """The sum of f64[n], n > 0, from the first to the last: zeros behind it change nothing, nor do rows beside it."""
    return float(values.cumsum()[-1])


def carried_bits(edges_s: FloatArray, flow_bps: FloatArray) -> FloatArray:
    """Bits f64[..., K] carried between edges f64[..., K + 1]; a link that carries nothing for ever carries none."""
    lengths_s = edges_s[..., 1:] - edges_s[..., :-1]
    if isinf(edges_s.flat[-1]):
        return np.multiply(flow_bps, lengths_s, out=np.zeros_like(flow_bps), where=flow_bps > 0)
    return flow_bps * lengths_s

"""The work function of a block-fading link, W(t) = integral of its rate, and the inverse of it.

The rate is constant within coherence block b, which spans [b Tc, (b+1) Tc); edges are always computed as b
* Tc, never accumulated. W is then piecewise linear, and the end of a transfer of S bits that starts at t0
is W^-1(W(t0) + S): exact, whatever the instants at which the transfer is cut and continued.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, isinf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.fading import Fading
from channel_models.rates import RateMap
from channel_models.units import linear_to_db
from channel_models.validation import non_negative, positive

FloatArray = NDArray[np.float64]

MAX_BLOCKS = 2**25
_LEAST_GROWTH_BLOCKS = 8
_MANY_BLOCKS = 10_000


class LinkStalled(RuntimeError):  # noqa: N818
    """A link is too bad to finish a transfer within the time allowed."""


@dataclass(frozen=True)
class LinkProfile:
    """SNR and rate of one link by coherence block. mean_snr is linear, bandwidth in Hz."""

    link_id: int
    fading: Fading
    rate_map: RateMap
    bandwidth_hz: float
    mean_snr: float

    def __post_init__(self) -> None:
        positive("bandwidth_hz", self.bandwidth_hz)
        positive("mean_snr", self.mean_snr)

    def block_of(self, time_s: float) -> int:
        """The block b with b Tc <= t < (b+1) Tc, by the edges as they are in floating point."""
        block = int(time_s // self.fading.coherence_s)
        while (block + 1) * self.fading.coherence_s <= time_s:
            block += 1
        while block > 0 and block * self.fading.coherence_s > time_s:
            block -= 1
        return block

    def snr(self, first_block: int, count: int) -> FloatArray:
        """Linear SNR f64[count] of consecutive blocks."""
        return self.mean_snr * self.fading.gain(self.link_id, first_block, count)

    def rate_bps(self, snr: ArrayLike) -> FloatArray:
        """Bits a second at linear SNRs."""
        return self.bandwidth_hz * self.rate_map.spectral_efficiency(snr)

    @cached_property
    def mean_rate_bps(self) -> float:
        """Ergodic rate [b/s]."""
        return self.bandwidth_hz * self.rate_map.ergodic(self.mean_snr, self.fading)


class Work:
    """W(t) - W(start) in bits and its inverse, for t >= start; blocks are drawn as far as they are asked for.

    Times inside are relative to the start, so that nothing is lost at late simulated times.
    """

    def __init__(self, profile: LinkProfile, start_s: float, max_transfer_s: float = 1e6) -> None:
        self.profile = profile
        self.start_s = non_negative("start_s", start_s)
        self.max_transfer_s = positive("max_transfer_s", max_transfer_s)
        self._first_block = profile.block_of(start_s)
        self._snr = np.empty(0)
        self._rate_bps = np.empty(0)
        self._edges_s = np.zeros(1)
        self._edge_bits = np.zeros(1)

    def work_bits(self, time_s: ArrayLike) -> FloatArray:
        """Bits that the link carries between start and the given absolute times (not before start)."""
        elapsed_s = np.asarray(time_s, dtype=np.float64) - self.start_s
        if np.any(elapsed_s < 0):
            raise ValueError(f"work is defined from {self.start_s} s on, got {time_s!r}")
        self._reach_time(float(np.max(elapsed_s, initial=0.0)))
        block = np.searchsorted(self._edges_s[1:], elapsed_s, side="right")
        return self._edge_bits[block] + self._rate_bps[block] * (elapsed_s - self._edges_s[block])

    def time_of(self, bits: ArrayLike) -> FloatArray:
        """Absolute times at which so many bits have been carried since start: W^-1(W(start) + bits)."""
        return self.start_s + self.locate(bits)[0]

    def locate(self, bits: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Seconds since start at which so many bits are done, and the linear SNR of the blocks they end in.

        A number of bits that is done exactly at an edge ends in the block before it.
        Raises LinkStalled if that takes longer than max_transfer_s, ValueError for negative bits.
        """
        wanted = np.asarray(bits, dtype=np.float64)
        if not np.all(wanted >= 0):
            raise ValueError(f"bits must be at least 0, got {bits!r}")
        self._reach_bits(float(np.max(wanted, initial=0.0)))
        block = np.searchsorted(self._edge_bits[1:], wanted, side="left")
        rate_bps = self._rate_bps[block]
        missing = wanted - self._edge_bits[block]
        inside_s = np.divide(missing, rate_bps, out=np.zeros_like(missing), where=rate_bps > 0)
        elapsed_s = np.minimum(self._edges_s[block] + inside_s, self._edges_s[block + 1])
        self._check_duration(float(np.max(elapsed_s, initial=0.0)), float(np.max(wanted, initial=0.0)))
        return elapsed_s, self._snr[block]

    def mean_snr(self, elapsed_s: float) -> float:
        """Time average of the linear SNR over the given seconds from start (at 0 s: the SNR at start)."""
        self._reach_time(elapsed_s)
        if elapsed_s == 0.0:
            return float(self._snr[0])
        last = int(np.searchsorted(self._edges_s[1:], elapsed_s, side="left"))
        cuts_s = np.append(self._edges_s[: last + 1], elapsed_s)
        return float(np.dot(self._snr[: last + 1], np.diff(cuts_s))) / elapsed_s

    @property
    def rate_at_start_bps(self) -> float:
        """Rate at the very start [b/s]."""
        self._reach_time(0.0)
        return float(self._rate_bps[0])

    def _reach_bits(self, bits: float) -> None:
        self._refuse_hopeless(bits)
        while self._snr.size == 0 or self._edge_bits[-1] < bits:
            self._check_duration(float(self._edges_s[-1]), bits)
            missing_s = (bits - float(self._edge_bits[-1])) / self.profile.mean_rate_bps
            self._grow(self._blocks_in(1.3 * missing_s))

    def _reach_time(self, elapsed_s: float) -> None:
        while self._edges_s[-1] <= elapsed_s:
            self._grow(self._blocks_in(elapsed_s - float(self._edges_s[-1])))

    def _blocks_in(self, seconds: float) -> int:
        horizon_blocks = 1.0 + self.max_transfer_s / self.profile.fading.coherence_s
        blocks = min(seconds / self.profile.fading.coherence_s, horizon_blocks)
        return ceil(blocks) + _LEAST_GROWTH_BLOCKS

    def _grow(self, count: int) -> None:
        """Append ``count`` blocks (one if the channel never changes)."""
        coherence_s = self.profile.fading.coherence_s
        first = self._first_block + self._snr.size
        count = 1 if isinf(coherence_s) else count
        if self._snr.size + count > MAX_BLOCKS:
            raise LinkStalled(f"{self._name()} needs more than {MAX_BLOCKS} blocks of {coherence_s:g} s")
        snr = self.profile.snr(first, count)
        rate_bps = self.profile.rate_bps(snr)
        edges_s = np.arange(first + 1, first + count + 1) * coherence_s - self.start_s
        lengths_s = np.diff(np.append(self._edges_s[-1], edges_s))
        bits = np.cumsum(np.append(self._edge_bits[-1], rate_bps * lengths_s))[1:]
        self._snr = np.append(self._snr, snr)
        self._rate_bps = np.append(self._rate_bps, rate_bps)
        self._edges_s = np.append(self._edges_s, edges_s)
        self._edge_bits = np.append(self._edge_bits, bits)

    def _refuse_hopeless(self, bits: float) -> None:
        """With very many blocks the mean rate decides (to 1 % or better): do not draw them all."""
        horizon_blocks = self.max_transfer_s / self.profile.fading.coherence_s
        if horizon_blocks > _MANY_BLOCKS and bits > 2.0 * self.profile.mean_rate_bps * self.max_transfer_s:
            self._check_duration(bits / self.profile.mean_rate_bps, bits)

    def _check_duration(self, elapsed_s: float, bits: float) -> None:
        if elapsed_s > self.max_transfer_s:
            raise LinkStalled(
                f"{self._name()} does not carry {bits:.0f} bits within max_transfer_s = "
                f"{self.max_transfer_s:g} s: raise the SNR or the bandwidth, or send less"
            )

    def _name(self) -> str:
        snr_db = linear_to_db(self.profile.mean_snr)
        rate = f"mean rate {self.profile.mean_rate_bps:.6g} b/s at a mean SNR of {snr_db:.2f} dB"
        return f"link {self.profile.link_id} ({rate})"

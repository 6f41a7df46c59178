"""Everybody sends at once and the channel adds up what they send: over-the-air aggregation.

d fp32 entries go out as analog amplitudes, two a complex symbol, in d/(2B) seconds, however many clients send. Each
client inverts its channel, so that all arrive with the SNR that the weakest mean SNR can hold, and keeps silent in the
coherence blocks whose power gain is below a threshold (:mod:`channel_models.aircomp` has the closed forms):

    rho0/sigma^2 = min_i snr_i / E1(g_th)        P_i(b) = P rho0/(sigma^2 snr_i g_i(b)),  or 0 where g_i(b) < g_th

What a silent client had to send in a block is missing from the sum there. Everybody knows its own channel, and all keep
time and phase perfectly. Source: Zhu, Wang and Huang, IEEE TWC 19(1), 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log10
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from channel_models.aircomp import aligned_power, blocks_of_entries, common_snr, latency_s, participants
from channel_models.model import parameter
from channel_models.sharing import SHARING
from channel_models.sharing.policy import Allocation, Gain, Sharing, User
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.packets import ByteRange
from channel_models.validation import count

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ENTRY_BYTES = 4
_BITS_PER_BYTE = 8


@SHARING.register("over_the_air")
@dataclass(frozen=True, kw_only=True)
class OverTheAir(Sharing):
    """One band in which equal payloads add up, entry by entry. For Rayleigh fading: power gains Exp(1).

    A client whose mean SNR is above the weakest needs less than its mean power P. What is radiated is that of entries
    of unit mean square: who scales its entries lower for a lower weight radiates less than is said here.
    """

    superposes: ClassVar[bool] = True
    dynamic: ClassVar[bool] = True

    gain_threshold: float = parameter("Power gain below which a client keeps silent in a block.", default=0.1, above=0)

    def allocate(self, active: Sequence[User], population: Sequence[User], block: int) -> dict[int, Allocation]:
        """The whole band for everyone, on air in blocks above the threshold, at the common SNR after inversion; power
        is the mean over those blocks."""
        aligned_snr = self.aligned_snr(active) if active else 0.0
        return {user.client: self._allocation(user, aligned_snr) for user in active}

    def aligned_snr(self, users: Sequence[User]) -> float:
        """rho0/sigma^2, linear: the SNR with which all of them arrive."""
        return common_snr([user.mean_snr for user in users], self.gain_threshold)

    def superpose(
        self, users: Sequence[User], payload_bytes: int, start_s: float, bandwidth_hz: float, block_s: float
    ) -> list[Delivery]:
        """What becomes of a payload of so many bytes from each of the users, all sent from ``start_s`` on; pure.

        block_s: length of the coherence blocks, which begin at time 0 (infinity: one for ever). The one packet of a
        delivery is lost if any of it is; ``lost_ranges`` are the bytes of the entries during which the client was
        silent, ``radiated_j`` the sum of P_i(b) times time over the others, ``mean_snr_db`` the aligned SNR. Raises
        ValueError for a payload that is empty or not of whole entries, and for unphysical values.
        """
        if count("payload_bytes", payload_bytes, least=1) % ENTRY_BYTES:
            raise ValueError(f"payload_bytes must be whole entries of {ENTRY_BYTES} bytes, got {payload_bytes}")
        entries = payload_bytes // ENTRY_BYTES
        grid = _Grid(*blocks_of_entries(entries, bandwidth_hz, block_s, start_s), start_s, bandwidth_hz)
        aligned_snr = self.aligned_snr(users)
        return [self._delivery(user, aligned_snr, grid) for user in users]

    def _allocation(self, user: User, aligned_snr: float) -> Allocation:
        def sends(first_block: int, blocks: int) -> FloatArray:
            return participants(user.gain(first_block, blocks), self.gain_threshold).astype(np.float64)

        share = aligned_snr / user.mean_snr
        power = share / (aligned_power(1.0, self.gain_threshold) * exp(-self.gain_threshold))
        return Allocation(snr=share, power=power, airtime=sends, gain=_inverted)

    def _delivery(self, user: User, aligned_snr: float, grid: _Grid) -> Delivery:
        gain, air_s = grid.gain(user.gain), grid.air_s
        sends = participants(gain, self.gain_threshold)
        lost_ranges = grid.byte_ranges(np.flatnonzero(~sends))
        lost_bytes = sum(stop - start for start, stop in lost_ranges)
        bits = _BITS_PER_BYTE * (grid.payload_bytes - lost_bytes)
        full_power_s = float((air_s[sends] / gain[sends]).sum()) * aligned_snr / user.mean_snr
        return Delivery(
            start_s=grid.start_s,
            first_pass_s=grid.start_s + grid.duration_s,
            finish_s=grid.start_s + grid.duration_s,
            on_air_s=float(air_s[sends].sum()),
            radiated_j=user.tx_power_w * full_power_s,
            payload_bytes=grid.payload_bytes,
            packets=1,
            passes=1,
            transmissions=1,
            bits_on_air=bits,
            lost=np.zeros(int(lost_bytes > 0), dtype=np.int64),
            lost_ranges=lost_ranges,
            lost_bytes=lost_bytes,
            mean_snr_db=10.0 * log10(aligned_snr),
            mean_rate_bps=bits / grid.duration_s,
        )


@dataclass(frozen=True)
class _Grid:
    """Which entries go out in which coherence block: edges[j] .. edges[j + 1] - 1 in blocks[j]."""

    blocks: IntArray
    edges: IntArray
    start_s: float
    bandwidth_hz: float

    @property
    def payload_bytes(self) -> int:
        return ENTRY_BYTES * int(self.edges[-1])

    @property
    def duration_s(self) -> float:
        return latency_s(int(self.edges[-1]), self.bandwidth_hz)

    @property
    def air_s(self) -> FloatArray:
        """Seconds that the entries of each block take."""
        return np.diff(self.edges) * latency_s(1, self.bandwidth_hz)

    def gain(self, gain: Gain) -> FloatArray:
        """A user's power gain in each block."""
        first = int(self.blocks[0])
        return gain(first, int(self.blocks[-1]) - first + 1)[self.blocks - first]

    def byte_ranges(self, columns: IntArray) -> tuple[ByteRange, ...]:
        """Payload bytes [start, stop) of the entries of some blocks, neighbours merged."""
        runs = [run for run in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1) if run.size]
        return tuple(
            (ENTRY_BYTES * int(self.edges[run[0]]), ENTRY_BYTES * int(self.edges[run[-1] + 1])) for run in runs
        )


def _inverted(first_block: int, blocks: int) -> FloatArray:
    """The gain that is left after inversion."""
    return np.ones(blocks)

"""What a link offers over time: SINR, rate and share of the air, in stretches within which nothing changes.

    SINR(t) = mean_snr(t) gain(t) c / (1 + INR(t)),     rate(t) = B b se(SINR(t))

with the allocation's share b of the band and factor c on the SNR, and the interference-to-noise ratio INR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import ceil, inf, isfinite, isinf, log10
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from channel_models.fading.fading import Fading
from channel_models.rates.rate_map import RateMap
from channel_models.sharing.policy import Allocation
from channel_models.validation import positive

FloatArray = NDArray[np.float64]

_STEP_DB = 0.5

_SECONDS_AHEAD_OF_A_WALK = 3.0

WHOLE = Allocation()
"""The whole of the medium, for one user."""


class Segments(NamedTuple):
    """Consecutive stretches of constant channel.

    ends_s: their ends f64[K], in seconds after an origin; snr: linear SINR f64[K]; rate_bps: f64[K] while on air;
    airtime: share of the time on air, f64[K].
    """

    ends_s: FloatArray
    snr: FloatArray
    rate_bps: FloatArray
    airtime: FloatArray


class Interference(Protocol):
    """Interference-to-noise ratio at the receiver, constant between its own instants."""

    @property
    def step_s(self) -> float:
        """A time within which it changes at most a few times."""
        ...

    def steps(self, start_s: float, stop_s: float) -> tuple[FloatArray, FloatArray]:
        """Instants f64[n] inside (start, stop) at which it changes, and the linear INR f64[n + 1] between them."""
        ...


class Profile(Protocol):
    """A link as a transfer sees it."""

    @property
    def block_s(self) -> float:
        """Length of the grid's blocks; infinity: one block for ever."""
        ...

    @property
    def mean_rate_bps(self) -> float:
        """Long-run mean of rate x airtime (an estimate from above will do): how far to look ahead."""
        ...

    @property
    def allocation(self) -> Allocation:
        """Share of the medium."""
        ...

    @property
    def mean_snr(self) -> float:
        """Linear mean SNR over the fading (NaN where a link has none)."""
        ...

    @property
    def band_hz(self) -> float:
        """Bandwidth in use."""
        ...

    @property
    def blocks_ahead(self) -> float:
        """How many blocks may be looked at before they are needed, at most."""
        ...

    @property
    def label(self) -> str:
        """The link in words, for messages."""
        ...

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        """Blocks first_block .. first_block + count - 1, with times counted from ``origin_s``."""
        ...


@dataclass(frozen=True, eq=False)
class LinkProfile:
    """A faded link.

    link_id: index of its draws; bandwidth_hz: the whole band B; mean_snr: linear, over the whole band at full power;
    allocation: what the link gets of the medium; interference: others on air; mean_snr_at: for a terminal that moves,
    linear mean SNR f64[n] at absolute times f64[n], taken at the middle of each block (mean_snr is then its long-run
    value, for looking ahead); step_s: how often it is taken on a channel that never fades. Raises ValueError for
    unphysical values.
    """

    link_id: int
    fading: Fading
    rate_map: RateMap
    bandwidth_hz: float
    mean_snr: float
    allocation: Allocation = WHOLE
    interference: Interference | None = None
    mean_snr_at: Callable[[FloatArray], FloatArray] | None = field(default=None)
    step_s: float = 0.1

    def __post_init__(self) -> None:
        positive("bandwidth_hz", self.bandwidth_hz)
        positive("mean_snr", self.mean_snr)

    @cached_property
    def block_s(self) -> float:
        """The fading's blocks; on a channel that never fades, steps of the interference or of the way."""
        if isfinite(self.fading.block_s):
            return self.fading.block_s
        interference_s = inf if self.interference is None else self.interference.step_s
        return min(interference_s, inf if self.mean_snr_at is None else self.step_s)

    @cached_property
    def band_hz(self) -> float:
        """Bandwidth in use, B b."""
        return self.bandwidth_hz * self.allocation.bandwidth

    @cached_property
    def mean_rate_bps(self) -> float:
        """Rate without interference, on air as often as the allocation says: ergodic, or for ever that of the one block
        of a terminal that stays where it is. The ergodic one to about 0.1 %, between whole steps of half a dB, so that
        links and allocations of any SNR share a few quadratures."""
        airtime = self.allocation.airtime
        share = 1.0 if callable(airtime) else airtime
        if isinf(self.fading.block_s) and self.mean_snr_at is None and self.allocation.gain is None:
            return share * self.band_hz * float(self.rate_map.spectral_efficiency(self._snr(0, 1))[0])
        step, beyond = divmod(10.0 * log10(self.mean_snr * self.allocation.snr) / _STEP_DB, 1.0)
        efficiency = _ergodic(self.rate_map, self.fading, int(step))
        if beyond:
            efficiency += beyond * (_ergodic(self.rate_map, self.fading, int(step) + 1) - efficiency)
        return share * self.band_hz * efficiency

    @property
    def blocks_ahead(self) -> float:
        """Few for a terminal that moves: it may leave the range of its path loss model before long."""
        return inf if self.mean_snr_at is None else ceil(_SECONDS_AHEAD_OF_A_WALK / self.block_s)

    @property
    def label(self) -> str:
        snr_db = 10.0 * log10(self.mean_snr)
        return f"link {self.link_id} (mean rate {self.mean_rate_bps:.6g} b/s at a mean SNR of {snr_db:.2f} dB)"

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        """Fewer blocks where the fading has no more; raises TraceEnded where it has none."""
        if (left := self.fading.blocks_of(self.link_id) - first_block) > 0:
            count = int(min(count, left))
        ends_s = np.arange(first_block + 1.0, first_block + count + 1.0) * self.block_s - origin_s
        snr = self._snr(first_block, count)
        airtime = self.allocation.airtime_of(first_block, count)
        if self.interference is not None:
            ends_s, snr, airtime = self._interfered(self.interference, ends_s, snr, airtime, first_block, origin_s)
        return Segments(ends_s, snr, self.band_hz * self.rate_map.spectral_efficiency(snr), airtime)

    def _snr(self, first_block: int, count: int) -> FloatArray:
        chosen = self.allocation.gain
        gain = chosen(first_block, count) if chosen else self._gain(first_block, count)
        if self.mean_snr_at is None:
            return (self.mean_snr * self.allocation.snr) * gain
        middles_s = (np.arange(first_block, first_block + count, dtype=np.float64) + 0.5) * self.block_s
        return self.mean_snr_at(middles_s) * self.allocation.snr * gain

    def _gain(self, first_block: int, count: int) -> FloatArray:
        """The fading's gain; one that lasts for ever is the same in all blocks that other things make."""
        if isinf(self.fading.block_s):
            return np.full(count, self.fading.gain(self.link_id, 0, 1)[0])
        return self.fading.gain(self.link_id, first_block, count)

    def _interfered(
        self,
        interference: Interference,
        ends_s: FloatArray,
        snr: FloatArray,
        airtime: FloatArray,
        first_block: int,
        origin_s: float,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Blocks cut where the interference changes, and the SINR in the pieces."""
        changes_s, inr = interference.steps(first_block * self.block_s, float(ends_s[-1]) + origin_s)
        pieces_s: FloatArray = np.union1d(ends_s, changes_s - origin_s).astype(np.float64)
        middles_s = pieces_s - 0.5 * np.diff(pieces_s, prepend=first_block * self.block_s - origin_s)
        block = np.minimum(np.searchsorted(ends_s, middles_s), ends_s.size - 1)
        noise = 1.0 + inr[np.searchsorted(changes_s - origin_s, middles_s)]
        return pieces_s, snr[block] / noise, airtime[block]


@dataclass(frozen=True)
class Silence:
    """Nothing goes through: a transfer that is held up."""

    block_s: float = inf
    mean_rate_bps: float = 0.0
    mean_snr: float = 1.0
    band_hz: float = 1.0
    allocation: Allocation = WHOLE
    label: str = "a link that is held up"
    blocks_ahead: float = inf

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        return Segments(np.full(1, inf), np.zeros(1), np.zeros(1), np.zeros(1))


def block_of(profile: Profile, time_s: float) -> int:
    """The block b with b T <= t < (b+1) T, by the edges as they are in floating point."""
    block_s = profile.block_s
    block = int(time_s // block_s)
    while (block + 1) * block_s <= time_s:
        block += 1
    while block > 0 and block * block_s > time_s:
        block -= 1
    return block


@lru_cache(maxsize=4096)
def _ergodic(rate_map: RateMap, fading: Fading, step: int) -> float:
    return rate_map.ergodic(10.0 ** (0.1 * _STEP_DB * step), fading)

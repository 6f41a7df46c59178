"""One transfer of each of very many links, in tiles that fit a cache: memory does not grow with what is drawn.

Every finish equals, to the bit, that of the link on its own (``Link.transfer``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil, inf, isinf

import numpy as np
from numpy.typing import NDArray

from channel_models.retransmission.passes import Passes
from channel_models.transfer.fate import Fate, loss_field
from channel_models.transfer.fidelity.flow import common_error_rate
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile, Segments, block_of
from channel_models.transfer.work import Work, carried_bits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_TILE_CELLS = 2**18
_MARGIN = 1.25
_SPARE_BLOCKS = 16
_SPARE_SLOTS = 64
_PACKET_MARGIN = 1.05
_MOST_BLOCKS = 2**14
_DRAWN = ("fluid", "packet", "per_packet_event")


@dataclass(frozen=True, eq=False)
class Cohort:
    """Links alike but for their number and their mean SNR.

    pattern: any of them, over a ``LinkProfile``; link_ids: int64[N]; mean_snr: linear, f64[N]. Raises ValueError for
    another profile and for arrays of different lengths.
    """

    pattern: Link
    link_ids: IntArray
    mean_snr: FloatArray

    def __post_init__(self) -> None:
        if not isinstance(self.pattern.profile, LinkProfile):
            raise ValueError(f"the pattern's profile must be a LinkProfile, got {type(self.pattern.profile).__name__}")
        if self.link_ids.ndim != 1 or self.link_ids.shape != self.mean_snr.shape:
            raise ValueError(f"link_ids {self.link_ids.shape} and mean_snr {self.mean_snr.shape} must be rows alike")

    def member(self, place: int) -> Link:
        """The link at a place in the arrays."""
        number, snr = int(self.link_ids[place]), float(self.mean_snr[place])
        return replace(self.pattern, link_id=number, profile=replace(self._profile, link_id=number, mean_snr=snr))

    def finish_s(self, start_s: float, payload_bytes: int, transfer_index: int) -> FloatArray:
        """Absolute finishes f64[N] of one payload on each link, all begun at start_s.

        Tiles are drawn where all that tells the links apart is fading and mean SNR; links under interference, on the
        move, or with a share that changes by block go one by one. Raises LinkStalled, naming the link, if a transfer
        lasts longer than max_transfer_s.
        """
        if not self._drawable:
            members = (self.member(place) for place in range(self.link_ids.size))
            return np.array([link.start(start_s, payload_bytes, transfer_index).finish_s for link in members])
        finish_s = np.full(self.link_ids.size, start_s)
        if payload_bytes == 0:
            return finish_s
        demand = _demand(self.pattern, start_s, payload_bytes, transfer_index)
        for places in self._tiles(payload_bytes):
            tile = _Tile(self, places, start_s, self._blocks(places, payload_bytes))
            elapsed_s = tile.elapsed_s(demand(self.link_ids[places]))
            for row in np.flatnonzero(elapsed_s > self.pattern.max_transfer_s).tolist():
                elapsed_s[row] = tile.link(row).start(start_s, payload_bytes, transfer_index).log.elapsed_s
            finish_s[places] = start_s + elapsed_s
        return finish_s

    @property
    def _drawable(self) -> bool:
        profile, allocation = self._profile, self._profile.allocation
        alone = profile.interference is None and profile.mean_snr_at is None
        return (
            alone and allocation.gain is None and not callable(allocation.airtime) and self.pattern.fidelity in _DRAWN
        )

    @property
    def _profile(self) -> LinkProfile:
        assert isinstance(self.pattern.profile, LinkProfile)
        return self.pattern.profile

    def _tiles(self, payload_bytes: int) -> Iterator[IntArray]:
        """Places in tiles, links of like SNR together, for they need like numbers of blocks."""
        order, first = np.argsort(self.mean_snr, kind="stable"), 0
        while first < order.size:
            rows = max(1, _TILE_CELLS // self._blocks(order[first : first + 1], payload_bytes))
            yield order[first : first + rows]
            first += rows

    def _blocks(self, places: IntArray, payload_bytes: int) -> int:
        """Blocks enough for nearly all of these links, by their least mean rate."""
        slowest = self.member(int(places[0])).profile
        if isinf(slowest.block_s) or slowest.mean_rate_bps == 0.0:
            return 1
        sizes = self.pattern.scheme.sizes_on_air(self.pattern.packetisation.sizes_bits(payload_bytes))
        needed_s = _MARGIN * float(sizes.sum()) / slowest.mean_rate_bps
        return min(ceil(needed_s / slowest.block_s) + _SPARE_BLOCKS, _MOST_BLOCKS)


class _Tile:
    """Links with their next blocks, drawn at once: f64[links, blocks]."""

    def __init__(self, cohort: Cohort, places: IntArray, start_s: float, blocks: int) -> None:
        profile = cohort._profile
        self._cohort, self._places = cohort, places
        self._first = block_of(profile, start_s)
        links = cohort.link_ids[places].tolist()
        gain = profile.fading.gains(links, self._first, blocks)
        gain *= (cohort.mean_snr[places] * profile.allocation.snr)[:, None]
        self._snr = gain
        self._rate_bps = profile.band_hz * profile.rate_map.spectral_efficiency(gain)
        self._airtime = profile.allocation.airtime_of(self._first, blocks)
        self._ends_s = np.arange(self._first + 1.0, self._first + blocks + 1.0) * profile.block_s - start_s

    def elapsed_s(self, bits: FloatArray) -> FloatArray:
        """Seconds f64[links] in which so many bits f64[links] are done; infinity where too few blocks are drawn."""
        if np.all(np.isinf(bits)):
            return bits
        edges_s = np.concatenate(([0.0], self._ends_s))
        flow_bps = self._rate_bps * self._airtime
        edge_bits = carried_bits(edges_s, flow_bps).cumsum(axis=1)
        at = np.count_nonzero(edge_bits < bits[:, None], axis=1)
        rows = np.flatnonzero(at < edges_s.size - 1)
        at = at[rows]
        before = np.where(at > 0, edge_bits[rows, at - 1], 0.0)
        elapsed_s = np.full(self._places.size, np.inf)
        elapsed_s[rows] = np.minimum(edges_s[at] + (bits[rows] - before) / flow_bps[rows, at], edges_s[at + 1])
        return elapsed_s

    def link(self, row: int) -> Link:
        """One of the links on its own, over the blocks that are drawn and, beyond them, its own."""
        cohort, place = self._cohort, self._places[row]
        number, profile = int(cohort.link_ids[place]), cohort._profile
        drawn = Segments(self._ends_s, self._snr[row], self._rate_bps[row], self._airtime)
        ahead = _Drawn(
            link_id=number,
            fading=profile.fading,
            rate_map=profile.rate_map,
            bandwidth_hz=profile.bandwidth_hz,
            mean_snr=float(cohort.mean_snr[place]),
            allocation=profile.allocation,
            first=self._first,
            segments=drawn,
        )
        return replace(cohort.pattern, link_id=number, profile=ahead)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Drawn(LinkProfile):
    """A link whose blocks from ``first`` on, with times since the start of its transfer, are at hand."""

    first: int
    segments: Segments

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        start = first_block - self.first
        if start + count > self.segments.snr.size:
            return super().stretch(first_block, count, origin_s)
        return Segments(*(column[start : start + count] for column in self.segments))


Demand = Callable[[IntArray], FloatArray]
"""Bits on the air f64[n] of links by their numbers int64[n]; infinity for one that must be simulated on its own."""


def _demand(pattern: Link, start_s: float, payload_bytes: int, transfer_index: int) -> Demand:
    """How much each link sends, where that does not depend on its channel."""
    fate = pattern.fate(payload_bytes, transfer_index)
    error_rate = common_error_rate(Work(pattern.profile, start_s, pattern.max_transfer_s), fate)
    sizes, scheme = pattern.packetisation.sizes_bits(payload_bytes), pattern.scheme
    if error_rate is None or error_rate == 1.0 or scheme.feedback_s:
        return lambda links: np.full(links.size, inf)
    if pattern.fidelity == "fluid":
        bits = float(scheme.mean_transmissions(error_rate)) * float(scheme.sizes_on_air(sizes).sum())
        return lambda links: np.full(links.size, bits)
    alike = bool(np.all(sizes[:-1] == sizes[0]))
    if pattern.fidelity == "packet" and isinstance(scheme, Passes) and pattern.loss_map.memoryless and alike:
        return lambda links: _packet_bits(fate, links, error_rate, sizes, scheme.attempts)
    return lambda links: np.full(links.size, inf)


def _packet_bits(fate: Fate, links: IntArray, error_rate: float, sizes: IntArray, attempts: int) -> FloatArray:
    """Bits f64[links] that passes over packets of one size (and a last one) send, by each link's own draws."""
    slots = int(_PACKET_MARGIN * sizes.size / (1.0 - error_rate)) + _SPARE_SLOTS
    failed = np.zeros((links.size, slots), dtype=np.bool_)
    field = loss_field(fate.seed, fate.purpose)
    for row, link in enumerate(links.tolist() if error_rate > 0.0 else ()):
        np.greater_equal(field.at(link, fate.transfer).random(slots), 1.0 - error_rate, out=failed[row])
    return sent_bits(failed, sizes, attempts)


def sent_bits(failed: BoolArray, sizes: IntArray, attempts: int) -> FloatArray:
    """Bits f64[links] that passes over n packets send if the slots bool[links, slots] fail; infinity where that takes
    more slots. sizes: int64[n], all alike but the last."""
    links, slots = failed.shape
    row, sent, pending = np.arange(links), np.zeros(links, dtype=np.int64), np.full(links, sizes.size)
    until = np.zeros((links, slots + 1), dtype=np.int32)
    failed.cumsum(axis=1, dtype=np.int32, out=until[:, 1:])
    last, bits = np.ones(links, dtype=np.bool_), np.zeros(links)
    for _ in range(attempts):
        bits += pending * sizes[0] - last * (sizes[0] - sizes[-1])
        stop = np.minimum(sent + pending, slots)
        bits[stop < sent + pending] = inf
        last &= failed[row, stop - 1]
        sent, pending = stop, until[row, stop].astype(np.int64) - until[row, sent]
        if not pending.any():
            break
    return bits

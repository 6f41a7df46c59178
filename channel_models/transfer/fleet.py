"""One transfer of each of many links, each begun at a time of its own, told in full as arrays.

Every number equals, to the bit, that of the link on its own (``Link.transfer``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from math import inf, isfinite, isinf, log10
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from channel_models.fading.course import Course
from channel_models.retransmission.none import NoRetransmission
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.transfer.fate import Fate
from channel_models.transfer.fidelity.flow import NEGLIGIBLE, common_error_rate
from channel_models.transfer.lanes import Lanes, lanes
from channel_models.transfer.link import Link
from channel_models.transfer.packets import PacketScheme
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.work import Work

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_TILE_CELLS = 2**17
_MARGIN = 1.8
_SPARE_SEGMENTS = 8
_MOST_SEGMENTS = 2**16


class NotInVectorsError(Exception):
    """Only the links on their own can tell this transfer; the message says why."""


def refusal(link: Link) -> str | None:
    """Why transfers over links like this one cannot be told in vectors; None if they can."""
    profile, loss = link.profile, link.loss_map
    if not isinstance(profile, LinkProfile) or profile.interference is not None or profile.mean_snr_at is not None:
        return "the link is recorded, disturbed or on the move"
    allocation = profile.allocation
    if allocation.gain is not None or callable(allocation.airtime) or allocation.collision > 0.0:
        return "the share of the medium changes from block to block, or others spoil packets"
    if not isinstance(link.scheme, NoRetransmission | SelectiveRepeat) or link.rate_map.carries_loss:
        return f"{type(link.scheme).__name__} over {type(link.rate_map).__name__} goes packet by packet"
    if isfinite(profile.fading.blocks_of(profile.link_id)):
        return "the recording of the fading ends"
    told = loss.certain if link.fidelity == "packet" else loss.memoryless
    if link.fidelity not in _PASSES or not (told or loss.lossless):
        return f"fidelity {link.fidelity} draws what {type(loss).__name__} leaves to chance, packet by packet"
    return None


@dataclass(frozen=True, eq=False)
class Flights:
    """What became of the transfers, an entry a link, as in ``Delivery``; times in seconds since each one's start.

    ``lanes``: what they went over, by numbers int64[n] of links; the last that tells of a link is right.
    """

    first_pass_s: FloatArray
    elapsed_s: FloatArray
    packets: IntArray
    transmissions: IntArray
    bits_on_air: IntArray
    lost_bytes: IntArray
    lanes: tuple[tuple[IntArray, Lanes], ...]

    def on_air_s(self, start_s: FloatArray, stop_s: FloatArray) -> FloatArray:
        """Seconds on air f64[N] between two times of each transfer."""
        on_air_s, stop_s = np.empty_like(start_s), np.minimum(stop_s, self.elapsed_s)
        for numbers, lane in self.lanes:
            on_air_s[numbers] = lane.on_air_s(start_s[numbers], stop_s[numbers])
        return on_air_s

    def whole(self) -> tuple[FloatArray, FloatArray]:
        """Seconds on air f64[N], and the average f64[N] of the linear SNR over them, in dB."""
        on_air_s, snr_s = np.empty_like(self.elapsed_s), np.empty_like(self.elapsed_s)
        for numbers, lane in self.lanes:
            on_air_s[numbers], snr_s[numbers] = lane.whole(self.elapsed_s[numbers])
        mean = (snr_s / on_air_s).tolist()
        return on_air_s, np.array([-inf if snr == 0.0 else 10.0 * log10(snr) for snr in mean])

    @property
    def mean_rate_bps(self) -> FloatArray:
        """Bits on the air over the time that it took."""
        return self.bits_on_air / self.elapsed_s


class Fleet:
    """Links alike but for their number and their mean SNR.

    Raises NotInVectorsError for links that `refusal` refuses, ValueError for none and for links that are not alike.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        if links and (why := refusal(links[0])) is not None:
            raise NotInVectorsError(why)
        profiles = [link.profile for link in links if isinstance(link.profile, LinkProfile)]
        alike = {_likeness(link, profile) for link, profile in zip(links, profiles, strict=False)}
        if len(alike) != 1 or len(profiles) < len(links):
            raise ValueError("a fleet is of at least one link, all alike but for number and mean SNR")
        self.pattern = links[0]
        self._profile = profiles[0]
        self._numbers = [profile.link_id for profile in profiles]
        self._course = Course(self._profile.fading, self._numbers)
        self._mean_snr = np.array([profile.mean_snr for profile in profiles])
        self._mean_rate_bps = np.array([profile.mean_rate_bps for profile in profiles])
        self._cut: dict[bytes, Sequence[_Tile]] = {}

    @property
    def power(self) -> float:
        """Share of full power at which all of them radiate while on air."""
        return self._profile.allocation.power

    def fly(self, start_s: FloatArray, payload_bytes: IntArray, transfer_index: int) -> Flights:
        """A payload int64[N], not empty, over each link from its start f64[N] on, alone.

        Raises NotInVectorsError for one that its link on its own would not carry in time, or not before very long.
        """
        tiles = self._tiles(payload_bytes)
        told = _Told(start_s.size, transfer_index)
        for tile in tiles:
            self._tell(told, start_s, tile)
        if told.elapsed_s.max() > self.pattern.max_transfer_s:
            raise NotInVectorsError("a transfer stalls")
        return told.flights()

    def _tell(self, told: _Told, start_s: FloatArray, tile: _Tile) -> None:
        """What becomes of some transfers; those that take more segments are told again with twice as many."""
        numbers, segments, load = tile
        if segments > _MOST_SEGMENTS:
            raise NotInVectorsError("a transfer takes very many blocks")
        over = lanes(self._profile, self._course, numbers, self._mean_snr[numbers], start_s[numbers], segments)
        told.packets[numbers] = load.packets
        _PASSES[self.pattern.fidelity](over, load, told, numbers)
        told.lanes.append((numbers, over))
        short = np.flatnonzero(np.isinf(told.elapsed_s[numbers]))
        if short.size:
            self._tell(told, start_s, _Tile(numbers[short], 2 * segments, load.part(short)))

    def _tiles(self, payload_bytes: IntArray) -> Sequence[_Tile]:
        """Links in stretches with their payloads, cut once for all transfers of the same bytes."""
        key = payload_bytes.tobytes()
        if key not in self._cut:
            self._cut[key] = list(self._tiled(_Load.of(self.pattern, payload_bytes, self._numbers)))
        return self._cut[key]

    def _tiled(self, load: _Load) -> Iterator[_Tile]:
        """Links in stretches, each with segments enough for most of them."""
        block_s = self._profile.block_s
        with np.errstate(divide="ignore"):
            blocks = np.minimum(_MARGIN * load.bits / self._mean_rate_bps / block_s, _MOST_SEGMENTS - _SPARE_SEGMENTS)
        needed = np.ones(blocks.size, dtype=np.int64) if isinf(block_s) else blocks.astype(np.int64) + _SPARE_SEGMENTS
        rows = max(1, _TILE_CELLS // int(needed.max()))
        for first in range(0, needed.size, rows):
            numbers = np.arange(first, min(first + rows, needed.size))
            yield _Tile(numbers, int(needed[numbers].max()), load.part(numbers))


def _likeness(link: Link, profile: LinkProfile) -> tuple[object, ...]:
    """All of a link but its number and mean SNR."""
    own = tuple(getattr(profile, f.name) for f in fields(profile) if f.name not in ("link_id", "mean_snr"))
    return (*own, *(getattr(link, f.name) for f in fields(link) if f.name not in ("link_id", "profile")))


class _Told:
    """What is known so far of the transfers of one index, filled in stretch by stretch; as in `Flights`."""

    def __init__(self, links: int, transfer_index: int) -> None:
        self.transfer_index = transfer_index
        self.first_pass_s, self.elapsed_s = np.empty(links), np.empty(links)
        self.packets, self.transmissions, self.bits_on_air, self.lost_bytes = np.empty((4, links), dtype=np.int64)
        self.lanes: list[tuple[IntArray, Lanes]] = []

    def flights(self) -> Flights:
        counts = (self.packets, self.transmissions, self.bits_on_air, self.lost_bytes)
        return Flights(self.first_pass_s, self.elapsed_s, *counts, tuple(self.lanes))


class _Cut(NamedTuple):
    """A payload as it goes on the air: packets alike, but for the last one."""

    packets: int
    full_bits: int
    full_bytes: int
    last_bits: int
    last_bytes: int


@lru_cache(maxsize=1024)
def _cut(scheme: PacketScheme, payload_bytes: int) -> _Cut:
    """Raises NotInVectorsError for none, or for packets that differ."""
    sizes = scheme.sizes_bits(payload_bytes)
    if sizes.size == 0 or np.any(sizes[:-1] != sizes[0]):
        raise NotInVectorsError("packets differ in size, or there are none")
    full_bytes, last_bytes = (_bytes_of(scheme, packet, payload_bytes) for packet in (0, sizes.size - 1))
    return _Cut(sizes.size, int(sizes[0]), full_bytes, int(sizes[-1]), last_bytes)


def _bytes_of(scheme: PacketScheme, packet: int, payload_bytes: int) -> int:
    """Payload bytes of one packet; none of a payload that nothing can be lost of."""
    if not scheme.divisible:
        return 0
    return sum(stop - start for start, stop in scheme.byte_ranges(np.array([packet]), payload_bytes))


@dataclass(frozen=True, eq=False)
class _Load:
    """Payloads as they go on the air: packets int64[N], the last one apart from the others."""

    link: Link
    numbers: Sequence[int]
    packets: IntArray
    full_bits: IntArray
    full_bytes: IntArray
    last_bits: IntArray
    last_bytes: IntArray

    @classmethod
    def of(cls, link: Link, payload_bytes: IntArray, numbers: Sequence[int]) -> _Load:
        sizes, place = np.unique(payload_bytes, return_inverse=True)
        cuts = [_cut(link.packetisation, size) for size in sizes.tolist()]
        return cls(link, numbers, *np.array(cuts).T[:, place])

    @cached_property
    def bits(self) -> IntArray:
        """All packets once, int64[N]."""
        return (self.packets - 1) * self.full_bits + self.last_bits

    @cached_property
    def first_bits(self) -> FloatArray:
        """The first packet, f64[N]."""
        return np.where(self.packets > 1, self.full_bits, self.last_bits).astype(np.float64)

    def part(self, rows: IntArray) -> _Load:
        columns = (self.packets, self.full_bits, self.full_bytes, self.last_bits, self.last_bytes)
        numbers = [self.numbers[row] for row in rows.tolist()]
        return _Load(self.link, numbers, *(column[rows] for column in columns))

    @cached_property
    def error_rate(self) -> float | None:
        """That of all packets, whenever and over whichever link they go; None where there is no such."""
        return common_error_rate(Work(self.link.profile, 0.0), self.fate(0, 0))

    def fate(self, row: int, transfer_index: int) -> Fate:
        link, packets = self.link, int(self.packets[row])
        return Fate(link.loss_map, link.rate_map, link.seed, link.purpose, self.numbers[row], transfer_index, packets)

    def bytes_lost(self, residual: FloatArray, transfer_index: int) -> IntArray:
        """Payload bytes int64[N] of the packets that are drawn, each with its transfer's probability f64[N]."""
        lost_bytes = np.zeros(self.packets.size, dtype=np.int64)
        for row in np.flatnonzero(residual > NEGLIGIBLE).tolist():
            lost = self.fate(row, transfer_index).chances.between(0, int(self.packets[row])) < residual[row]
            lost_bytes[row] = int(lost[:-1].sum()) * self.full_bytes[row] + int(lost[-1]) * self.last_bytes[row]
        return lost_bytes


class _Tile(NamedTuple):
    """Some links by place int64[n], how many segments are enough for most of them, and what they carry."""

    numbers: IntArray
    segments: int
    load: _Load


def _by_packet(over: Lanes, load: _Load, told: _Told, numbers: IntArray) -> None:
    """Passes over packets that fail by the segment in which they end, and by nothing else."""
    n = load.packets.size
    rows, full, last = np.arange(n), load.packets - 1, np.ones(n, dtype=np.bool_)
    base_bits, sent, elapsed_s = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(n)
    failing = _Failing.of(over, load)
    for attempt in range(int(load.link.scheme.attempts)):
        sent += full + last
        end_bits = base_bits + full * load.full_bits + last * load.last_bits
        place = over.locate(rows, end_bits[rows].astype(np.float64))
        elapsed_s[rows] = place.elapsed_s
        if attempt == 0:
            told.first_pass_s[numbers] = place.elapsed_s
        full = failing.lost(base_bits, full)
        last[rows] &= _last_fails(over, load, rows, place.segment)
        base_bits = end_bits
        rows = rows[((full > 0) | last)[rows] & np.isfinite(place.elapsed_s)]
        if rows.size == 0:
            break
    told.elapsed_s[numbers] = elapsed_s
    told.transmissions[numbers], told.bits_on_air[numbers] = sent, base_bits
    told.lost_bytes[numbers] = full * load.full_bytes + last * load.last_bytes


@dataclass(frozen=True, eq=False)
class _Failing:
    """The segments in which full packets fail that end there; in all others none does.

    rows: whose they are, int64[M]; edge_bits: whole bits done by the beginning and by the end of each, f64[2, M];
    packet_bits: size of a full packet, f64[M].
    """

    rows: IntArray
    edge_bits: FloatArray
    packet_bits: FloatArray

    @classmethod
    def of(cls, over: Lanes, load: _Load) -> _Failing:
        full_bits = load.full_bits.astype(np.float64)
        rows, segments = np.nonzero(over.error_rates(load.link.loss_map, full_bits) >= 1.0)
        return cls(rows, np.floor(over.edge_bits[rows, [segments, segments + 1]]), full_bits[rows])

    def lost(self, base_bits: IntArray, packets: IntArray) -> IntArray:
        """How many of consecutive full packets int64[N] from base_bits int64[N] on end where they fail.

        The packets done by an edge e are the largest q with base + q S <= e: the quotient of whole numbers below 2^52
        is exact. Those that end in a segment are those done by its end, less those done before it.
        """
        done = self.edge_bits - base_bits[self.rows]
        done /= self.packet_bits
        np.floor(done, out=done)
        np.minimum(np.maximum(done, 0.0, out=done), packets[self.rows], out=done)
        return np.bincount(self.rows, done[1] - done[0], packets.size).astype(np.int64)


def _last_fails(over: Lanes, load: _Load, rows: IntArray, segments: IntArray) -> BoolArray:
    reception = over.reception(rows, segments, load.last_bits[rows].astype(np.float64))
    return load.link.loss_map.packet_error_rate(reception) >= 1.0


def _by_flow(over: Lanes, load: _Load, told: _Told, numbers: IntArray) -> None:
    """Passes of a fluid, as in ``Flow``."""
    if load.error_rate is not None and load.error_rate < 1.0:
        _at_once(over, load, load.error_rate, told, numbers)
    else:
        _thinned(over, load, told, numbers)


def _at_once(over: Lanes, load: _Load, error_rate: float, told: _Told, numbers: IntArray) -> None:
    """All passes in one, where every one of them loses the same share."""
    scheme, rows, offered = load.link.scheme, np.arange(load.packets.size), load.bits.astype(np.float64)
    repeats, residual = float(scheme.mean_transmissions(error_rate)), float(scheme.residual_loss(error_rate))
    told.first_pass_s[numbers] = over.locate(rows, offered).elapsed_s
    told.elapsed_s[numbers] = over.locate(rows, repeats * offered).elapsed_s
    told.transmissions[numbers] = np.rint(repeats * load.packets).astype(np.int64)
    told.bits_on_air[numbers] = np.rint(repeats * offered).astype(np.int64)
    told.lost_bytes[numbers] = load.bytes_lost(np.full(rows.size, residual), told.transfer_index)


def _thinned(over: Lanes, load: _Load, told: _Told, numbers: IntArray) -> None:
    """Of the bits that end in each segment its own share is lost, and flows again in the next pass."""
    n, offered = load.packets.size, load.bits.astype(np.float64)
    gone = 1.0 - (1.0 - over.error_rates(load.link.loss_map, load.first_bits))
    pending, base, sent, elapsed_s = offered.copy(), np.zeros(n), np.zeros(n), np.zeros(n)
    rows = np.arange(n)
    for attempt in range(int(load.link.scheme.attempts)):
        start = base[rows]
        stop = start + pending[rows]
        sent[rows] += pending[rows]
        place = over.locate(rows, stop)
        elapsed_s[rows] = place.elapsed_s
        if attempt == 0:
            told.first_pass_s[numbers] = place.elapsed_s
        pending[rows], base[rows] = _lost_bits(over, gone, rows, start, stop, int(place.segment.max())), stop
        rows = rows[(pending[rows] > NEGLIGIBLE * offered[rows]) & np.isfinite(place.elapsed_s)]
        if rows.size == 0:
            break
    told.elapsed_s[numbers] = elapsed_s
    told.transmissions[numbers] = np.rint(load.packets * sent / offered).astype(np.int64)
    told.bits_on_air[numbers] = np.rint(sent).astype(np.int64)
    residual = np.where(np.isfinite(elapsed_s), pending / offered, 0.0)
    told.lost_bytes[numbers] = load.bytes_lost(residual, told.transfer_index)


def _lost_bits(
    over: Lanes, gone: FloatArray, rows: IntArray, start: FloatArray, stop: FloatArray, last: int
) -> FloatArray:
    """int p dw from one amount of work to another, which ends in segment ``last`` at the latest, f64[n]."""
    edge_bits = over.of(rows, over.edge_bits[:, : last + 2])
    first = np.count_nonzero((edge_bits[:, 1:] <= start[:, None]).all(axis=0))
    inside = np.maximum(edge_bits[:, first:], start[:, None])
    np.minimum(inside, stop[:, None], out=inside)
    lost = (inside[:, 1:] - inside[:, :-1]) * over.of(rows, gone[:, first : last + 1])
    return lost.cumsum(axis=1)[:, -1]


_PASSES: dict[str, Callable[[Lanes, _Load, _Told, IntArray], None]] = {"packet": _by_packet, "fluid": _by_flow}

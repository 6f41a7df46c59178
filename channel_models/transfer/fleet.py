"""One transfer of each of many links, each begun at a time of its own, told in full as arrays.

Every number equals, to the bit, that of the link on its own (``Link.transfer``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from math import inf, isfinite, isinf, log10
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
        return self._met(start_s, np.minimum(stop_s, self.elapsed_s))[0]

    def whole(self) -> tuple[FloatArray, FloatArray]:
        """Seconds on air f64[N], and the average f64[N] of the linear SNR over them, in dB."""
        on_air_s, snr_s = self._met(np.zeros_like(self.elapsed_s), self.elapsed_s)
        mean = (snr_s / on_air_s).tolist()
        return on_air_s, np.array([-inf if snr == 0.0 else 10.0 * log10(snr) for snr in mean])

    def _met(self, start_s: FloatArray, stop_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        on_air_s, snr_s = np.empty_like(start_s), np.empty_like(start_s)
        for numbers, lane in self.lanes:
            on_air_s[numbers], snr_s[numbers] = lane.exposure(start_s[numbers], stop_s[numbers])
        return on_air_s, snr_s

    @property
    def power(self) -> float:
        """Share of full power at which all of them radiate while on air."""
        return self.lanes[0][1].power

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
        self._mean_snr = np.array([profile.mean_snr for profile in profiles])
        self._mean_rate_bps = np.array([profile.mean_rate_bps for profile in profiles])

    def fly(self, start_s: FloatArray, payload_bytes: IntArray, transfer_index: int) -> Flights:
        """A payload int64[N], not empty, over each link from its start f64[N] on, alone.

        Raises NotInVectorsError for one that its link on its own would not carry in time, or not before very long.
        """
        load = _Load.of(self.pattern, payload_bytes, transfer_index, self._numbers)
        told = _Told(start_s.size)
        for numbers, segments in self._tiles(load):
            self._tell(told, numbers, start_s, load, segments)
        if told.elapsed_s.max() > self.pattern.max_transfer_s:
            raise NotInVectorsError("a transfer stalls")
        return told.flights(load)

    def _tell(self, told: _Told, numbers: IntArray, start_s: FloatArray, load: _Load, segments: int) -> None:
        """What becomes of some transfers; those that take more segments are told again with twice as many."""
        if segments > _MOST_SEGMENTS:
            raise NotInVectorsError("a transfer takes very many blocks")
        profile, own = self._profile, [self._numbers[number] for number in numbers.tolist()]
        over = lanes(profile, own, self._mean_snr[numbers], start_s[numbers], segments)
        _PASSES[self.pattern.fidelity](over, load.part(numbers), told, numbers)
        told.lanes.append((numbers, over))
        short = numbers[np.isinf(told.elapsed_s[numbers])]
        if short.size:
            self._tell(told, short, start_s, load, 2 * segments)

    def _tiles(self, load: _Load) -> Iterator[tuple[IntArray, int]]:
        """Links in stretches, each with segments enough for most of them."""
        block_s = self._profile.block_s
        with np.errstate(divide="ignore"):
            blocks = np.minimum(_MARGIN * load.bits / self._mean_rate_bps / block_s, _MOST_SEGMENTS - _SPARE_SEGMENTS)
        needed = np.ones(blocks.size, dtype=np.int64) if isinf(block_s) else blocks.astype(np.int64) + _SPARE_SEGMENTS
        rows = max(1, _TILE_CELLS // int(needed.max()))
        for first in range(0, needed.size, rows):
            numbers = np.arange(first, min(first + rows, needed.size))
            yield numbers, int(needed[numbers].max())


def _likeness(link: Link, profile: LinkProfile) -> tuple[object, ...]:
    """All of a link but its number and mean SNR."""
    own = tuple(getattr(profile, f.name) for f in fields(profile) if f.name not in ("link_id", "mean_snr"))
    return (*own, *(getattr(link, f.name) for f in fields(link) if f.name not in ("link_id", "profile")))


class _Told:
    """What is known so far of the transfers, filled in stretch by stretch; as in `Flights`."""

    def __init__(self, links: int) -> None:
        self.first_pass_s, self.elapsed_s = np.empty(links), np.empty(links)
        self.transmissions, self.bits_on_air, self.lost_bytes = np.empty((3, links), dtype=np.int64)
        self.lanes: list[tuple[IntArray, Lanes]] = []

    def flights(self, load: _Load) -> Flights:
        counts = (load.packets, self.transmissions, self.bits_on_air, self.lost_bytes)
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
    transfer_index: int
    numbers: Sequence[int]
    packets: IntArray
    full_bits: IntArray
    full_bytes: IntArray
    last_bits: IntArray
    last_bytes: IntArray

    @classmethod
    def of(cls, link: Link, payload_bytes: IntArray, transfer_index: int, numbers: Sequence[int]) -> _Load:
        sizes, place = np.unique(payload_bytes, return_inverse=True)
        cuts = [_cut(link.packetisation, size) for size in sizes.tolist()]
        return cls(link, transfer_index, numbers, *np.array(cuts).T[:, place])

    @property
    def bits(self) -> IntArray:
        """All packets once, int64[N]."""
        return (self.packets - 1) * self.full_bits + self.last_bits

    @property
    def first_bits(self) -> FloatArray:
        """The first packet, f64[N]."""
        return np.where(self.packets > 1, self.full_bits, self.last_bits).astype(np.float64)

    def part(self, rows: IntArray) -> _Load:
        columns = (self.packets, self.full_bits, self.full_bytes, self.last_bits, self.last_bytes)
        numbers = [self.numbers[row] for row in rows.tolist()]
        return _Load(self.link, self.transfer_index, numbers, *(column[rows] for column in columns))

    def fate(self, row: int) -> Fate:
        link, packets = self.link, int(self.packets[row])
        index = self.transfer_index
        return Fate(link.loss_map, link.rate_map, link.seed, link.purpose, self.numbers[row], index, packets)

    def bytes_lost(self, residual: FloatArray) -> IntArray:
        """Payload bytes int64[N] of the packets that are drawn, each with its transfer's probability f64[N]."""
        lost_bytes = np.zeros(self.packets.size, dtype=np.int64)
        for row in np.flatnonzero(residual > NEGLIGIBLE).tolist():
            lost = self.fate(row).chances.between(0, int(self.packets[row])) < residual[row]
            lost_bytes[row] = int(lost[:-1].sum()) * self.full_bytes[row] + int(lost[-1]) * self.last_bytes[row]
        return lost_bytes


def _by_packet(over: Lanes, load: _Load, told: _Told, numbers: IntArray) -> None:
    """Passes over packets that fail by the segment in which they end, and by nothing else."""
    n = load.packets.size
    full, last = load.packets - 1, np.ones(n, dtype=np.bool_)
    base_bits, sent = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    elapsed_s, bad = np.zeros(n), _failing(over, load)
    rows = np.arange(n)
    for attempt in range(int(load.link.scheme.attempts)):
        sent[rows] += full[rows] + last[rows]
        end_bits = base_bits[rows] + full[rows] * load.full_bits[rows] + last[rows] * load.last_bits[rows]
        place = over.locate(rows, end_bits.astype(np.float64))
        elapsed_s[rows] = place.elapsed_s
        if attempt == 0:
            told.first_pass_s[numbers] = place.elapsed_s
        if bad is None:
            full[rows], last[rows] = 0, False
        else:
            within = bad[:, : int(place.segment.max()) + 1]
            full[rows] = _lost(over, within, rows, base_bits[rows], full[rows], load.full_bits[rows])
            last[rows] &= _last_fails(over, load, rows, place.segment)
        base_bits[rows] = end_bits
        rows = rows[((full[rows] > 0) | last[rows]) & np.isfinite(place.elapsed_s)]
        if rows.size == 0:
            break
    told.elapsed_s[numbers] = elapsed_s
    told.transmissions[numbers], told.bits_on_air[numbers] = sent, base_bits
    told.lost_bytes[numbers] = full * load.full_bytes + last * load.last_bytes


def _failing(over: Lanes, load: _Load) -> BoolArray | None:
    """Whether full packets fail that end in each segment, bool[N, K]; None where none ever does."""
    if load.link.loss_map.lossless:
        return None
    return over.error_rates(load.link.loss_map, load.full_bits.astype(np.float64)) >= 1.0


def _last_fails(over: Lanes, load: _Load, rows: IntArray, segments: IntArray) -> BoolArray:
    reception = over.reception(rows, segments, load.last_bits[rows].astype(np.float64))
    return load.link.loss_map.packet_error_rate(reception) >= 1.0


def _lost(
    over: Lanes, bad: BoolArray, rows: IntArray, base_bits: IntArray, packets: IntArray, packet_bits: IntArray
) -> IntArray:
    """How many of consecutive full packets int64[n] from base_bits int64[n] on end where they fail.

    The packets done by an edge e are the largest q with base + q S <= e: a quotient, corrected to be exact.
    """
    size, base = packet_bits[:, None].astype(np.float64), base_bits[:, None].astype(np.float64)
    edge_bits = over.of(rows, over.edge_bits)[:, 1 : bad.shape[1] + 1]
    first = int((edge_bits <= base).sum(axis=1).min())
    edge_bits, bad = edge_bits[:, first:], over.of(rows, bad)[:, first:]
    done = np.floor((edge_bits - base) / size)
    done += base + (done + 1.0) * size <= edge_bits
    done -= base + done * size > edge_bits
    np.clip(done, 0.0, packets[:, None], out=done)
    ended = done.copy()
    ended[:, 1:] -= done[:, :-1]
    return (ended * bad).sum(axis=1).astype(np.int64)


def _by_flow(over: Lanes, load: _Load, told: _Told, numbers: IntArray) -> None:
    """Passes of a fluid, as in ``Flow``."""
    error_rate = common_error_rate(Work(load.link.profile, 0.0), load.fate(0))
    if error_rate is not None and error_rate < 1.0:
        _at_once(over, load, error_rate, told, numbers)
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
    told.lost_bytes[numbers] = load.bytes_lost(np.full(rows.size, residual))


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
    told.lost_bytes[numbers] = load.bytes_lost(np.where(np.isfinite(elapsed_s), pending / offered, 0.0))


def _lost_bits(
    over: Lanes, gone: FloatArray, rows: IntArray, start: FloatArray, stop: FloatArray, last: int
) -> FloatArray:
    """int p dw from one amount of work to another, which ends in segment ``last`` at the latest, f64[n]."""
    edge_bits = over.of(rows, over.edge_bits)[:, : last + 2]
    first = int((edge_bits[:, 1:] <= start[:, None]).sum(axis=1).min())
    inside = np.clip(edge_bits[:, first:], start[:, None], stop[:, None])
    lost = (inside[:, 1:] - inside[:, :-1]) * over.of(rows, gone)[:, first : last + 1]
    return lost.cumsum(axis=1)[:, -1]


_PASSES: dict[str, Callable[[Lanes, _Load, _Told, IntArray], None]] = {"packet": _by_packet, "fluid": _by_flow}

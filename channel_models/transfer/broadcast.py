"""The downlink to several listeners at once: broadcast at the worst one, one after another, or rateless.

A broadcast is sent in passes. Pass 0 carries all packets in order; each later pass carries again, in order, those that
at least one listener still lacks. Each listener loses a transmission by itself, by its own SNR in the block in which it
ends, and who has a packet does not need it again: a transmission is in vain for those who have it already. With
independent losses p_i and M attempts a packet is sent

    sum over m = 0 .. M - 1 of 1 - prod over i of (1 - p_i^m)

times in the mean, the mean largest of N geometric numbers, and all listeners end together, when nobody lacks anything.
Feedback is heard from everybody, at once and free, unless the scheme says otherwise.

Closed forms under Rayleigh fading at Shannon's rate are in ``channel_models.sharing.ergodic``: broadcast to equal
listeners runs at the ergodic rate of a mean SNR of g/N, unicast at 1/sum(1/C_i), rateless towards min C_i.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from channel_models.retransmission.fountain import Fountain
from channel_models.retransmission.passes import Passes
from channel_models.retransmission.scheme import PassLog, Receiver, Retransmission
from channel_models.sharing.policy import Allocation
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.fate import Fate
from channel_models.transfer.fidelity import FIDELITIES
from channel_models.transfer.fidelity.fidelity import Fidelity
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile, Profile, Segments
from channel_models.transfer.transmission import Transmission
from channel_models.transfer.work import Work

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_NEGLIGIBLE = 1e-9


@dataclass(frozen=True, eq=False)
class BroadcastProfile:
    """One transmission that every listener can follow: in each block it goes at the least of their rates.

    listeners: their links, of one block length, band and allocation, without interference (the instants at which it
    changes would differ). SINR and rate are the worst listener's, block by block. Raises ValueError otherwise.
    """

    listeners: tuple[LinkProfile, ...]

    def __post_init__(self) -> None:
        if not self.listeners:
            raise ValueError("listeners must be at least one link")
        if len({(link.block_s, link.bandwidth_hz, link.allocation) for link in self.listeners}) > 1:
            raise ValueError("listeners must share block length, band and allocation: they hear one transmission")
        if any(link.interference is not None for link in self.listeners):
            raise ValueError("listeners must be without interference: broadcast to each one alone, or leave it out")

    @property
    def block_s(self) -> float:
        """Length of the blocks of all listeners."""
        return self.listeners[0].block_s

    @cached_property
    def mean_rate_bps(self) -> float:
        """The least of the listeners' mean rates, an estimate from above of the mean of the least."""
        return min(link.mean_rate_bps for link in self.listeners)

    @property
    def mean_snr(self) -> float:
        """1 / sum(1/g_i), the mean SNR of the worst of independent Rayleigh-faded listeners."""
        return 1.0 / sum(1.0 / link.mean_snr for link in self.listeners)

    @property
    def band_hz(self) -> float:
        """Bandwidth in use."""
        return self.listeners[0].band_hz

    @property
    def allocation(self) -> Allocation:
        """Share of the medium."""
        return self.listeners[0].allocation

    @property
    def blocks_ahead(self) -> float:
        """As few as the listener of whom least is known."""
        return min(link.blocks_ahead for link in self.listeners)

    @property
    def label(self) -> str:
        """All listeners in words."""
        return f"broadcast to {len(self.listeners)} listeners, the slowest of which is " + self._slowest.label

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        """Blocks at the worst listener's SINR and rate, as far as everybody's channel is known."""
        heard = _heard(self.listeners, first_block, count, origin_s)
        snr = np.min([segments.snr for segments in heard], axis=0)
        rate_bps = np.min([segments.rate_bps for segments in heard], axis=0)
        return Segments(heard[0].ends_s, snr, rate_bps, heard[0].airtime)

    @property
    def _slowest(self) -> LinkProfile:
        return min(self.listeners, key=lambda link: link.mean_rate_bps)


@lru_cache(maxsize=1)
def _heard(listeners: tuple[LinkProfile, ...], first_block: int, count: int, origin_s: float) -> tuple[Segments, ...]:
    """The same blocks as each listener has them, kept until others are asked for: everybody asks for the same ones."""
    told = [link.stretch(first_block, count, origin_s) for link in listeners]
    known = min(segments.snr.size for segments in told)
    return tuple(Segments(*(row[:known] for row in segments)) for segments in told)


@dataclass(frozen=True, eq=False)
class _Ear(BroadcastProfile):
    """The broadcast as the listener at ``place`` hears it: at the rate of the worst, with an SINR of its own."""

    place: int

    @property
    def mean_snr(self) -> float:
        """The listener's own."""
        return self.listeners[self.place].mean_snr

    def stretch(self, first_block: int, count: int, origin_s: float) -> Segments:
        """Blocks at the worst listener's rate and this one's SINR."""
        own = _heard(self.listeners, first_block, count, origin_s)[self.place]
        return super().stretch(first_block, count, origin_s)._replace(snr=own.snr)


class _Listener(NamedTuple):
    """What one listener hears, and what befalls it."""

    work: Work
    fate: Fate


@dataclass(frozen=True, kw_only=True)
class _ToAll(Passes):
    """Passes of a scheme until every listener has each packet."""

    scheme: Retransmission
    listeners: tuple[_Listener, ...]
    feedback_s: float = 0.0  # type: ignore[misc]

    @property
    def attempts(self) -> int:
        return int(self.scheme.attempts)

    def receiver(self, fate: Fate) -> Receiver:
        return _Audience([(one.work, self.scheme.receiver(one.fate)) for one in self.listeners], fate.packets)


class _Audience:
    """Receivers that hear the same transmissions; a packet fails as long as anybody lacks it."""

    def __init__(self, receivers: Sequence[tuple[Work, Receiver]], packets: int) -> None:
        self._receivers = receivers
        self._lacking = np.ones((len(receivers), packets), dtype=np.bool_)

    def failures(
        self, work: Work, packets: IntArray, first_slot: int, bits: FloatArray | float, ends_bits: FloatArray
    ) -> BoolArray:
        """As ``Fate.failures``; everybody's rate is that of ``work``, the SINR that of their own."""
        for lacking, (heard, receiver) in zip(self._lacking, self._receivers, strict=True):
            lacking[packets] &= receiver.failures(heard, packets, first_slot, bits, ends_bits)
        return np.logical_or.reduce(self._lacking[:, packets])


class _FlowToAll(Fidelity):
    """A fluid to several listeners, packet by packet in the mean: of packet k listener i lacks the share q_ik, and a
    pass carries the share 1 - prod over i of (1 - q_ik) of it, after which q_ik is p_i(t) times what it was."""

    def run(self, scheme: Retransmission, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        assert isinstance(scheme, _ToAll), "a fluid to several listeners is sent in passes to all"
        lacking, wanted = np.ones((len(scheme.listeners), sizes_bits.size)), np.ones(sizes_bits.size)
        sent, ends_bits = list[float](), [0.0]
        while len(sent) < scheme.attempts and wanted.sum() > _NEGLIGIBLE * wanted.size:
            done_bits = ends_bits[-1] + (sizes_bits * wanted).cumsum()
            lacking *= [_error_rates(one, sizes_bits.astype(np.float64), done_bits) for one in scheme.listeners]
            sent.append(float(wanted.sum()))
            ends_bits.append(float(done_bits[-1]))
            wanted = 1.0 - (1.0 - lacking).prod(axis=0)
        lost = np.flatnonzero(fate.chances.between(0, fate.packets) < wanted)
        first_s, last_s = work.elapsed_s(ends_bits[1]), work.elapsed_s(ends_bits[-1])
        return PassLog(lost, len(sent), round(sum(sent)), round(ends_bits[-1]), first_s, last_s)


def _error_rates(listener: _Listener, bits: FloatArray, ends_bits: FloatArray) -> FloatArray:
    """Probability f64[n] that a listener loses packets that end when so much work is done."""
    work, fate = listener
    segments = work.segments(ends_bits)
    reception = work.reception(segments, bits)
    survival = (1.0 - fate.loss_map.packet_error_rate(reception)) * (1.0 - work.collision(segments))
    if fate.chosen_loss:
        survival *= 1.0 - fate.rate_map.error_rate(reception.snr)
    return 1.0 - survival


class _Broadcasting(Transmission):
    """One transmission for everybody, which stays on the links that it began on."""

    def switch(self, time_s: float, profile: Profile) -> None:
        """Raises ValueError: who moves on listens to the end."""
        raise ValueError("a broadcast stays on the links that it began on: start another one over the new links")


def broadcast(
    links: Sequence[Link], start_s: float, payload_bytes: int, transfer_indices: Sequence[int]
) -> Transmission:
    """One transmission of a payload to all listeners, repeated until everybody has it (or the attempts are over).

    links: of one sender, alike but for the channel and the loss; transfer_indices: number of this transfer among those
    of each link, which keys the link's own losses. Packets lost are those that anybody lacks in the end; SNR and rate
    of the delivery are those of the worst listener, block by block. A single listener has the link's own transfer.
    In fidelity ``fluid`` the expected share of every packet is sent again. Raises ValueError for no links, unlike
    ones, links without an SNR, and schemes that cannot tell who lacks what.
    """
    if len(links) == 1:
        return links[0].start(start_s, payload_bytes, transfer_indices[0])
    _check(links)
    first, profiles = links[0], tuple(link.profile for link in links if isinstance(link.profile, LinkProfile))
    fidelity = _FlowToAll() if first.fidelity == "fluid" else FIDELITIES[first.fidelity]
    listeners = tuple(
        _Listener(
            fidelity.work(_Ear(profiles, place), start_s, link.max_transfer_s), link.fate(payload_bytes, transfer_index)
        )
        for place, (link, transfer_index) in enumerate(zip(links, transfer_indices, strict=True))
    )
    return _Broadcasting(
        fidelity.work(BroadcastProfile(profiles), start_s, first.max_transfer_s),
        payload_bytes,
        first.packetisation,
        _ToAll(scheme=first.scheme, listeners=listeners, feedback_s=first.scheme.feedback_s),
        listeners[0].fate,
        first.tx_power_w,
        fidelity,
    )


def _check(links: Sequence[Link]) -> None:
    """Raises ValueError for links that no broadcast can go over."""
    if not links:
        raise ValueError("links must be at least one")
    if len({(one.packetisation, one.scheme, one.fidelity, one.tx_power_w, one.max_transfer_s) for one in links}) > 1:
        raise ValueError("links must share packets, scheme, fidelity and power: one sender sends once for all of them")
    if not all(isinstance(link.profile, LinkProfile) for link in links):
        raise ValueError("links must have an SNR, which recorded rates do not: send to each one by itself (unicast)")
    scheme, fluid = links[0].scheme, links[0].fidelity == "fluid"
    if not isinstance(scheme, Passes) or (fluid and scheme.feedback_s):
        raise ValueError(
            f"{type(scheme).__name__} cannot tell which listener of a broadcast (fidelity {links[0].fidelity}) lacks "
            "what: use selective_repeat, or rateless for coded packets"
        )


def unicast(links: Sequence[Link], start_s: float, payload_bytes: int, transfer_index: int) -> list[Delivery]:
    """The payload to one listener after another, each on the whole band; deliveries in the order of links."""
    told, now_s = list[Delivery](), start_s
    for link in links:
        told.append(link.transfer(now_s, payload_bytes, transfer_index))
        now_s = told[-1].finish_s
    return told


def rateless(
    links: Sequence[Link], start_s: float, payload_bytes: int, transfer_index: int, overhead: float = 0.05
) -> list[Delivery]:
    """One rateless-coded transmission in which each listener gathers coded packets at its own rate.

    It lasts until the last finish; ``overhead`` as in ``Fountain``. Deliveries in the order of links.
    """
    scheme = Fountain(overhead=overhead)
    return [replace(link, scheme=scheme).transfer(start_s, payload_bytes, transfer_index) for link in links]

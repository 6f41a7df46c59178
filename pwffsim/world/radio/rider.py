"""A payload on its way through the air, and the pieces of time that it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from channel_models.sharing.policy import Allocation, User, gain_of_link
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile, Profile, Silence
from channel_models.transfer.recorded import RecordedProfile
from channel_models.transfer.transmission import Transmission
from channel_models.transfer.work import Exposure, LinkStalled
from pwffsim.kernel.clock import Kernel, ns, seconds
from pwffsim.kernel.signals import Signal
from pwffsim.runs.records import SpanKind
from pwffsim.world.tasks import Task


@dataclass(frozen=True)
class Piece:
    """A stretch of a transfer: on air (UPLOAD, RETRANSMIT or DOWNLOAD), in a queue, or between two cells."""

    kind: SpanKind
    start_ns: int
    end_ns: int


@dataclass(eq=False)
class Rider:
    """A transfer between a client and whatever cell serves it.

    Attributes:
        task: what it belongs to.
        client: whose it is.
        link: the link to the cell that serves the client now.
        payload_bytes: what is carried.
        transfer_index: number of the transfer among those of this client and direction.
        transmission: the transfer itself, once its first bit is on air.
        changed: happens when the air has another share for it.
        pieces: what the time went into so far.
        handovers: how often it changed cells on the way.
    """

    kernel: Kernel
    task: Task
    client: int
    link: Link
    payload_bytes: int
    transfer_index: int
    transmission: Transmission | None = None
    changed: Signal = field(init=False)
    pieces: list[Piece] = field(default_factory=list)
    handovers: int = 0

    def __post_init__(self) -> None:
        self.changed = self.kernel.event()

    @property
    def user(self) -> User:
        """What the sharing rule sees of it."""
        return user_of(self.link, self.client, self.payload_bytes)

    def take(self, allocation: Allocation) -> None:
        """From now on, this is its share of the air."""
        self._ride_on(_under(self.link.profile, allocation))

    def hold(self) -> None:
        """From now on, nothing goes through."""
        self._ride_on(Silence())

    def told(self) -> None:
        """Let whoever waits for the end know that it has moved."""
        changed, self.changed = self.changed, self.kernel.event()
        changed.succeed()

    @property
    def under_way(self) -> Transmission:
        """The transfer. It exists from its first moment on air."""
        assert self.transmission is not None, "nothing is on air yet"
        return self.transmission

    @property
    def end_ns(self) -> int:
        """When it ends, as things stand; not before now. Raises LinkStalled if that is too far off."""
        return max(ns(self.under_way.finish_s), self.kernel.now_ns)

    def end_by(self, until_ns: int) -> int | None:
        """When it ends, as things stand, if that is not after a time; the link is not looked at beyond that time, at
        which a moving client may have another one. Raises LinkStalled if that is too far off."""
        work = self.under_way.work
        whole_s, within_s = work.max_transfer_s, seconds(until_ns) - work.start_s
        if within_s >= whole_s:
            return self.end_ns
        work.max_transfer_s = within_s
        try:
            work.bits_after(within_s)  # drawn, as a mean rate says little of a link that moves
            return end_ns if (end_ns := self.end_ns) <= until_ns else None
        except LinkStalled:
            return None
        finally:
            work.max_transfer_s = whole_s

    def note(self, kind: SpanKind, start_ns: int, end_ns: int | None = None) -> None:
        """A piece that ends now, or at a time before."""
        end_ns = self.kernel.now_ns if end_ns is None else end_ns
        if end_ns > start_ns:
            self.pieces.append(Piece(kind, start_ns, end_ns))

    @cached_property
    def delivery(self) -> Delivery:
        """What it came to; asked for at the end."""
        return self.under_way.delivery()

    @property
    def sent_ns(self) -> int:
        """When its first bit went on air."""
        return ns(self.under_way.start_s)

    @property
    def held_ns(self) -> int:
        """Time since then in which it was not on any air: between two cells, or in a second queue."""
        return sum(
            piece.end_ns - piece.start_ns
            for piece in self.pieces
            if piece.kind in (SpanKind.QUEUE, SpanKind.HANDOVER) and piece.start_ns >= self.sent_ns
        )

    @property
    def full_power_s(self) -> float:
        """Seconds at full power that radiate as much as it did."""
        return self.delivery.radiated_j / self.link.tx_power_w if self.link.tx_power_w > 0 else 0.0

    def exposure(self, piece: Piece) -> Exposure:
        """What a piece on air comes to: seconds on air, and at full power."""
        transmission = self.under_way
        start_s, end_s = (seconds(at_ns) - transmission.start_s for at_ns in (piece.start_ns, piece.end_ns))
        spans = [(max(begin, start_s), min(end, end_s)) for begin, end in transmission.log.busy]
        return transmission.work.exposure([(begin, end) for begin, end in spans if begin < end])

    def told_apart(self) -> Iterator[Piece]:
        """The pieces, with what is on air after the first pass called retransmission."""
        first_ns = max(ns(self.delivery.first_pass_s), self.sent_ns)
        for piece in self.pieces:
            if piece.kind is not SpanKind.UPLOAD or piece.end_ns <= first_ns:
                yield piece
            elif piece.start_ns >= first_ns:
                yield replace(piece, kind=SpanKind.RETRANSMIT)
            else:
                yield replace(piece, end_ns=first_ns)
                yield replace(piece, kind=SpanKind.RETRANSMIT, start_ns=first_ns)

    def _ride_on(self, profile: Profile) -> None:
        now_s = seconds(self.kernel.now_ns)
        if self.transmission is None:
            self.transmission = self.link.start(now_s, self.payload_bytes, self.transfer_index, profile)
        else:
            self.transmission.switch(now_s, profile)


def user_of(link: Link, client: int, payload_bytes: int) -> User:
    """A client with so much to send over a link; recorded rates are, to a sharing rule, a channel that never fades."""
    profile = link.profile
    faded = isinstance(profile, LinkProfile)
    return User(
        client=client,
        mean_snr=profile.mean_snr if faded else 1.0,
        bits=8.0 * payload_bytes,
        tx_power_w=link.tx_power_w,
        gain=gain_of_link(profile.fading.gain if isinstance(profile, LinkProfile) else _unit_gain, link.link_id),
    )


def _unit_gain(link: int, first_block: int, count: int) -> NDArray[np.float64]:
    return np.ones(count)


def _under(profile: Profile, allocation: Allocation) -> Profile:
    assert isinstance(profile, LinkProfile | RecordedProfile)
    if profile.allocation == allocation:
        return profile
    return replace(profile, allocation=allocation)

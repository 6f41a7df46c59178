"""Uploads that the air adds up: all who were given a task together send at once, when the last of them is ready."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from channel_models.sharing.over_the_air import OverTheAir
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.work import Exposure
from channel_models.units import db_to_linear
from pwffsim.kernel.clock import Kernel, ns, seconds
from pwffsim.kernel.order import Order
from pwffsim.kernel.signals import Signal
from pwffsim.runs.records import SpanKind
from pwffsim.world.radio.rider import Piece, Rider


@dataclass(eq=False)
class Voice(Rider):
    """One client's part in a chorus.

    Attributes:
        part: what becomes of it, from the moment at which all begin.
    """

    part: Delivery | None = None

    @cached_property
    def delivery(self) -> Delivery:
        """What it came to; asked for once all have begun."""
        assert self.part is not None, "the chorus has not begun"
        return self.part

    @property
    def sent_ns(self) -> int:
        """When all began."""
        return ns(self.delivery.start_s)

    @property
    def end_ns(self) -> int:
        """When all end, not before now."""
        return max(ns(self.delivery.finish_s), self.kernel.now_ns)

    def exposure(self, piece: Piece) -> Exposure:
        """What its only piece on air comes to."""
        delivery = self.delivery
        return Exposure(delivery.on_air_s, self.full_power_s, float(db_to_linear(delivery.mean_snr_db)))


@dataclass(eq=False)
class _Gathering:
    """Those of one round that are ready; ``full`` happens with the last of them."""

    full: Signal
    voices: list[Voice] = field(default_factory=list)


class Chorus:
    """The air of a cell whose clients send together.

    Args:
        kernel: the clock.
        sharing: the rule by which they do.
    """

    def __init__(self, kernel: Kernel, sharing: OverTheAir) -> None:
        self._kernel = kernel
        self._sharing = sharing
        self._gatherings: dict[tuple[str, int], _Gathering] = {}

    def sing(self, voice: Voice) -> Generator[Any, Any, None]:
        """Wait for the others of the round, then be on air with them, to the end.

        Raises ValueError where their payloads differ.
        """
        asked_ns = self._kernel.now_ns
        yield self._join(voice).full
        began_ns = self._kernel.now_ns
        voice.note(SpanKind.QUEUE, asked_ns)
        yield self._kernel.at(voice.end_ns, order=Order.DELIVERY, actor=voice.client)
        voice.note(SpanKind.UPLOAD, began_ns)

    def _join(self, voice: Voice) -> _Gathering:
        """The gathering of the voice's round; the last one to come makes it begin."""
        key = (voice.task.stage.name, voice.task.round)
        gathering = self._gatherings.setdefault(key, _Gathering(self._kernel.event()))
        gathering.voices.append(voice)
        if len(gathering.voices) == voice.task.together:
            del self._gatherings[key]
            self._begin(sorted(gathering.voices, key=lambda voice: voice.client))
            gathering.full.succeed()
        return gathering

    def _begin(self, voices: list[Voice]) -> None:
        profile, payload_bytes = voices[0].link.profile, _common_payload(voices)
        assert isinstance(profile, LinkProfile), "a recorded link has no channel to invert"
        parts = self._sharing.superpose(
            [voice.user for voice in voices],
            payload_bytes,
            seconds(self._kernel.now_ns),
            profile.bandwidth_hz,
            profile.block_s,
        )
        for voice, part in zip(voices, parts, strict=True):
            voice.part = part


def _common_payload(voices: list[Voice]) -> int:
    """Entries add up with entries of the same name only."""
    sizes = {voice.client: voice.payload_bytes for voice in voices}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"payloads that add up on the air must be equal, got bytes by client {sizes}")
    return voices[0].payload_bytes

"""Which transmissions of a transfer fail: by the channel, by the rate map's own choice, by collision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from channel_models.loss.loss_map import LossMap, LossProcess, Reception
from channel_models.randomness import Draws, draws, stream
from channel_models.rates.rate_map import RateMap
from channel_models.transfer.work import Work

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_AHEAD = 1.25


class Uniforms:
    """Uniform numbers u_0, u_1, ... of one place in a random field, drawn as far as they are asked for.

    However far that is, u_k is the same.
    """

    def __init__(self, field: Draws, *place: int) -> None:
        self._field = field
        self._place = place
        self._drawn = np.empty(0)

    def between(self, first: int, stop: int) -> FloatArray:
        """u_first .. u_(stop - 1)."""
        if stop > self._drawn.size:
            self._drawn = self._field.at(*self._place).random(int(_AHEAD * stop) + 1)
        return self._drawn[first:stop]


@dataclass(frozen=True, eq=False)
class Fate:
    """The losses of one transfer, a pure function of (seed, purpose, link, transfer, slot).

    A slot is one transmission; slots are numbered through all attempts of all packets. What befalls a slot does not
    depend on how many more there will be, nor on when it is asked.
    """

    loss_map: LossMap
    rate_map: RateMap
    seed: int
    purpose: str
    link: int
    transfer: int
    packets: int

    @cached_property
    def lossless(self) -> bool:
        """True if only a collision could spoil a packet."""
        return self.loss_map.lossless and not self.chosen_loss

    @cached_property
    def blind(self) -> bool:
        """True if, collisions apart, losses do not depend on the channel."""
        return not (self.loss_map.needs_snr or self.loss_map.by_scheme or self.chosen_loss)

    @cached_property
    def chosen_loss(self) -> bool:
        """True if the rate map sends at rates that lose a nominal share, and no loss map knows the actual one."""
        return self.rate_map.carries_loss and not self.loss_map.by_scheme

    def failures(
        self, work: Work, packets: IntArray, first_slot: int, bits: FloatArray | float, ends_bits: FloatArray
    ) -> BoolArray:
        """Whether each transmission fails, bool[n].

        packets: their numbers int64[n], sent in consecutive slots from ``first_slot`` on; bits: on the air of each;
        ends_bits: work done when each one ends, f64[n]. It fails by the segment in which it ends.
        """
        if self.lossless and not work.collides:
            return np.zeros(packets.size, dtype=np.bool_)
        if self.blind and not work.collides:
            # One packet stands for all of them where losses have no memory.
            seen = 1 if self.loss_map.memoryless else packets.size
            return self._failing(first_slot, packets.size, self.error_rate(first_slot, unseen(seen)))
        segments = work.segments(ends_bits)
        failed = self._failing(first_slot, packets.size, self.error_rate(first_slot, work.reception(segments, bits)))
        return failed | self.collisions(work, segments, first_slot) if work.collides else failed

    def _failing(self, first_slot: int, slots: int, error_rate: FloatArray) -> BoolArray:
        """Whether each of consecutive slots fails that does so with this probability; drawn where that is not known."""
        if self.loss_map.certain and not self.chosen_loss:
            return error_rate >= 1.0
        return self.chances.between(first_slot, first_slot + slots) >= 1.0 - error_rate

    def error_rate(self, first_slot: int, reception: Reception) -> FloatArray:
        """Probability that each of consecutive slots fails by the channel or the rate map's choice."""
        if self.loss_map.memoryless:
            error_rate = self.loss_map.packet_error_rate(reception)
        else:
            error_rate = self._process.error_rate(first_slot, reception)
        if not self.chosen_loss:
            return error_rate
        return 1.0 - (1.0 - error_rate) * (1.0 - self.rate_map.error_rate(reception.snr))

    def collisions(self, work: Work, segments: IntArray, first_slot: int) -> BoolArray:
        """Whether others spoil each of consecutive slots."""
        spoilt = self._spoils.between(first_slot, first_slot + segments.size)
        return spoilt < work.collision(segments)

    @cached_property
    def chances(self) -> Uniforms:
        """A uniform number for every slot."""
        return Uniforms(loss_field(self.seed, self.purpose), self.link, self.transfer)

    @cached_property
    def _spoils(self) -> Uniforms:
        return Uniforms(draws(self.seed, f"{self.purpose}/collisions"), self.link, self.transfer)

    @cached_property
    def _process(self) -> LossProcess:
        return self.loss_map.process(stream(self.seed, f"{self.purpose}/loss states", self.link, self.transfer))


def unseen(packets: int) -> Reception:
    """The reception of packets of which nothing is known."""
    return Reception(np.full(packets, np.nan), np.nan, np.nan, np.nan)


def loss_field(seed: int, purpose: str) -> Draws:
    """The uniform numbers of losses by (link, transfer)."""
    return draws(seed, f"{purpose}/loss")

"""What every loss map answers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from channel_models.fading.fading import Fading
from channel_models.model import Model
from channel_models.registry import Registry

FloatArray = NDArray[np.float64]

USUAL_PACKET_BITS = 12_000.0
"""A packet of 1500 bytes, for means over packets of one length."""


class Reception(NamedTuple):
    """How packets reach the receiver, an entry (or one value for all) a packet.

    snr: linear SNR (SINR) of the block in which a packet ends; mean_snr: linear mean SNR of the link then; efficiency:
    b/s/Hz at which it was sent; bits: its bits on the air.
    """

    snr: FloatArray
    mean_snr: FloatArray | float
    efficiency: FloatArray | float
    bits: FloatArray | float


class LossProcess(Protocol):
    """The losses of one transfer, transmission by transmission."""

    def error_rate(self, first_slot: int, reception: Reception) -> FloatArray:
        """Probability that each of consecutive transmissions fails; the first of them is number ``first_slot`` of the
        transfer. Asked again of the same slots, it answers the same."""
        ...


@dataclass(frozen=True, kw_only=True)
class LossMap(Model):
    """Packet error rates."""

    needs_snr: ClassVar[bool] = True
    """Whether the probability depends on the SNR (a link that replays recorded rates has none)."""

    memoryless: ClassVar[bool] = True
    """Whether a transmission's loss depends on its own reception alone, not on those before it."""

    by_scheme: ClassVar[bool] = False
    """Whether it is the error rate of the very modulation and coding scheme that the rate map chose, in place of the
    nominal one that such a rate map carries."""

    certain: ClassVar[bool] = False
    """Whether the reception alone decides: every probability is 0 or 1, and nothing is left to chance."""

    @property
    def by_block(self) -> bool:
        """Whether it follows the SNR of each block (and not the mean SNR alone), so that combining attempts helps."""
        return self.needs_snr

    @property
    def lossless(self) -> bool:
        """True if no packet can ever be lost."""
        return False

    @abstractmethod
    def packet_error_rate(self, reception: Reception) -> FloatArray:
        """Probabilities in [0, 1], f64 in the shape of ``reception.snr``."""

    @abstractmethod
    def mean_error_rate(self, mean_snr: float, fading: Fading) -> float:
        """E[packet_error_rate] over blocks. Under an adaptive rate more packets end in good blocks, so the
        share of packets lost is smaller than this share of blocks. A map that goes by the length of packets takes
        12,000 bits (1500 bytes) for it unless told otherwise."""

    def process(self, generator: Generator) -> LossProcess:
        """The losses of one transfer; a map with memory draws its states from ``generator``."""
        return Memoryless(self)


@dataclass(frozen=True)
class Memoryless:
    """Losses that depend on the packet's own reception alone."""

    loss_map: LossMap

    def error_rate(self, first_slot: int, reception: Reception) -> FloatArray:
        return self.loss_map.packet_error_rate(reception)


LOSS_MAPS: Registry[LossMap] = Registry("loss")
"""Loss maps by scenario name."""

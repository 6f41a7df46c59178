"""What every retransmission scheme does: send packets over a link until enough of them have arrived."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from channel_models.model import Model
from channel_models.registry import Registry
from channel_models.transfer.fate import Fate
from channel_models.transfer.work import Span, Work
from channel_models.validation import probability

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Dialogue = Generator[tuple[int, int], bool, list[int]]
"""A sender in plain words: it says (packet, attempt) of what it sends next, is told whether that failed, and returns
the packets that were never delivered."""


@dataclass(frozen=True, eq=False)
class PassLog:
    """What the passes over a link came to; seconds are counted from the start of the transfer.

    lost: int64 numbers of the packets never delivered; passes: rounds of feedback; transmissions: with repeats;
    bits_on_air: of all transmissions; first_pass_s: end of the first pass over all packets; elapsed_s: the end;
    waits: spans (from, to) in between in which nothing was sent.
    """

    lost: IntArray
    passes: int
    transmissions: int
    bits_on_air: int
    first_pass_s: float
    elapsed_s: float
    waits: tuple[Span, ...] = ()

    @property
    def waited_s(self) -> float:
        """Seconds of all waits."""
        return sum(stop - start for start, stop in self.waits)

    @property
    def busy(self) -> list[Span]:
        """The spans in which something was sent."""
        cuts = [0.0, *(time for wait in self.waits for time in wait), self.elapsed_s]
        return list(zip(cuts[::2], cuts[1::2], strict=True))


NOTHING_SENT = PassLog(np.empty(0, dtype=np.int64), 0, 0, 0, 0.0, 0.0)
"""The log of an empty payload."""


class Receiver(Protocol):
    """What says which packets failed; one that combines attempts remembers the earlier ones of each packet."""

    def failures(
        self, work: Work, packets: IntArray, first_slot: int, bits: FloatArray | float, ends_bits: FloatArray
    ) -> BoolArray:
        """As ``Fate.failures``."""
        ...


@dataclass(frozen=True, kw_only=True)
class Retransmission(Model):
    """A scheme. The transfer it runs may be planned anew when the link changes, so ``run`` is a pure function of the
    work and the fate: it keeps no state of its own."""

    combines: ClassVar[bool] = False
    """Whether the receiver combines the attempts of a packet (hybrid ARQ): takes a loss that follows the SNR."""

    feedback_s: ClassVar[float] = 0.0
    """Seconds of silence before each later pass."""

    @property
    @abstractmethod
    def attempts(self) -> float:
        """M, how often a packet is sent at most (infinity: until it has arrived)."""

    @abstractmethod
    def run(self, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        """Send packets of the given sizes (at least one), int64[n], over the link."""

    @abstractmethod
    def dialogue(self, packets: int) -> Dialogue:
        """What the sender does, transmission by transmission: the same protocol as ``run``, told in plain words."""

    def sizes_on_air(self, sizes_bits: IntArray) -> IntArray:
        """Sizes of the packets sent if none fails, for a payload cut into packets of the given sizes."""
        return sizes_bits

    def receiver(self, fate: Fate) -> Receiver:
        """What judges the attempts of one transfer."""
        return fate

    def mean_transmissions(self, error_rate: ArrayLike) -> FloatArray:
        """E[transmissions of a packet] where each attempt fails independently with probability p: (1 - p^M)/(1 - p)
        (Lin and Costello). A bound from below where losses follow the blocks: repeats may meet the same bad one."""
        p = np.asarray(probabilities("error_rate", error_rate))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(p == 1.0, self.attempts, (1.0 - p**self.attempts) / (1.0 - p))[()]

    def residual_loss(self, error_rate: ArrayLike) -> FloatArray:
        """P(a packet is never delivered), in the same case: p^M. A bound from below where losses follow the blocks."""
        return (np.asarray(probabilities("error_rate", error_rate)) ** self.attempts)[()]


def probabilities(name: str, values: ArrayLike) -> FloatArray:
    """values, f64 in [0, 1]."""
    array = np.asarray(values, dtype=np.float64)
    probability(name, float(np.min(array, initial=0.0)))
    probability(name, float(np.max(array, initial=1.0 * (array.size == 0))))
    return array


RETRANSMISSION: Registry[Retransmission] = Registry("retransmission")
"""Retransmission schemes by scenario name."""

"""Hybrid ARQ: attempts that failed are kept, and add up with the next."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from channel_models.model import parameter
from channel_models.retransmission.passes import Passes
from channel_models.retransmission.scheme import Receiver
from channel_models.transfer.fate import Fate
from channel_models.transfer.work import Work

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class CombiningPasses(Passes):
    """Passes whose receiver combines the attempts of a packet.

    A packet has one uniform number for all its attempts, so that P(it fails through attempt m) is the error rate at the
    effective SNR of m attempts. ``mean_transmissions`` and ``residual_loss``, which suppose independent attempts, are
    upper bounds here.
    """

    combines: ClassVar[bool] = True
    retransmissions: int = parameter("Repeats of a packet at most.", default=3, least=0)

    @property
    def attempts(self) -> int:
        """M = 1 + retransmissions."""
        return 1 + self.retransmissions

    @abstractmethod
    def combine(self, gathered: FloatArray, snr: FloatArray) -> FloatArray:
        """Effective linear SNR of what is gathered (0: nothing) and one more attempt, in their shape."""

    def receiver(self, fate: Fate) -> Receiver:
        return Combiner(self, fate)


class Combiner:
    """A receiver that keeps the effective SNR of what it has heard of each packet."""

    def __init__(self, scheme: CombiningPasses, fate: Fate) -> None:
        self._scheme = scheme
        self._fate = fate
        self._gathered = np.zeros(fate.packets)

    def failures(
        self, work: Work, packets: IntArray, first_slot: int, bits: FloatArray | float, ends_bits: FloatArray
    ) -> BoolArray:
        """An attempt that others spoil adds nothing to what is gathered, and delivers nothing."""
        segments = work.segments(ends_bits)
        reception = work.reception(segments, bits)
        spoilt = self._spoilt(work, segments, first_slot)
        heard = np.where(spoilt, 0.0, reception.snr)
        snr = self._gathered[packets] = self._scheme.combine(self._gathered[packets], heard)
        error_rate = self._fate.error_rate(first_slot, reception._replace(snr=snr))
        chances = self._fate.chances.between(0, self._gathered.size)[packets]
        return (chances >= 1.0 - error_rate) | spoilt

    def _spoilt(self, work: Work, segments: IntArray, first_slot: int) -> BoolArray:
        if not work.collides:
            return np.zeros(segments.size, dtype=np.bool_)
        return self._fate.collisions(work, segments, first_slot)

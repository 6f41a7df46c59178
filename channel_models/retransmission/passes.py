"""Passes: everything is sent in order, then what is still lost, again and again."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_models.retransmission.scheme import Dialogue, PassLog, Retransmission
from channel_models.transfer.fate import Fate
from channel_models.transfer.work import Span, Work
from channel_models.validation import probability

IntArray = NDArray[np.int64]

_NEGLIGIBLE = 1e-17


@dataclass(frozen=True, kw_only=True)
class Passes(Retransmission):
    """Pass 0 sends all packets in order; each later pass sends again, in order, those that are still lost.

    Between two passes the sender may wait for feedback, off the air.
    """

    @property
    @abstractmethod
    def attempts(self) -> int:
        """M, passes at most."""

    def run(self, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        """A packet's transmission fails by the segment in which it ends."""
        receiver = self.receiver(fate)
        pending, all_sizes = np.arange(sizes_bits.size), sizes_bits.astype(np.float64)
        sizes = all_sizes
        sent, bits, base_bits, ends_s, waits = 0, 0, 0.0, [], list[Span]()
        while True:
            done_bits = sizes.cumsum()
            ends_bits = base_bits + done_bits
            failed = receiver.failures(work, pending, sent, sizes, ends_bits)
            sent, bits, base_bits = sent + sizes.size, bits + int(done_bits[-1]), float(ends_bits[-1])
            ends_s.append(work.elapsed_s(base_bits))
            pending = pending[failed]
            if pending.size == 0 or len(ends_s) == self.attempts:
                return PassLog(pending, len(ends_s), sent, bits, ends_s[0], ends_s[-1], tuple(waits))
            sizes = all_sizes[pending]
            if self.feedback_s:
                waits.append((ends_s[-1], ends_s[-1] + self.feedback_s))
                base_bits = float(work.bits_after(waits[-1][1]))

    def dialogue(self, packets: int) -> Dialogue:
        pending = list(range(packets))
        for attempt in range(self.attempts):
            still_lost = []
            for packet in pending:
                if (yield packet, attempt):
                    still_lost.append(packet)
            pending = still_lost
        return pending


def unlimited_transmissions(packets: int, error_rate: float) -> tuple[float, float]:
    """Mean and standard deviation of the transmissions that n packets need without a cap.

    Negative binomial: n/(1 - p) and sqrt(n p)/(1 - p). Raises ValueError for p = 1.
    """
    success = 1.0 - probability("error_rate", error_rate)
    if success == 0.0:
        raise ValueError("error_rate 1 never delivers a packet: the number of transmissions is infinite")
    return packets / success, float(np.sqrt(packets * error_rate)) / success


def mean_passes(packets: int, error_rate: float) -> float:
    """E[passes] without a cap, the mean largest of n geometric numbers: sum over m of 1 - (1 - p^m)^n."""
    if probability("error_rate", error_rate) == 1.0:
        raise ValueError("error_rate 1 never delivers a packet: the number of passes is infinite")
    total, still_lost = 0.0, 1.0
    while packets * still_lost > _NEGLIGIBLE:
        total += any_of(packets, still_lost)
        still_lost *= error_rate
    return total


def any_of(packets: int, probability_each: float) -> float:
    """1 - (1 - q)^n: the probability that any of n packets is concerned."""
    if probability_each >= 1.0:
        return float(packets > 0)
    return -float(np.expm1(packets * np.log1p(-probability_each)))

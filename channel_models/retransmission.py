"""Retransmission: selective repeat with immediate feedback and a cap, and the closed forms of it.

Pass 0 sends all packets in order; each later pass sends again, in order, those that are still lost; a
packet has 1 + retransmissions attempts at most. Feedback is immediate and free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_models.loss import LossMap
from channel_models.validation import count as checked_count
from channel_models.validation import probability
from channel_models.work import Work

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NEGLIGIBLE = 1e-17


@dataclass(frozen=True, eq=False)
class PassLog:
    """What the passes over a link came to; seconds are counted from the start of the transfer."""

    lost: IntArray
    passes: int
    transmissions: int
    bits_on_air: int
    first_pass_s: float
    elapsed_s: float


@dataclass(frozen=True)
class SelectiveRepeat:
    """At most ``retransmissions`` repeats of each packet (0: none)."""

    retransmissions: int

    def __post_init__(self) -> None:
        checked_count("retransmissions", self.retransmissions)

    @property
    def attempts(self) -> int:
        """M = 1 + retransmissions."""
        return 1 + self.retransmissions

    def run(self, work: Work, sizes_bits: IntArray, loss_map: LossMap, draws: Callable[[], FloatArray]) -> PassLog:
        """Send packets of the given sizes (at least one) over the link.

        Packet k of a pass is lost if its draw is below the packet error rate of the block in which it ends.
        ``draws()`` gives one uniform number a packet of the whole payload, f64[n], anew for each pass: what
        befalls a packet does not depend on which others are sent along.
        """
        pending = np.arange(sizes_bits.size, dtype=np.int64)
        transmissions, bits, pass_ends_s = 0, 0, []
        for _ in range(self.attempts):
            ends_bits = bits + np.cumsum(sizes_bits[pending])
            ends_s, snr = work.locate(ends_bits)
            transmissions, bits = transmissions + pending.size, int(ends_bits[-1])
            pass_ends_s.append(float(ends_s[-1]))
            pending = pending[_lost(loss_map, snr, pending, draws)]
            if pending.size == 0:
                break
        return PassLog(pending, len(pass_ends_s), transmissions, bits, pass_ends_s[0], pass_ends_s[-1])

    def mean_transmissions(self, error_rate: float) -> float:
        """E[transmissions of a packet] = (1 - p^M)/(1 - p), M = attempts (Lin and Costello)."""
        if probability("error_rate", error_rate) == 1.0:
            return float(self.attempts)
        return (1.0 - error_rate**self.attempts) / (1.0 - error_rate)

    def residual_loss(self, error_rate: float) -> float:
        """P(a packet is never delivered) = p^M."""
        return probability("error_rate", error_rate) ** self.attempts


RETRANSMISSION: dict[str, type[SelectiveRepeat]] = {"selective_repeat": SelectiveRepeat}
"""Retransmission schemes by scenario name."""


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
        total += -float(np.expm1(packets * np.log1p(-still_lost))) if still_lost < 1.0 else float(packets > 0)
        still_lost *= error_rate
    return total


def _lost(loss_map: LossMap, snr: FloatArray, pending: IntArray, draws: Callable[[], FloatArray]) -> NDArray[np.bool_]:
    if loss_map.lossless:
        return np.zeros(pending.size, dtype=np.bool_)
    return draws()[pending] < loss_map.packet_error_rate(snr)

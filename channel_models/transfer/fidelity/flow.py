"""Fluid: of the bits sent in each stretch of the channel the expected share is lost, and flows again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from channel_models.loss.loss_map import LossMap
from channel_models.rates.rate_map import RateMap
from channel_models.retransmission.passes import any_of
from channel_models.retransmission.scheme import PassLog, Retransmission
from channel_models.transfer.fate import Fate, unseen
from channel_models.transfer.fidelity.fidelity import Fidelity
from channel_models.transfer.work import Span, Work, in_order

IntArray = NDArray[np.int64]

NEGLIGIBLE = 1e-9


class Flow(Fidelity):
    """Bits that fail with probability p(t) are sent again in a later pass, as a fluid.

    A pass over w1 .. w2 bits of work leaves int p dw of them for the next; where p is one number the passes come to
    S mean_transmissions(p). The channel's own chance is all there is: no noise of packets (0.8 % of the duration for
    1550 packets at p = 0.1). What is lost in the end is a share of the payload; which packets those are is drawn, each
    with that probability, so that the loss is right in the mean. Waits have the probability that any packet needs them
    as a factor; counts are rounded expectations. Where losses follow the blocks it takes longer than packets do, by
    about a quarter of a packet at most: a packet fails by the block in which it ends, and few end in the first.
    """

    def check(self, scheme: Retransmission, loss_map: LossMap, rate_map: RateMap) -> None:
        if scheme.combines:
            raise ValueError(
                f"a fluid has no attempts that {type(scheme).__name__} could combine: use fidelity packet, or "
                "selective_repeat"
            )
        if not (loss_map.memoryless or loss_map.lossless):
            raise ValueError(
                f"a fluid thins by the mean loss, in which the bursts of {type(loss_map).__name__} would vanish: use "
                "fidelity packet, or loss constant"
            )

    def run(self, scheme: Retransmission, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        sizes = scheme.sizes_on_air(sizes_bits)
        error_rate = common_error_rate(work, fate)
        if error_rate is not None and not scheme.feedback_s and error_rate < 1.0:
            return _at_once(scheme, work, sizes, fate, error_rate)
        tally = _Tally(scheme, work, fate, sizes)
        while tally.sent_bits == 0.0 or not tally.ended:
            tally.send()
        return tally.log()


@dataclass(eq=False)
class _Tally:
    """Passes of a fluid over a link that loses more here than there.

    base_bits: work done before the next pass; pending_bits: what it will carry; any_passes: expected number of passes.
    """

    scheme: Retransmission
    work: Work
    fate: Fate
    sizes: IntArray
    base_bits: float = 0.0
    sent_bits: float = 0.0
    any_passes: float = 0.0
    ends_s: list[float] = field(default_factory=list)
    waits: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offered_bits = self.pending_bits = float(self.sizes.sum())

    @property
    def ended(self) -> bool:
        return len(self.ends_s) == self.scheme.attempts or self.pending_bits <= NEGLIGIBLE * self.offered_bits

    def send(self) -> None:
        """One pass, after the wait before it."""
        wanted = any_of(self.sizes.size, self.pending_bits / self.offered_bits)
        if self.scheme.feedback_s and self.ends_s:
            self.waits.append((self.ends_s[-1], self.ends_s[-1] + wanted * self.scheme.feedback_s))
            self.base_bits = float(self.work.bits_after(self.waits[-1][1]))
        end_bits = self.base_bits + self.pending_bits
        self.any_passes += wanted
        self.sent_bits += self.pending_bits
        self.ends_s.append(self.work.elapsed_s(end_bits))
        self.pending_bits = lost_bits(self.work, self.fate, float(self.sizes[0]), self.base_bits, end_bits)
        self.base_bits = end_bits

    def log(self) -> PassLog:
        return PassLog(
            lost=_lost(self.fate, self.pending_bits / self.offered_bits),
            passes=round(self.any_passes),
            transmissions=round(self.sizes.size * self.sent_bits / self.offered_bits),
            bits_on_air=round(self.sent_bits),
            first_pass_s=self.ends_s[0],
            elapsed_s=self.ends_s[-1],
            waits=tuple(self.waits),
        )


def common_error_rate(work: Work, fate: Fate) -> float | None:
    """The error rate that all packets meet, whatever the channel; None if it depends on the channel."""
    if work.collides or not (fate.lossless or fate.blind):
        return None
    return 0.0 if fate.lossless else float(fate.loss_map.packet_error_rate(unseen(1))[0])


def expected_passes(attempts: float, packets: int, error_rate: float) -> float:
    """E[passes] over n packets with M attempts at most: sum over m < M of 1 - (1 - p^m)^n."""
    total, still_lost, attempt = 0.0, 1.0, 0
    while attempt < attempts and packets * still_lost > NEGLIGIBLE:
        total, still_lost, attempt = total + any_of(packets, still_lost), still_lost * error_rate, attempt + 1
    return total


def lost_bits(work: Work, fate: Fate, packet_bits: float, start_bits: float, stop_bits: float) -> float:
    """int p dw between two amounts of work: the bits expected to be lost on the way from one to the other."""
    segments, edge_bits = work.reached(stop_bits)
    numbers = np.arange(segments.snr.size)
    reception = work.reception(numbers, packet_bits)
    survival = (1.0 - fate.loss_map.packet_error_rate(reception)) * (1.0 - work.collision(numbers))
    if fate.chosen_loss:
        survival *= 1.0 - fate.rate_map.error_rate(reception.snr)
    return in_order(np.diff(edge_bits.clip(start_bits, stop_bits)) * (1.0 - survival))


def _at_once(scheme: Retransmission, work: Work, sizes: IntArray, fate: Fate, error_rate: float) -> PassLog:
    """All passes in one, where every one of them loses the same share."""
    offered_bits, repeats = float(sizes.sum()), float(scheme.mean_transmissions(error_rate))
    return PassLog(
        lost=_lost(fate, float(scheme.residual_loss(error_rate))),
        passes=round(expected_passes(scheme.attempts, sizes.size, error_rate)),
        transmissions=round(repeats * sizes.size),
        bits_on_air=round(repeats * offered_bits),
        first_pass_s=work.elapsed_s(offered_bits),
        elapsed_s=work.elapsed_s(repeats * offered_bits),
    )


def _lost(fate: Fate, residual: float) -> IntArray:
    if residual <= NEGLIGIBLE:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(fate.chances.between(0, fate.packets) < residual)

"""One packet after another in plain Python: the measure of everything quicker."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from channel_models.retransmission.scheme import PassLog, Retransmission
from channel_models.transfer.fate import Fate
from channel_models.transfer.fidelity.fidelity import Fidelity
from channel_models.transfer.work import Span, Work

IntArray = NDArray[np.int64]


class Event(NamedTuple):
    """The end of one transmission, in seconds since the start of the transfer; bits: of it on the air; wait: the
    silence before it, if there was one."""

    end_s: float
    packet: int
    attempt: int
    failed: bool
    bits: int
    wait: Span | None


class PerPacketEvent(Fidelity):
    """The scheme's dialogue over the same link and the same draws as ``packet``: equal to it bit for bit."""

    def run(self, scheme: Retransmission, work: Work, sizes_bits: IntArray, fate: Fate) -> PassLog:
        told, lost = _listen(events(scheme, work, sizes_bits, fate))
        first = scheme.sizes_on_air(sizes_bits).size
        return PassLog(
            lost=np.array(lost, dtype=np.int64),
            passes=1 + told[-1].attempt,
            transmissions=len(told),
            bits_on_air=sum(event.bits for event in told),
            first_pass_s=told[first - 1].end_s,
            elapsed_s=told[-1].end_s,
            waits=tuple(event.wait for event in told if event.wait),
        )


def events(scheme: Retransmission, work: Work, sizes_bits: IntArray, fate: Fate) -> Generator[Event, None, list[int]]:
    """Every transmission of a transfer in order; returns the numbers of the packets that were never delivered."""
    sizes = scheme.sizes_on_air(sizes_bits).tolist()
    receiver, dialogue = scheme.receiver(fate), scheme.dialogue(sizes_bits.size)
    slot, attempt, base_bits, pass_bits, end_s = 0, 0, 0.0, 0, 0.0
    packet, next_attempt = next(dialogue)
    while True:
        wait = None
        if next_attempt > attempt:
            attempt, base_bits, pass_bits = next_attempt, base_bits + pass_bits, 0
            if scheme.feedback_s:
                wait = (end_s, end_s + scheme.feedback_s)
                base_bits = float(work.bits_after(wait[1]))
        size = sizes[min(packet, len(sizes) - 1)]
        pass_bits += size
        ends_bits = np.array([base_bits + pass_bits])
        failed = bool(receiver.failures(work, np.array([packet]), slot, np.array([float(size)]), ends_bits)[0])
        slot, end_s = slot + 1, work.elapsed_s(float(ends_bits[0]))
        yield Event(end_s, packet, attempt, failed, size, wait)
        try:
            packet, next_attempt = dialogue.send(failed)
        except StopIteration as end:
            return list(end.value)


def _listen(told: Generator[Event, None, list[int]]) -> tuple[list[Event], list[int]]:
    heard = []
    while True:
        try:
            heard.append(next(told))
        except StopIteration as end:
            return heard, end.value

"""Workers outside this process, hired when there is work. One that dies is replaced, and its batch begins anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from pwffsim.compute.batch import Batch
from pwffsim.compute.executors.answer import Answer
from pwffsim.compute.executors.worker import Place
from pwffsim.compute.recipe import WorkerLost

_LIVES = 3
"""How often a batch is begun before its workers' deaths are taken to be its fault."""


class Died(Exception):
    """A worker is gone; the message says how it ended."""


class Hand(Protocol):
    """A worker as it looks from here."""

    def post(self, batch: Batch) -> None:
        """Give it a batch."""
        ...

    def answer(self) -> Answer:
        """Its answer, when there is something to hear.

        Raises:
            Died: when it is gone.
        """
        ...

    def dismiss(self) -> None:
        """Stop it at once, if it has not ended already, and let go of what it held."""
        ...


H = TypeVar("H", bound=Hand)


class Crew(ABC, Generic[H]):
    """An executor that hands batches to workers.

    Args:
        place: where the workers find inputs, and how they compute.
        workers: how many at most.
    """

    def __init__(self, place: Place, workers: int) -> None:
        self.slots = workers
        self._place = place
        self._idle: list[H] = []
        self._busy: dict[H, Batch] = {}
        self._begun: dict[Batch, int] = {}

    def start(self, batch: Batch) -> None:
        """Give it to a worker that has none."""
        self._begun[batch] = self._begun.get(batch, 0) + 1
        hand = self._idle.pop() if self._idle else self._hire()
        self._busy[hand] = batch
        hand.post(batch)

    def finished(self, wait_s: float) -> list[tuple[Batch, Answer]]:
        """What workers have answered, after replacing those that died.

        Raises:
            WorkerLost: when a batch has cost several workers their lives.
        """
        return [done for hand in self._heard([*self._busy], wait_s) if (done := self._take(hand)) is not None]

    def close(self) -> None:
        """Stop them at once; what they have not written, nobody misses."""
        for hand in (*self._idle, *self._busy):
            hand.dismiss()

    @abstractmethod
    def _hire(self) -> H:
        """A new worker."""

    @abstractmethod
    def _heard(self, busy: Sequence[H], wait_s: float) -> list[H]:
        """Those that have answered or died; waits at most so long for one."""

    def _take(self, hand: H) -> tuple[Batch, Answer] | None:
        batch = self._busy.pop(hand)
        try:
            answer = hand.answer()
        except Died as death:
            hand.dismiss()
            self._begin_anew(batch, death)
            return None
        self._idle.append(hand)
        del self._begun[batch]
        return batch, answer

    def _begin_anew(self, batch: Batch, death: Died) -> None:
        if self._begun[batch] >= _LIVES:
            raise WorkerLost(
                f"{batch.title}: {_LIVES} workers died over it, the last with {death}; if memory ran out, take fewer "
                "workers"
            ) from death
        self.start(batch)

"""This process, one batch after another."""

from __future__ import annotations

from functools import partial

from pwffsim.compute.batch import Batch
from pwffsim.compute.carry_out import carry_out
from pwffsim.compute.executors.answer import Answer, answer
from pwffsim.compute.store import Store


class Serial:
    """Carries a batch out when it is started."""

    slots = 1

    def __init__(self, store: Store) -> None:
        self._store = store
        self._done: list[tuple[Batch, Answer]] = []

    def start(self, batch: Batch) -> None:
        """Carry it out."""
        self._done.append((batch, answer(partial(carry_out, batch, self._store))))

    def finished(self, wait_s: float) -> list[tuple[Batch, Answer]]:
        """What was started since the last time."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Nothing to let go of."""

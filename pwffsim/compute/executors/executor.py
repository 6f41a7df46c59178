"""What an executor is."""

from __future__ import annotations

from typing import Protocol

from pwffsim.compute.batch import Batch
from pwffsim.compute.executors.answer import Answer


class Executor(Protocol):
    """Carries batches out. Where and when never shows in a result.

    Attributes:
        slots: how many batches can be under way.
    """

    slots: int

    def start(self, batch: Batch) -> None:
        """Begin a batch whose inputs lie in the store."""
        ...

    def finished(self, wait_s: float) -> list[tuple[Batch, Answer]]:
        """Batches that are done, whose results lie in the store, or that failed; waits at most so long for one.

        Raises:
            WorkerLost: when a batch has cost several workers their lives.
        """
        ...

    def close(self) -> None:
        """Stop at once."""
        ...

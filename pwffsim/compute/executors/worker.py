"""A worker: a store of its own on a shared folder, and the numerics of the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pwffsim.compute.batch import Batch
from pwffsim.compute.carry_out import carry_out
from pwffsim.compute.environment import environment
from pwffsim.compute.executors.answer import Answer, answer
from pwffsim.compute.recipe import BackendUnavailable
from pwffsim.compute.store import Store


@dataclass(frozen=True)
class Place:
    """What a worker must know.

    Attributes:
        store: folder of inputs and results, seen by all workers.
        environment: digest of what computes; a worker with another one would mix results.
        threads: of each worker.
        device: where stages compute.
        resident_bytes: tensors that a worker keeps in memory.
    """

    store: Path
    environment: str
    threads: int
    device: str
    resident_bytes: int


class Worker:
    """Carries batches out, one after another."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._store: Store | None = None

    def answer(self, batch: Batch) -> Answer:
        """The facts of a batch, or what went wrong."""
        return answer(lambda: carry_out(batch, self._ready()))

    def _ready(self) -> Store:
        """The store, once this process is known to compute as the run does."""
        if self._store is None:
            if (own := self._own_environment()) != self._place.environment:
                raise BackendUnavailable(
                    f"a worker computes otherwise than the run (environment {own[:12]}, not "
                    f"{self._place.environment[:12]}): give all machines the same code, libraries and kind of processor"
                )
            self._store = Store(self._place.store, self._place.resident_bytes)
        return self._store

    def _own_environment(self) -> str:
        try:
            return environment(self._place.threads, self._place.device)
        except Exception as error:
            raise BackendUnavailable(f"a worker cannot load the learning libraries ({error}): install them") from error

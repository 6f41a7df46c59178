"""Where a run computes: executor, workers, threads and device. None of it but threads and device shows in a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pwffsim.compute.environment import environment
from pwffsim.compute.executors.executor import Executor
from pwffsim.compute.executors.processes import Processes, start_server
from pwffsim.compute.executors.ray import Ray
from pwffsim.compute.executors.serial import Serial
from pwffsim.compute.executors.worker import Place
from pwffsim.compute.fusion import Together
from pwffsim.compute.recipe import BackendUnavailable
from pwffsim.compute.scheduler import Scheduler
from pwffsim.compute.store import Store

Make = Callable[[Place, Store, int], Executor]

EXECUTORS: dict[str, Make] = {
    "serial": lambda place, store, workers: Serial(store),
    "processes": lambda place, store, workers: Processes(place, workers),
    "ray": lambda place, store, workers: Ray(place, workers),
}
"""Name -> (what workers must know, this process's store, number of workers) -> executor."""

AHEAD: dict[str, Callable[[], None]] = {"processes": start_server}
"""Name -> what it can begin with while this process loads the libraries."""


@dataclass(frozen=True)
class Backend:
    """Who computes.

    Attributes:
        executor: a name of ``EXECUTORS``; None takes ``serial`` for one worker and ``processes`` for more.
        workers: how many batches can be under way.
        threads: of each worker; they change last bits, and are part of every key.
        device: "cpu", "cuda", or "auto" for a GPU where there is one; part of every key.
        resident_bytes: tensors that each worker keeps in memory, least recently used first to go.

    Raises:
        BackendUnavailable: for settings that make no sense.
    """

    executor: str | None = None
    workers: int = 1
    threads: int = 1
    device: str = "auto"
    resident_bytes: int = 500_000_000

    def __post_init__(self) -> None:
        if self.workers < 1 or self.threads < 1:
            raise BackendUnavailable(f"{self.workers} workers of {self.threads} threads: give at least one of each")
        if self.name not in EXECUTORS:
            raise BackendUnavailable(f"no executor {self.name!r}; there are {', '.join(EXECUTORS)}")
        if self.name == "serial" and self.workers > 1:
            raise BackendUnavailable(f"the serial executor has one worker, not {self.workers}: take executor processes")

    @property
    def name(self) -> str:
        """The executor's name."""
        return self.executor or ("serial" if self.workers == 1 else "processes")

    def scheduler(self, store: Path, together: Together, checkpoint: Callable[[], None]) -> Scheduler:
        """A scheduler over this back-end; torch is loaded and set up here.

        Args:
            store: folder of results.
            together: who may share a batch.
            checkpoint: called between batches; it may raise to stop.

        Raises:
            ComputeError: when the executor cannot be had.
        """
        AHEAD.get(self.name, lambda: None)()
        digest = environment(self.threads, self.device)
        shared = Store(store, self.resident_bytes)
        place = Place(store.resolve(), digest, self.threads, self.device, self.resident_bytes)
        executor = EXECUTORS[self.name](place, shared, self.workers)
        return Scheduler(shared, executor, digest, together, checkpoint)

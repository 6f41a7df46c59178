"""Small worlds with real training, played over an executor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from small import CALM, prepared
from torch import Tensor

from pwffsim.compute.counts import Counts
from pwffsim.compute.environment import environment
from pwffsim.compute.executors.crew import Crew
from pwffsim.compute.executors.executor import Executor
from pwffsim.compute.executors.serial import Serial
from pwffsim.compute.executors.worker import Place
from pwffsim.compute.recipe import Facts, split_reference
from pwffsim.compute.scheduler import Scheduler
from pwffsim.compute.store import Store
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.simulation.fusion import fusion
from pwffsim.world.world import World

SCENARIO: dict[str, Any] = {
    "clients": 4,
    "compute": {"fusion": 2},
    "radio": CALM,
    "data": {"rows_per_client": 8, "test_rows_per_client": 4, "global_test_rows": 4},
    "stages": {"instruction": {"rounds": 2, "local_steps": 1, "batch_size": 2}},
}
"""Two batches at a time, so that two workers have something to do."""


@dataclass(frozen=True)
class Trajectory:
    """What came of a world."""

    fingerprints: dict[str, str]
    world: World
    compute: Scheduler

    @property
    def counts(self) -> Counts:
        return self.compute.counts

    @property
    def facts(self) -> dict[str, Facts]:
        """Of every recipe that was wanted, under a key that does not say who shared its batch."""
        return {key: self.compute.settled(key) for key in self.compute._nodes}

    @property
    def states(self) -> dict[str, Tensor]:
        """Every tensor that the server and the clients end with."""
        server, clients = self.world.server, self.world.server.clients.values()
        held = [*server.globals.values(), *(reference for client in clients for reference in client.personal.values())]
        wanted = [reference for reference in held if split_reference(reference)[0] in self.compute._nodes]
        return {f"{r} {name}": t for r in wanted for name, t in self.compute.state(r).items()}


def place_of(folder: Path) -> Place:
    return Place(folder, environment(), 1, "auto", 10_000_000)


def travelled(
    folder: Path, store: Path, executor: Executor, checkpoint: Callable[[], None] = lambda: None, **changes: Any
) -> Trajectory:
    """Play the scenario with changes over an executor whose results lie in a store."""
    blueprint, recorder = prepared(folder, **{**SCENARIO, **changes}).blueprint, MemoryRecorder()
    compute = Scheduler(Store(store), executor, environment(), fusion(blueprint), checkpoint)
    world = World(blueprint, compute, recorder)
    world.run()
    return Trajectory(recorder.fingerprints, world, compute)


def travelled_here(folder: Path, **changes: Any) -> Trajectory:
    """The same in this process, with a store of its own."""
    return travelled(folder, folder / "own", Serial(Store(folder / "own")), **changes)


class Killer:
    """A checkpoint that kills the worker of a batch that is under way, so many times.

    Attributes:
        killed: process numbers.
    """

    def __init__(self, crew: Crew[Any], kill: Callable[[Any], int], times: int) -> None:
        self.killed: list[int] = []
        self._crew = crew
        self._kill = kill
        self._times = times

    def __call__(self) -> None:
        if self._crew._busy and len(self.killed) < self._times:
            self.killed.append(self._kill(next(iter(self._crew._busy))))

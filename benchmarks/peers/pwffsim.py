"""pwffsim itself, in one process, client by client, with records, report and an empty store on disk.

A run has costs that do not grow with its rounds (evaluations at start and end, laws, report). A client-round costs what
a run of all rounds takes beyond a run of one; ``whole_cpu_s`` is the whole run's share, everything counted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from safetensors.torch import save_file

from benchmarks.peers import scenario
from benchmarks.peers.meter import Moment, arguments, memory_bytes, now
from benchmarks.peers.task import Settings, State, read

scenario.register()

from pwffsim.scenario.loader import load  # noqa: E402
from pwffsim.simulation.preparation import prepare  # noqa: E402
from pwffsim.simulation.run import run  # noqa: E402


class Watch:
    """Sees the world when it starts, and takes the averaged LoRA when it ends."""

    state: State

    @contextmanager
    def __call__(self, world: Any, compute: Any) -> Iterator[None]:
        yield
        self.state = dict(compute.state(world.server.globals["lora"]))


def simulate(settings: Settings, rounds: int, fusion: str, folder: Path) -> tuple[State, Moment]:
    """One run from the prepared scenario to the report: its LoRA, and what it took."""
    prepared = prepare(load(scenario.write(folder / "peers.yaml", settings.clients, rounds, fusion)))
    watch, begun = Watch(), now()
    outcome = run(prepared, folder / "run", folder / "store", watch)
    if outcome.message:
        raise RuntimeError(outcome.message)
    return watch.state, now() - begun


def figures(settings: Settings, fusion: str) -> tuple[State, dict[str, float | int]]:
    """The averaged LoRA, and what a client-round costs."""
    born_s = psutil.Process().create_time()
    _in_folder(settings, 1, fusion)
    setup_s = time.time() - born_s  # noqa: TID251 - real time is what is measured
    _, one = _in_folder(settings, 1, fusion)
    state, all_ = _in_folder(settings, settings.rounds, fusion)
    more = (settings.rounds - 1) * settings.clients
    return state, {
        "wall_s": (all_ - one).wall_s / more,
        "cpu_s": (all_ - one).cpu_s / more,
        "whole_cpu_s": all_.cpu_s / (settings.rounds * settings.clients),
        "setup_s": setup_s - one.wall_s,
        "peak_bytes": memory_bytes(),
    }


def _in_folder(settings: Settings, rounds: int, fusion: str) -> tuple[State, Moment]:
    with TemporaryDirectory() as folder:
        return simulate(settings, rounds, fusion, Path(folder))


def main(fusion: str = "off") -> None:
    """As :func:`benchmarks.peers.meter.conduct`."""
    given = arguments()
    state, told = figures(read(given.task).settings, fusion)
    save_file(state, given.state)
    print(json.dumps(told), flush=True)

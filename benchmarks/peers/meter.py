"""What a script tells of itself: seconds a client-round, set-up, memory; and its result for comparison.

The first round warms up: workers start, models are loaded, kernels are prepared. It counts as set-up as far as it takes
longer than the rounds after it. Processor time and memory include all processes that the script has started.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil
from safetensors.torch import save_file

from benchmarks.peers.learner import NUMERICS, Learner
from benchmarks.peers.task import State, Task, read


@dataclass(frozen=True)
class Moment:
    """Real time and processor time."""

    wall_s: float
    cpu_s: float

    def __sub__(self, other: Moment) -> Moment:
        return Moment(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


@dataclass
class Meter:
    """Laps of a simulation: call ``begin`` before the first round and ``lap`` after each.

    Attributes:
        peak_bytes: largest memory seen: own resident set, or with workers the proportional sets of all together.
    """

    clients: int
    moments: list[Moment] = field(default_factory=list)
    setup_s: float = 0.0
    peak_bytes: int = 0

    def begin(self) -> None:
        """The first round starts."""
        self.setup_s = time.time() - psutil.Process().create_time()  # noqa: TID251 - real time is what is measured
        self.moments.append(now())

    def lap(self) -> None:
        """A round has ended; looking at memory is not counted."""
        self.moments.append(now())
        self.peak_bytes = max(self.peak_bytes, memory_bytes())

    def figures(self) -> dict[str, float | int]:
        """Means over the rounds after the first."""
        first, last, rounds = self.moments[1], self.moments[-1], len(self.moments) - 2
        if rounds < 1:
            raise ValueError("a measurement takes two rounds at least: the first only warms up")
        spent, warming = last - first, first - self.moments[0]
        return {
            "wall_s": spent.wall_s / rounds / self.clients,
            "cpu_s": spent.cpu_s / rounds / self.clients,
            "setup_s": self.setup_s + max(0.0, warming.wall_s - spent.wall_s / rounds),
            "peak_bytes": self.peak_bytes,
        }


@dataclass(frozen=True)
class Job:
    """What is to be done, as little as a worker process needs to be told.

    Attributes:
        path: file of the task.
        numerics: name of the local step.
    """

    path: Path
    numerics: str

    @cached_property
    def task(self) -> Task:
        """The task, read once."""
        return read(self.path)

    @cached_property
    def learner(self) -> Learner:
        """The resident network of this process."""
        return NUMERICS[self.numerics](self.task.settings)


Simulation = Callable[[Job, Meter], State]
"""A job, and the meter to be told of its rounds -> the averaged LoRA at the end."""


def conduct(simulate: Simulation) -> None:
    """The main program of a script.

    Prints one line of JSON: wall_s and cpu_s a client-round, setup_s, peak_bytes.
    """
    given = arguments()
    if given.freeze:
        gc.collect()
        gc.freeze()
    job = Job(given.task.resolve(), given.numerics)
    meter = Meter(job.task.settings.clients)
    state = simulate(job, meter)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, given.state)
    print(json.dumps(meter.figures()), flush=True)


def arguments() -> argparse.Namespace:
    """What every script is told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", type=Path, help="file of the task")
    parser.add_argument("state", type=Path, help="where the averaged LoRA goes")
    parser.add_argument("--numerics", choices=NUMERICS, default="tuned", help="the local step")
    parser.add_argument("--freeze", action="store_true", help="take imports out of garbage collection")
    return parser.parse_args()


def now() -> Moment:
    """This moment."""
    others = sum(_cpu_s(process) for process in _children())
    return Moment(time.perf_counter(), time.process_time() + others)


def _cpu_s(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.Error:  # it has just ended
        return 0.0


def memory_bytes() -> int:
    """The most that this process has held, or what it and its workers hold together."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    together = [_proportional_bytes(process) for process in _children()]
    return max(own, _proportional_bytes(psutil.Process()) + sum(together)) if together else own


def _proportional_bytes(process: psutil.Process) -> int:
    """Memory of a process, what it shares with others counted in parts."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def _children() -> list[psutil.Process]:
    return psutil.Process(os.getpid()).children(recursive=True)

"""Several ways of doing the same, each in a process of its own with one thread, taking turns: processor time, memory.

A way may have several parts, which are asked for one after another.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from typing import Any

Parts = Mapping[str, Callable[[], object]]
"""Name of a part -> what to run."""

Make = Callable[[str, Any], Parts]
"""(way, task) -> its parts; a function of a module, since it is called in another process."""


def command(about: str | None, make: Make, every: Sequence[str], task: Any, repeats: int, usual: Sequence[str]) -> None:
    """The command line of a script: an option for each field of a task, ways and repeats; prints the figures as JSON.

    Args:
        about: what ``--help`` says.
        make: as ``measure`` takes it.
        every: ways that may be asked for.
        task: a dataclass, whose values are the defaults.
        repeats, usual: turns and ways where none are asked for.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in vars(task).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--ways", nargs="+", choices=every, default=list(usual))
    given = vars(parser.parse_args())
    ways, turns = given.pop("ways"), given.pop("repeats")
    asked = type(task)(**given)
    print(json.dumps({"task": vars(asked), "measured": measure(make, ways, asked, turns)}))


def measure(make: Make, ways: Sequence[str], task: Any, repeats: int) -> dict[str, Any]:
    """Way -> part -> seconds of each turn, and peak_bytes of its process; the first turn is not counted."""
    os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
    context, pipes = get_context("spawn"), {}
    for way in ways:
        pipes[way], theirs = context.Pipe()
        context.Process(target=_serve, args=(make, way, task, theirs), daemon=True).start()
        theirs.close()  # so that a process that breaks ends the wait for it
        pipes[way].recv()
    turns: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(repeats + 1):
        for way, pipe in pipes.items():
            pipe.send(True)
            turns[way].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(False)
    return {way: {name: [turn[name] for turn in told[1:]] for name in told[0]} for way, told in turns.items()}


def _serve(make: Make, way: str, task: Any, pipe: Any) -> None:
    parts = make(way, task)
    pipe.send(None)
    while pipe.recv():
        turn = {name: _seconds(part) for name, part in parts.items()}
        pipe.send({**turn, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


def _seconds(part: Callable[[], object]) -> float:
    begun = time.process_time()
    part()
    return time.process_time() - begun

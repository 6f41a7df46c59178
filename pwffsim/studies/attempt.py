"""One attempt at a point, in a process of its own: run or plan, and then its numbers."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import print_exc
from typing import Any

from pwffsim.exit_codes import code_of
from pwffsim.runs.atomic import write_json
from pwffsim.runs.sources import MANIFEST
from pwffsim.studies.outcome import DONE, Ending
from pwffsim.studies.point import PLAN, RUN, Point


@dataclass(frozen=True)
class Task:
    """A point to be carried out.

    Attributes:
        point: which.
        path: the folder for its results; what an attempt that was cut off has left there is removed.
        store: training results that all points share.
    """

    point: Point
    path: Path
    store: Path


def attempt(task: Task) -> Ending:
    """Carry a point out. Errors are part of the answer; one that nobody expects is also printed where it arose.

    Raises:
        KeyboardInterrupt: when it is interrupted before its run has begun.
    """
    try:
        shutil.rmtree(task.path, ignore_errors=True)
        return _KINDS[task.point.kind](task)
    except Exception as error:
        if code_of(error) is None:
            print_exc(file=sys.stderr)
        return Ending("failed", f"{type(error).__name__}: {error}")


def _run(task: Task) -> Ending:
    from pwffsim.runs.load import load as load_run
    from pwffsim.scenario.loader import load
    from pwffsim.simulation.preparation import prepare
    from pwffsim.simulation.run import run
    from pwffsim.studies.numbers import keep

    prepared = prepare(load(task.point.scenario, task.point.arguments))
    outcome = run(prepared, task.path, task.store, _unwatched)
    recorded = load_run(outcome.path)
    if recorded.manifest["status"] == DONE:
        keep(recorded, task.path)
    return Ending(str(recorded.manifest["status"]), outcome.message)


def _plan(task: Task) -> Ending:
    from pwffsim.scenario.loader import load
    from pwffsim.simulation.plan import plan
    from pwffsim.simulation.preparation import prepare_plan
    from pwffsim.studies.numbers import keep

    planned = plan(prepare_plan(load(task.point.scenario, task.point.arguments)))
    task.path.mkdir(parents=True)
    keep(planned.run, task.path)
    about = {"status": DONE, "assumptions": planned.assumptions, "network_fingerprint": planned.network_fingerprint}
    write_json(task.path / MANIFEST, about)
    return Ending(DONE)


_KINDS: Mapping[str, Callable[[Task], Ending]] = {RUN: _run, PLAN: _plan}


@contextmanager
def _unwatched(*_: Any) -> Iterator[None]:
    """The series shows progress, not its runs."""
    yield

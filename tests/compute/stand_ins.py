"""Stages that add numbers instead of training, and schedulers over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from pwffsim.compute.executors.serial import Serial
from pwffsim.compute.fusion import Together, alone
from pwffsim.compute.recipe import Handle, Recipe
from pwffsim.compute.scheduler import Scheduler
from pwffsim.compute.store import Store
from pwffsim.learning.jobs import Job, StageResult

Ran = list[tuple[str, tuple[Any, ...]]]
"""What ran: stage and the number n of each of its recipes."""


def adding(ran: Ran) -> Callable[[str, Sequence[Job]], list[StageResult]]:
    """n plus all that the inputs hold, of every recipe; stage ``fail`` fails, after it was noted."""

    def run_together(stage: str, jobs: Sequence[Job]) -> list[StageResult]:
        ran.append((stage, tuple(job.params.get("n") for job in jobs)))
        if stage.startswith("fail"):
            raise RuntimeError(f"no, {stage}")
        return [_sum(job) for job in jobs]

    return run_together


def _sum(job: Job) -> StageResult:
    total = job.params["n"] + sum(float(state["x"]) for state in job.inputs.values())
    return StageResult({"out": {"x": torch.tensor(total)}}, {"total": total})


def add(n: int, *rests_on: Handle, stage: str = "add", **own: Any) -> Recipe:
    """n plus what these hold."""
    return Recipe(stage, {"n": n, **own}, {f"a{i}": handle.part("out") for i, handle in enumerate(rests_on)})


def scheduler(folder: Path, together: Together = alone, environment: str = "test") -> Scheduler:
    """In this process."""
    store = Store(folder)
    return Scheduler(store, Serial(store), environment, together)

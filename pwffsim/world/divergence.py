"""Divergence: what was learnt is no number any more. It ends a run when somebody uses it: a sum, or an evaluation."""

from __future__ import annotations

from pwffsim.compute.recipe import Facts
from pwffsim.world.faults import Diverged
from pwffsim.world.tasks import Task


def refuse_divergence(task: Task, facts: Facts) -> None:
    """Look at what came of a task.

    Raises:
        Diverged: when the update holds NaN or infinite values.
    """
    if not facts["finite"]:
        stage = task.stage.name
        raise Diverged(
            f"{task.client}: update {task.update} of stage {stage}, round {task.round}, holds NaN or infinite values; "
            f"lower stages.{stage}.learning_rate or stages.{stage}.clip"
        )

"""The stages as pure functions, by name: ``run(stage, params, inputs)``.

A stage depends on its arguments alone: the same arguments give the same bits, in this process or in another one (one
thread, one kind of machine). State is groups of named fp32 tensors on the CPU: ``adapters``, ``lora``, ``reward``,
``critics``.
"""

from __future__ import annotations

from pwffsim.learning import runtime
from pwffsim.learning.stages import aggregate, alignment, initialise, instruction, reward
from pwffsim.learning.stages.stage import Inputs, Params, Stage, StageResult

__all__ = ["STAGES", "Inputs", "Params", "Stage", "StageResult", "run"]

_FAMILIES = (initialise, instruction, reward, alignment, aggregate)

STAGES: dict[str, Stage] = {name: stage for family in _FAMILIES for name, stage in family.STAGES.items()}
"""Name -> stage; one module a family."""


def run(stage: str, params: Params, inputs: Inputs) -> StageResult:
    """Carry out a stage.

    Args:
        stage: a name of ``STAGES``, such as ``instruction.train``.
        params: JSON values; what each stage reads is said in its module.
        inputs: name of an input -> group of tensors; they are never changed.

    Raises:
        KeyError: for a stage that does not exist, and whatever the stage raises on wrong params or inputs.
    """
    if stage not in STAGES:
        raise KeyError(f"no stage {stage!r}; there are {', '.join(sorted(STAGES))}")
    runtime.tune()
    return STAGES[stage](params, inputs)

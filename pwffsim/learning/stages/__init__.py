"""The stages as pure functions, by name: ``run(stage, jobs)``.

A stage takes what several clients do at once and gives each its result; a result depends on the jobs of the call alone,
their number and order included. The same call gives the same bits, in this process or in another one (same number of
threads, one kind of machine); another grouping of the same clients agrees to rounding. State is groups of named fp32
tensors on the CPU: ``adapters``, ``lora``, ``reward``, ``critics``.
"""

from __future__ import annotations

from collections.abc import Sequence

from pwffsim.learning import runtime
from pwffsim.learning.jobs import Inputs, Job, Params, Stage, StageResult
from pwffsim.learning.stages import aggregate, alignment, dpo, grpo, initialise, instruction, interpolate, reward

__all__ = ["STAGES", "Inputs", "Job", "Params", "Stage", "StageResult", "run", "run_together"]

_FAMILIES = (initialise, instruction, reward, alignment, grpo, dpo, aggregate, interpolate)

STAGES: dict[str, Stage] = {name: stage for family in _FAMILIES for name, stage in family.STAGES.items()}
"""Name -> stage; one module a family."""


def run(stage: str, params: Params, inputs: Inputs) -> StageResult:
    """Carry out a stage for one client.

    Args:
        stage: a name of ``STAGES``, such as ``instruction.train``.
        params: JSON values; what each stage reads is said in its module.
        inputs: name of an input -> group of tensors; they are never changed.

    Raises:
        KeyError: for a stage that does not exist, and whatever the stage raises on wrong params or inputs.
    """
    return run_together(stage, [Job(params, inputs)])[0]


def run_together(stage: str, jobs: Sequence[Job]) -> list[StageResult]:
    """Carry out a stage for several clients at once; params may differ in what is a client's own alone
    (``declarations.OWN``).

    Raises:
        KeyError: as ``run`` does.
    """
    if stage not in STAGES:
        raise KeyError(f"no stage {stage!r}; there are {', '.join(sorted(STAGES))}")
    runtime.facts()  # set up, if nobody has yet
    with runtime.precision(jobs[0].params.get("precision", "fp32")):
        return STAGES[stage](jobs)

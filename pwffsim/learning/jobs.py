"""What a stage is: a function of what some clients do, each with JSON params and named groups of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

Params = Mapping[str, Any]
Inputs = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True)
class Job:
    """One client's part of a stage.

    Attributes:
        params: JSON values; what each stage reads is said in its module.
        inputs: name of an input -> group of tensors; they are never changed.
    """

    params: Params
    inputs: Inputs


@dataclass(frozen=True)
class StageResult:
    """What a stage makes for one client.

    Attributes:
        parts: group name -> its tensors.
        facts: plain JSON values that the simulation may know.
    """

    parts: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


Stage = Callable[[Sequence[Job]], list[StageResult]]
"""C jobs, whose params differ in nothing but what is a client's own -> C results, in the same order."""


def one_by_one(stage: Callable[[Params, Inputs], StageResult]) -> Stage:
    """A stage that takes its clients one after another."""

    def all_of_them(jobs: Sequence[Job]) -> list[StageResult]:
        return [stage(job.params, job.inputs) for job in jobs]

    all_of_them.__doc__ = stage.__doc__
    return all_of_them

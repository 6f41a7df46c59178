"""What a stage is: a function of JSON params and named groups of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

Params = Mapping[str, Any]
Inputs = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True)
class StageResult:
    """What a stage makes.

    Attributes:
        parts: group name -> its tensors.
        facts: plain JSON values that the simulation may know.
    """

    parts: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


Stage = Callable[[Params, Inputs], StageResult]

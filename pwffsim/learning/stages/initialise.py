"""``initialise``: the state at the start. The policy it makes is the base model, to the bit.

params: model, groups, reward (None: no reward models), seed. Tensors are drawn by (seed, name), so that a device tier
with fewer LoRA modules starts from the same values as the largest one.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from pwffsim.learning import adapters, lora, policy, reward, state
from pwffsim.learning.stages.stage import Inputs, Params, Stage, StageResult

_INITIAL: dict[str, state.Initial] = {"adapters": adapters.initial, "lora": lora.initial}


def initialise(params: Params, inputs: Inputs) -> StageResult:
    """A group of tensors for each group of the policy, and ``reward`` where reward models are asked for."""
    resident = policy.resident(params["model"], params["groups"])
    parts = {
        group: state.make(_shapes(parameters), _INITIAL[group], params["seed"])
        for group, parameters in resident.groups.items()
    }
    if params.get("reward") is not None:
        parts["reward"] = reward.initial_state(params["reward"], params["model"], params["seed"])
    digests = {f"{group}_digest": state.content_digest(tensors) for group, tensors in parts.items()}
    return StageResult(parts, digests)


def _shapes(parameters: Mapping[str, nn.Parameter]) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in parameters.items()}


STAGES: dict[str, Stage] = {"initialise": initialise}

"""``initialise``: one group's state at the start. The policy it makes is the base model, to the bit.

params: group (adapters, lora or reward), model, reward (for that group), seed. Tensors are drawn by (seed, name), so
that a device tier with fewer LoRA modules starts from the same values as the largest one.
"""

from __future__ import annotations

from pwffsim.learning import adapters, lora, policy, reward, state
from pwffsim.learning.jobs import Inputs, Params, Stage, StageResult, one_by_one

_INITIAL: dict[str, state.Initial] = {"adapters": adapters.initial, "lora": lora.initial}


def initialise(params: Params, inputs: Inputs) -> StageResult:
    """One part, named as the group; facts: digest."""
    group = params["group"]
    own = _reward(params) if group == "reward" else _module(group, params)
    return StageResult({group: own}, {"digest": state.content_digest(own)})


def _module(group: str, params: Params) -> state.Group:
    shapes = policy.network(params["model"], [group]).shapes[group]
    return state.make(shapes, _INITIAL[group], params["seed"])


def _reward(params: Params) -> state.Group:
    return reward.initial_state(params["reward"], params["model"], params["seed"])


STAGES: dict[str, Stage] = {"initialise": one_by_one(initialise)}

"""``interpolate``: what a client makes of a shared group that it downloads, ``(1 - a) own + a global``.

params: group; share, a in 0 .. 1.
inputs: own, global. The client may hold fewer tensors than the server, as a smaller device tier does of LoRA.
"""

from __future__ import annotations

from pwffsim.learning import state
from pwffsim.learning.jobs import Inputs, Params, Stage, StageResult, one_by_one


def interpolate(params: Params, inputs: Inputs) -> StageResult:
    """One part, named as the group, summed in fp64; facts: digest.

    Raises:
        ValueError: when the global state lacks a tensor of the client's.
    """
    own, known, share = inputs["own"], inputs["global"], params["share"]
    if missing := sorted(set(own) - set(known)):
        raise ValueError(f"the global state lacks {missing[0]}, which the client holds")
    mixed = {
        name: ((1 - share) * tensor.double() + share * known[name].double()).float() for name, tensor in own.items()
    }
    return StageResult({params["group"]: mixed}, {"digest": state.content_digest(mixed)})


STAGES: dict[str, Stage] = {"interpolate": one_by_one(interpolate)}

"""What the ways to align ask of the world: which settings their recipes hold, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pwffsim.architecture.work import Network, Rollout, alignment_flops, dpo_flops, grpo_flops
from pwffsim.scenario.schema import Alignment

_SAMPLING = ("max_new_tokens", "temperature")
_SURROGATE = ("ppo_epochs", "minibatches", "clip_range", "kl_coefficient", "kl_bound")

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "ppo": (
        *_SAMPLING,
        *_SURROGATE,
        "gamma",
        "gae_lambda",
        "value_coefficient",
        "critic_learning_rate",
        "combine",
    ),
    "grpo": (*_SAMPLING, *_SURROGATE, "group_size", "group_normalisation", "engine"),
    "dpo": ("dpo_beta", "engine"),
}
"""Algorithm -> settings that matter to a training."""


@dataclass(frozen=True)
class Work:
    """One round of a client's training.

    Attributes:
        policy, encoder: of the policy and of one reward model.
        frozen: whether the encoder is never trained.
        settings: of the stage.
        rollout: sizes of an iteration, where responses are sampled.
        length: longest sequence.
        models: reward models of a client.
    """

    policy: Network
    encoder: Network
    frozen: bool
    settings: Alignment
    rollout: Rollout
    length: int
    models: int


def _ppo(work: Work) -> int:
    references = 1 + (work.settings.global_coefficient > 0)
    steps = work.settings.local_steps
    return alignment_flops(work.policy, work.encoder, work.frozen, steps, work.rollout, work.models, references)


def _grpo(work: Work) -> int:
    return grpo_flops(work.policy, work.encoder, work.frozen, work.settings.local_steps, work.rollout, work.models)


def _dpo(work: Work) -> int:
    return dpo_flops(work.policy, work.settings.local_steps, work.settings.batch_size, work.length)


FLOPS: Mapping[str, Callable[[Work], int]] = {"ppo": _ppo, "grpo": _grpo, "dpo": _dpo}
"""Algorithm -> operations of one round of local training."""

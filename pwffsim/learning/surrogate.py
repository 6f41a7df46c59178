"""Steps of the clipped surrogate (Schulman et al. 2017, arXiv 1707.06347) over rollouts of C clients, each under a
bound on its divergence from its reference. PPO and GRPO share them; they differ in where advantages come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from channel_models.randomness import stream
from pwffsim.learning import health, ppo, predictions, rollouts
from pwffsim.learning.policy import Policy
from pwffsim.learning.rollouts import Rollout
from pwffsim.learning.supervised import Optimiser

_MARGIN = 0.5
"""Share of the KL bound that training prompts may use: held-out prompts and other clients' adapters add to it."""


@dataclass(frozen=True)
class Rule:
    """What a step obeys.

    Attributes:
        temperature: of the policy.
        clip_range: epsilon of the surrogate.
        kl_bound: nats a response; beyond half of it, steps lower the divergence instead.
        penalty: coefficient of k3's estimate of KL(pi || reference) in the loss of each token, as GRPO has it, weighted
            by the ratio, so that its gradient is the divergence's (DeepSeek-V3.2, arXiv 2512.02556, as trl has it); PPO
            penalises rewards instead.
    """

    temperature: float
    clip_range: float
    kl_bound: float
    penalty: float = 0.0


@dataclass
class Progress:
    """Facts of the optimiser steps of one iteration, (C,) each step.

    Attributes:
        far: whether a client's step went back towards the reference.
        policy_losses, clip_fractions, approx_kls: of the surrogate, without meaning where a client is far; the last is
            how far the policy is from the one that sampled, before the step.
    """

    far: list[Tensor] = field(default_factory=list)
    policy_losses: list[Tensor] = field(default_factory=list)
    clip_fractions: list[Tensor] = field(default_factory=list)
    approx_kls: list[Tensor] = field(default_factory=list)

    def facts(self) -> list[dict[str, Any]]:
        """Of each client: means over the steps of the surrogate of policy_loss, clip_fraction and approx_kl, which are
        missing where every step went back; counts of updates and of rectified, the steps back."""
        far = torch.stack(self.far)
        near = {
            "policy_loss": torch.stack(self.policy_losses),
            "clip_fraction": torch.stack(self.clip_fractions),
            "approx_kl": torch.stack(self.approx_kls),
        }
        return [
            {
                **{name: float(column[~back, i].double().mean()) for name, column in near.items() if not back.all()},
                "updates": int((~back).sum()),
                "rectified": int(back.sum()),
            }
            for i, back in enumerate(far.T)
        ]


def minibatches(rollout: Rollout, parts: int, epoch: int, seeds: Sequence[int]) -> list[Tensor]:
    """Rows of each minibatch, ascending: a client's responses in an order of its own, cut in equal parts."""
    own = [stream(seed, "alignment.minibatches", epoch).permutation(rollout.responses) for seed in seeds]
    order = torch.from_numpy(np.stack(own)).to(rollout.mask.device)
    first = torch.arange(len(seeds), device=order.device)[:, None] * rollout.responses
    drawn = order.tensor_split(min(parts, rollout.responses), dim=1)
    return [(part.sort(dim=1).values + first).flatten() for part in drawn]


def step(
    policy: Policy, optimiser: Optimiser, part: Rollout, advantage: Tensor, rule: Rule, progress: Progress
) -> None:
    """One step of the clipped surrogate; or, where a policy is too far from its reference, one back towards it.

    A constraint that is violated becomes the objective until it holds again (Xu et al. 2021, CRPO, arXiv 2011.05869).

    Args:
        policy: holds the states that are trained.
        optimiser: of these states.
        part: the responses.
        advantage: (N,), of their tokens.
        rule: what to obey.
        progress: where facts are written down.
    """
    known, owners = part.predictions, part.owners
    log_probs, divergence = predictions.predict(
        rollouts.head(policy, rule.temperature),
        policy.predicting(part.batch),
        part.batch.targets,
        known.reference_states,
        known.reference_normalisers,
    )
    apart = part.sums(divergence) / part.responses
    far = apart.detach() > _MARGIN * rule.kl_bound
    change = torch.where(far[owners], 0.0, log_probs - known.log_probs)
    ratio = change.exp()
    losses, outside = ppo.policy_loss(ratio, advantage, rule.clip_range)
    if rule.penalty:
        away = torch.where(far[owners], 0.0, known.reference_log_probs - log_probs)
        losses = losses + rule.penalty * ratio * health.k3(away)
    surrogate = part.means(losses)
    optimiser.step(torch.where(far, apart, surrogate))
    progress.far.append(far)
    progress.policy_losses.append(surrogate.detach())
    progress.clip_fractions.append(part.means(outside))
    progress.approx_kls.append(part.means(health.k3(change.detach())))

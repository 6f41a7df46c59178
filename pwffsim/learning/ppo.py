"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347) for two objectives, as pure functions.

Shapes: B responses of at most R tokens; ``mask`` (B, R) is 1 on response tokens, which start at the left. Nothing here
mixes responses but :func:`whiten`, so that those of several clients may stand below one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

PerObjective = Mapping[str, Tensor]


@dataclass(frozen=True)
class Horizon:
    """Discount gamma and the lambda of generalised advantage estimation."""

    gamma: float
    gae_lambda: float


@dataclass(frozen=True)
class Targets:
    """What a PPO update aims at.

    Attributes:
        advantage: (B, R), of the weighted objectives.
        returns: objective -> (B, R), which its critic learns.
    """

    advantage: Tensor
    returns: dict[str, Tensor]


def gae(rewards: Tensor, values: Tensor, mask: Tensor, horizon: Horizon) -> Tensor:
    """Generalised advantage estimation (Schulman et al. 2016, arXiv 1506.02438), (B, R).

    ``delta_t = r_t + gamma V_{t+1} - V_t``, ``A_t = delta_t + gamma lambda A_{t+1}``; after the last token both V and A
    are 0. It is linear in (rewards, values).
    """
    advantages = torch.zeros_like(rewards)
    next_value = next_advantage = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + horizon.gamma * next_value - values[:, t]
        next_advantage = (delta + horizon.gamma * horizon.gae_lambda * next_advantage) * mask[:, t]
        next_value = values[:, t] * mask[:, t]
        advantages[:, t] = next_advantage
    return advantages


def token_rewards(scores: Tensor, penalty: Tensor, mask: Tensor) -> Tensor:
    """(B, R): minus the penalty at every token, plus the score of the whole response at its last one."""
    last = mask.sum(1).long() - 1
    rewards = -penalty * mask
    rewards[torch.arange(len(scores), device=scores.device), last] += scores
    return rewards


def whiten(advantages: Tensor, mask: Tensor) -> Tensor:
    """Zero mean and unit variance over each row's tokens where the mask is 1, zero elsewhere, (..., n). Equal
    advantages become zero."""
    count = mask.sum(-1, keepdim=True)
    centred = (advantages - (advantages * mask).sum(-1, keepdim=True) / count) * mask
    return centred * torch.rsqrt(centred.square().sum(-1, keepdim=True) / count + 1e-8)


def policy_loss(ratio: Tensor, advantages: Tensor, clip_range: float) -> tuple[Tensor, Tensor]:
    """Clipped surrogate ``-min(rho A, clip(rho, 1 +- eps) A)`` of each token, and 1 where its ratio is outside.

    Args:
        ratio: rho = pi / pi_old of each token, (N,).
        advantages: (N,).
        clip_range: eps.
    """
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    outside = ((ratio - 1).abs() > clip_range).to(ratio.dtype)
    return -torch.minimum(ratio * advantages, clipped * advantages), outside.detach()


def value_loss(values: Tensor, returns: Tensor) -> Tensor:
    """Half the squared error of each token."""
    return 0.5 * (values - returns).square()


Weights = Mapping[str, Tensor | float]

Combine = Callable[[PerObjective, PerObjective, Weights, Tensor, Horizon], Targets]
"""(token rewards, values, weights, mask, horizon), the first three by objective -> targets; a weight is one number, or
(B, 1)."""


def combine_advantages(
    rewards: PerObjective, values: PerObjective, weights: Weights, mask: Tensor, horizon: Horizon
) -> Targets:
    """Each objective has its own critic and advantage: ``A = sum_k w_k GAE(r_k, V_k)``."""
    each = {k: gae(rewards[k], values[k], mask, horizon) for k in rewards}
    return Targets(_weighted(each, weights), {k: each[k] + values[k] for k in rewards})


def combine_rewards(
    rewards: PerObjective, values: PerObjective, weights: Weights, mask: Tensor, horizon: Horizon
) -> Targets:
    """Mix first: ``A = GAE(sum_k w_k r_k, sum_k w_k V_k)``; by linearity the same advantage, as a test shows."""
    each = {k: gae(rewards[k], values[k], mask, horizon) for k in rewards}
    advantage = gae(_weighted(rewards, weights), _weighted(values, weights), mask, horizon)
    return Targets(advantage, {k: each[k] + values[k] for k in rewards})


def combine_literally(
    rewards: PerObjective, values: PerObjective, weights: Weights, mask: Tensor, horizon: Horizon
) -> Targets:
    """As the paper's step 3.2 reads: reward plus critic's value is the "personalized reward" of an objective.

    The critic's value of the last state joins the reward at the last token, so that it counts twice (in the reward and
    in the baseline); offered for comparison.
    """
    last = mask.sum(1).long() - 1
    rows = torch.arange(len(mask), device=mask.device)
    summed = {k: rewards[k].clone() for k in rewards}
    for k in summed:
        summed[k][rows, last] += values[k][rows, last]
    targets = combine_advantages(summed, values, weights, mask, horizon)
    own = {k: gae(rewards[k], values[k], mask, horizon) + values[k] for k in rewards}
    return Targets(targets.advantage, own)


def _weighted(each: PerObjective, weights: Weights) -> Tensor:
    terms = [weights[k] * each[k] for k in each]
    return torch.stack(terms).sum(0)


COMBINERS: dict[str, Combine] = {
    "advantage": combine_advantages,
    "reward": combine_rewards,
    "literal_sum": combine_literally,
}

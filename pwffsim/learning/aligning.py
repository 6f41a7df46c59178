"""One PPO iteration: responses, rewards, advantages, and a few passes over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from channel_models.randomness import stream
from pwffsim.learning import ppo, rollouts
from pwffsim.learning.policy import Policy
from pwffsim.learning.preferences import Scale
from pwffsim.learning.reward import Pair
from pwffsim.learning.rollouts import Rollout
from pwffsim.learning.scoring import Features
from pwffsim.learning.supervised import Optimisation, Optimiser

_MARGIN = 0.5
"""Share of the KL bound that training prompts may use: held-out prompts and other clients' adapters add to it."""


@dataclass(frozen=True)
class Networks:
    """The networks of stage 3.

    Attributes:
        policy: trained.
        rewards: two reward models, frozen.
        critics: two critics, trained; they started as copies of the reward models.
        scales: objective -> scale that makes the scores of its reward model and critic comparable.
    """

    policy: Policy
    rewards: Pair
    critics: Pair
    scales: Mapping[str, Scale]

    def scores(self, features: Mapping[str, Features]) -> dict[str, Tensor]:
        """Objective -> (B,), scaled rewards of whole dialogues."""
        with torch.no_grad():
            return {o: self.scales[o](s.scores(features[o])) for o, s in self.rewards.scorers.items()}

    def values(self, objective: str, features: Features) -> Tensor:
        """(B, R), what a critic expects of each state, on the scale of the rewards."""
        return self.scales[objective](self.critics.scorers[objective].values(features))


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of PPO, and the client's weights.

    Attributes:
        temperature, ppo_epochs, minibatches, clip_range, horizon: as usual.
        kl_coefficient: beta of the per-token penalty ``beta (log pi - log pi_ref)``.
        kl_bound: nats a response; beyond half of it, steps lower the divergence instead of raising the reward.
        value_coefficient: weight of the critics' loss.
        combine: where the objectives are weighted and summed.
        weights: objective -> weight, summing to 1.
        missing_end_penalty: taken off the score of a response that was cut, in standard deviations.
    """

    temperature: float
    ppo_epochs: int
    minibatches: int
    clip_range: float
    horizon: ppo.Horizon
    kl_coefficient: float
    kl_bound: float
    value_coefficient: float
    combine: str
    weights: Mapping[str, float]
    missing_end_penalty: float
    policy_optimisation: Optimisation
    critic_optimisation: Optimisation


@dataclass(frozen=True)
class Optimisers:
    """Fresh optimisers of one client's round; critics have one each."""

    policy: Optimiser
    critics: Mapping[str, Optimiser]

    @classmethod
    def of(cls, networks: Networks, settings: Settings) -> Optimisers:
        """New moments for the policy and both critics."""
        critics = {
            objective: Optimiser(scorer.parameters.values(), settings.critic_optimisation)
            for objective, scorer in networks.critics.scorers.items()
        }
        return cls(Optimiser(networks.policy.parameters(), settings.policy_optimisation), critics)


@dataclass
class Progress:
    """Facts of the optimiser steps of one iteration."""

    policy_losses: list[float] = field(default_factory=list)
    clip_fractions: list[float] = field(default_factory=list)
    value_losses: dict[str, list[float]] = field(default_factory=dict)
    rectified: int = 0


@dataclass(frozen=True)
class Scored:
    """A rollout with its rewards and what follows from them.

    Attributes:
        scores: objective -> (B,), rewards of whole responses.
        advantage: (N,), weighted and whitened.
        returns: objective -> (N,), what its critic learns.
        features: objective -> what its critic reads; None where its encoder is trained, so that they change.
    """

    rollout: Rollout
    scores: Mapping[str, Tensor]
    advantage: Tensor
    returns: Mapping[str, Tensor]
    features: Mapping[str, Features] | None


def score(networks: Networks, rollout: Rollout, settings: Settings, end: int) -> Scored:
    """Rewards of whole responses, KL penalty at each token, and the advantages that follow."""
    features = networks.rewards.features(rollout.dialogues)
    scores = networks.scores(features)
    cut = settings.missing_end_penalty * (~rollouts.ended(rollout.dialogues, end)).float()
    penalty = rollout.grid(settings.kl_coefficient * (rollout.log_probs - rollout.sampled_reference))
    mask = rollout.mask.float()
    rewards = {o: ppo.token_rewards(s - cut, penalty, mask) for o, s in scores.items()}
    with torch.no_grad():
        seen = features if networks.critics.frozen else networks.critics.features(rollout.dialogues)
        values = {o: networks.values(o, seen[o]) * mask for o in scores}
    targets = ppo.COMBINERS[settings.combine](rewards, values, settings.weights, mask, settings.horizon)
    advantage = ppo.whiten(targets.advantage[rollout.mask])
    returns = {o: returns[rollout.mask] for o, returns in targets.returns.items()}
    return Scored(rollout, scores, advantage, returns, seen if networks.critics.frozen else None)


def update(networks: Networks, optimisers: Optimisers, scored: Scored, settings: Settings, seed: int) -> Progress:
    """Passes over a rollout in minibatches, a step of the policy and of each critic in each."""
    progress = Progress(value_losses={o: [] for o in scored.returns})
    for epoch in range(settings.ppo_epochs):
        order = stream(seed, "alignment.minibatches", epoch).permutation(len(scored.rollout))
        for drawn in torch.from_numpy(order).tensor_split(min(settings.minibatches, len(order))):
            rows = drawn.sort().values
            _policy_step(networks, optimisers, scored, rows, settings, progress)
            for objective in scored.returns:
                _critic_step(networks, optimisers, scored, rows, objective, settings, progress)
    return progress


def _policy_step(
    networks: Networks, optimisers: Optimisers, scored: Scored, rows: Tensor, settings: Settings, progress: Progress
) -> None:
    """One step of the clipped surrogate; or, where the policy is too far from the reference, one back towards it.

    A constraint that is violated becomes the objective until it holds again (Xu et al. 2021, CRPO, arXiv 2011.05869).
    """
    part, advantage = scored.rollout.take(rows), scored.advantage[scored.rollout.tokens_of(rows)]
    log_probs, targets = rollouts.log_probabilities(networks.policy, part.batch, settings.temperature)
    divergence = ppo.divergence(log_probs, part.reference).sum() / len(part)
    if float(divergence.detach()) > _MARGIN * settings.kl_bound:
        optimisers.policy.step(divergence)
        progress.rectified += 1
        return
    ratio = (log_probs.gather(1, targets[:, None]).squeeze(1) - part.log_probs).exp()
    loss, clipped = ppo.policy_loss(ratio, advantage, settings.clip_range)
    optimisers.policy.step(loss)
    progress.policy_losses.append(loss.item())
    progress.clip_fractions.append(float(clipped))


def _critic_step(
    networks: Networks,
    optimisers: Optimisers,
    scored: Scored,
    rows: Tensor,
    objective: str,
    settings: Settings,
    progress: Progress,
) -> None:
    """One step of one critic towards the returns."""
    part, returns = scored.rollout.take(rows), scored.returns[objective][scored.rollout.tokens_of(rows)]
    if scored.features is None:
        features = networks.critics.scorers[objective].encoder.features(part.dialogues)
    else:
        features = scored.features[objective][rows]
    values = networks.values(objective, features)[:, : part.mask.shape[1]]
    loss = ppo.value_loss(values[part.mask], returns)
    optimisers.critics[objective].step(settings.value_coefficient * loss)
    progress.value_losses[objective].append(loss.item())

"""One PPO iteration of C clients side by side: responses, rewards, advantages, and a few passes over them.

Rows are client-major, B responses of each client. Nothing passes from one client to another: losses are means over a
client's own tokens, and each has its own states, moments, minibatches and side of the constraint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pwffsim.learning import health, ppo, rollouts, surrogate
from pwffsim.learning.policy import Policy
from pwffsim.learning.preferences import Scale
from pwffsim.learning.reward import Pair
from pwffsim.learning.rollouts import Rollout
from pwffsim.learning.scoring import Features
from pwffsim.learning.supervised import Optimisation, Optimiser


@dataclass(frozen=True)
class Networks:
    """The networks of stage 3.

    Attributes:
        policy: trained.
        rewards: a reward model an objective of each client, frozen.
        critics: as many critics, trained; they started as copies of the reward models.
        scales: objective -> scale that makes the scores of reward models and critics comparable.
    """

    policy: Policy
    rewards: Pair
    critics: Pair
    scales: Mapping[str, Scale]

    def scores(self, features: Mapping[str, Features]) -> dict[str, Tensor]:
        """Objective -> (C B,), scaled rewards of whole dialogues."""
        with torch.no_grad():
            return {o: self.scales[o](s.scores(features[o])) for o, s in self.rewards.scorers.items()}

    def values(self, objective: str, features: Features) -> Tensor:
        """(C B, R), what critics expect of each state, on the scale of the rewards."""
        return self.scales[objective](self.critics.scorers[objective].values(features))


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of PPO, and the clients' weights.

    Attributes:
        temperature, ppo_epochs, minibatches, clip_range, horizon: as usual.
        kl_coefficient: beta of the per-token penalty ``beta (log pi - log pi_ref)``.
        kl_bound: nats a response; beyond half of it, steps lower the divergence instead of raising the reward.
        value_coefficient: weight of the critics' loss.
        combine: where the objectives are weighted and summed.
        weights: objective -> (C,), summing to 1.
        missing_end_penalty: taken off the score of a response that was cut, in standard deviations.
        global_coefficient: beta_g of the per-token penalty ``beta_g (log pi - log pi_global)``.
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
    weights: Mapping[str, Tensor]
    missing_end_penalty: float
    policy_optimisation: Optimisation
    critic_optimisation: Optimisation
    global_coefficient: float = 0.0

    @property
    def rule(self) -> surrogate.Rule:
        """What a step of the policy obeys."""
        return surrogate.Rule(self.temperature, self.clip_range, self.kl_bound)


@dataclass(frozen=True)
class Optimisers:
    """Fresh optimisers of the clients' round; critics have one an objective."""

    policy: Optimiser
    critics: Mapping[str, Optimiser]

    @classmethod
    def of(cls, networks: Networks, settings: Settings) -> Optimisers:
        """New moments for the policies and all critics."""
        critics = {
            objective: Optimiser(scorer.stack, settings.critic_optimisation)
            for objective, scorer in networks.critics.scorers.items()
        }
        return cls(Optimiser(networks.policy.stack, settings.policy_optimisation), critics)


@dataclass
class Progress(surrogate.Progress):
    """Facts of the optimiser steps of one iteration, (C,) each step.

    Attributes:
        value_losses: objective -> of its critics.
    """

    value_losses: dict[str, list[Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scored:
    """A rollout with its rewards and what follows from them.

    Attributes:
        scores: objective -> (C B,), rewards of whole responses.
        advantage: (N,), weighted, and whitened over each client's tokens.
        returns: objective -> (N,), what its critics learn.
        features: objective -> what its critics read; None where their encoder is trained, so that they change.
        values: objective -> (N,), what its critics said before the update.
    """

    rollout: Rollout
    scores: Mapping[str, Tensor]
    advantage: Tensor
    returns: Mapping[str, Tensor]
    features: Mapping[str, Features] | None
    values: Mapping[str, Tensor] = field(default_factory=dict)

    def health(self) -> list[dict[str, float]]:
        """Of each client, see :func:`pwffsim.learning.health.of_targets`."""
        return health.of_targets(self.returns, self.values, self.rollout.owners, self.rollout.clients)


def score(networks: Networks, rollout: Rollout, settings: Settings, end: int) -> Scored:
    """Rewards of whole responses, KL penalty at each token, and the advantages that follow."""
    features = networks.rewards.features(rollout.dialogues)
    scores = networks.scores(features)
    cut = settings.missing_end_penalty * (~rollouts.ended(rollout, end)).float()
    penalty = rollout.grid(_penalty(rollout, settings))
    mask = rollout.mask.float()
    rewards = {o: ppo.token_rewards(s - cut, penalty, mask) for o, s in scores.items()}
    with torch.no_grad():
        seen = features if networks.critics.frozen else networks.critics.features(rollout.dialogues)
        values = {o: networks.values(o, seen[o]) * mask for o in scores}
    weights = {o: w.repeat_interleave(rollout.responses)[:, None] for o, w in settings.weights.items()}
    targets = ppo.COMBINERS[settings.combine](rewards, values, weights, mask, settings.horizon)
    by_client = (grid.view(rollout.clients, -1) for grid in (targets.advantage, mask))
    advantage = ppo.whiten(*by_client).view(mask.shape)[rollout.mask]
    returns = {o: returns[rollout.mask] for o, returns in targets.returns.items()}
    known_values = {o: own[rollout.mask] for o, own in values.items()}
    return Scored(rollout, scores, advantage, returns, seen if networks.critics.frozen else None, known_values)


def _penalty(rollout: Rollout, settings: Settings) -> Tensor:
    """(N,): beta (log pi - log pi_ref), and beta_g (log pi - log pi_global) where the clients have a global policy."""
    known = rollout.predictions
    own = settings.kl_coefficient * (known.log_probs - known.reference_log_probs)
    if rollout.globally is None:
        return own
    return own + settings.global_coefficient * (known.log_probs - rollout.globally.reference_log_probs)


def update(
    networks: Networks, optimisers: Optimisers, scored: Scored, settings: Settings, seeds: Sequence[int]
) -> Progress:
    """Passes over a rollout in minibatches, a step of the policies and of all critics in each; seeds: one a client."""
    progress = Progress(value_losses={o: [] for o in scored.returns})
    for epoch in range(settings.ppo_epochs):
        for rows in surrogate.minibatches(scored.rollout, settings.minibatches, epoch, seeds):
            part, advantage = scored.rollout.take(rows), scored.advantage[scored.rollout.tokens_of(rows)]
            surrogate.step(networks.policy, optimisers.policy, part, advantage, settings.rule, progress)
            for objective in scored.returns:
                _critic_step(networks, optimisers, scored, rows, objective, settings, progress)
    return progress


def _critic_step(
    networks: Networks,
    optimisers: Optimisers,
    scored: Scored,
    rows: Tensor,
    objective: str,
    settings: Settings,
    progress: Progress,
) -> None:
    """One step of each client's critic of an objective towards the returns."""
    part, returns = scored.rollout.take(rows), scored.returns[objective][scored.rollout.tokens_of(rows)]
    if scored.features is None:
        features = networks.critics.scorers[objective].encoder.features(part.dialogues)
    else:
        features = scored.features[objective][rows]
    values = networks.values(objective, features)[:, : part.mask.shape[1]]
    loss = part.means(ppo.value_loss(values[part.mask], returns))
    optimisers.critics[objective].step(settings.value_coefficient * loss)
    progress.value_losses[objective].append(loss.detach())

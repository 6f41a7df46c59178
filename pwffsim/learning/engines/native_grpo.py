"""Our own loop of group relative policy optimisation: all clients in one batched step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from pwffsim.learning import grpo, policy, surrogate
from pwffsim.learning.jobs import Job
from pwffsim.learning.policy import Policy
from pwffsim.learning.rollouts import Rollout
from pwffsim.learning.state import Group
from pwffsim.learning.supervised import Optimisation, Optimiser


class NativeGrpo:
    """Clipped surrogate with k3's penalty, under the bound on the divergence."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._params = params = jobs[0].params
        self._actor = policy.resident(jobs)
        settings = Optimisation(params["learning_rate"], params["weight_decay"], params["clip"])
        self._optimiser = Optimiser(self._actor.stack, settings)
        self._rule = surrogate.Rule(
            params["temperature"], params["clip_range"], params["kl_bound"], penalty=params["kl_coefficient"]
        )

    def actor(self) -> Policy:
        """The policies, which are trained in place."""
        return self._actor

    def update(
        self, rollout: Rollout, scores: Mapping[str, Tensor], weights: Mapping[str, Tensor], seeds: Sequence[int]
    ) -> list[dict[str, Any]]:
        """Passes in minibatches; facts as :meth:`pwffsim.learning.surrogate.Progress.facts` has them."""
        params, progress = self._params, surrogate.Progress()
        normalise = grpo.NORMALISATIONS[params["group_normalisation"]]
        advantage = rollout.spread(normalise(scores, weights, params["group_size"]))
        for epoch in range(params["ppo_epochs"]):
            for rows in surrogate.minibatches(rollout, params["minibatches"], epoch, seeds):
                part, own = rollout.take(rows), advantage[rollout.tokens_of(rows)]
                surrogate.step(self._actor, self._optimiser, part, own, self._rule, progress)
        return progress.facts()

    def read(self) -> list[dict[str, Group]]:
        """Copies of the states."""
        return self._actor.read()

"""The two frozen reward models of C clients, on one scale: what alignment without critics asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pwffsim.learning import preferences, reward
from pwffsim.learning.jobs import Job
from pwffsim.learning.preferences import Scale
from pwffsim.learning.reward import Pair
from pwffsim.learning.scoring import Dialogue


@dataclass(frozen=True)
class Rewarding:
    """Reward models, holding the clients' states.

    Attributes:
        rewards: two a client.
        scales: objective -> scale of its scores.
    """

    rewards: Pair
    scales: Mapping[str, Scale]

    @classmethod
    def of(cls, jobs: Sequence[Job]) -> Rewarding:
        """Those of some clients, out of their inputs."""
        groups = [job.inputs["reward"] for job in jobs]
        rewards = reward.resident("reward", jobs)
        rewards.load(groups)
        return cls(rewards, preferences.scales(jobs, rewards, groups))

    @torch.no_grad()
    def scores(self, dialogues: Sequence[Dialogue]) -> dict[str, Tensor]:
        """Objective -> (C B,), of client-major dialogues, in standard deviations of the scores on training pairs."""
        features = self.rewards.features(dialogues)
        return {o: self.scales[o](scorer.scores(features[o])) for o, scorer in self.rewards.scorers.items()}

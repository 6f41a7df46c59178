"""Stage 2, federated reward learning."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from pwffsim.architecture.work import reward_flops
from pwffsim.compute.recipe import Facts, Recipe
from pwffsim.federation.method import Group
from pwffsim.scenario.schema import Reward
from pwffsim.world.blueprint import Blueprint, Shard
from pwffsim.world.profiles import Profile
from pwffsim.world.stages.stage import Stage


class RewardStage(Stage):
    """A reward model an objective, each from its own pairs; all travel, or none."""

    name = "reward"
    reads = ("preferences",)
    constants = ("pairs",)

    def __init__(self, blueprint: Blueprint, settings: Reward) -> None:
        super().__init__(blueprint, settings)
        self.settings = settings

    @property
    def groups(self) -> tuple[Group, ...]:
        return ("reward",)

    @property
    def shared(self) -> tuple[Group, ...]:
        return ("reward",) if self.blueprint.shares_rewards else ()

    def rows(self, shard: Shard) -> int:
        """Pairs of all objectives: the reward models of a client have one weight."""
        return shard.pairs

    def train(self, profile: Profile, state: Mapping[str, str], serial: int) -> Recipe:
        params = {
            **self._params(profile, "train", serial),
            **self._optimiser(),
            "reward": self.blueprint.reward_params(),
            "engine": self.settings.engine,
        }
        return Recipe("reward.train", params, {"reward": state["reward"]}, self._hints)

    def evaluate(self, profile: Profile, state: Mapping[str, str]) -> Recipe:
        params = {**self._params(profile, "evaluate", 0), "reward": self.blueprint.reward_params()}
        return Recipe("reward.evaluate", params, {"reward": state["reward"]}, self._hints)

    def _model(self, profile: Profile) -> Mapping[str, Any]:
        """The frozen base alone: a reward model does not depend on the policy's adapters and LoRA."""
        return self.blueprint.base

    def validation_loss(self, facts: Facts) -> float:
        return fmean(float(facts[f"{objective}_loss"]) for objective in self.blueprint.method.objectives)

    def train_flops(self, profile: Profile, facts: Facts | None) -> int:
        network, length = self.blueprint.reward_network(), self.blueprint.scenario.model.max_length
        frozen = self.blueprint.frozen_encoder
        steps, batch, models = self.settings.local_steps, self.settings.batch_size, self.blueprint.models
        return reward_flops(network, frozen, steps, batch, length, models)

    def evaluate_flops(self, profile: Profile) -> int:
        pairs = self.blueprint.scenario.data.test_pairs_per_client
        length = self.blueprint.scenario.model.max_length
        return self.blueprint.models * self.blueprint.reward_network().forward_flops(2 * pairs, length)

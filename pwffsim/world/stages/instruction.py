"""Stage 1, federated instruction tuning."""

from __future__ import annotations

from collections.abc import Mapping

from pwffsim.architecture.work import instruction_flops
from pwffsim.compute.recipe import Facts, Recipe
from pwffsim.federation.method import Group
from pwffsim.scenario.schema import Instruction
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.profiles import Profile
from pwffsim.world.stages.stage import Stage


class InstructionStage(Stage):
    """Supervised tuning on response tokens; the method says which groups travel."""

    name = "instruction"
    reads = ("instructions",)
    constants = ("tokens", "majority_accuracy", "unigram_accuracy", "bigram_accuracy")

    def __init__(self, blueprint: Blueprint, settings: Instruction) -> None:
        super().__init__(blueprint, settings)
        self.settings = settings

    @property
    def groups(self) -> tuple[Group, ...]:
        return self.blueprint.method.trained

    @property
    def shared(self) -> tuple[Group, ...]:
        return self.blueprint.method.shared

    def train(self, profile: Profile, state: Mapping[str, str], serial: int) -> Recipe:
        params = {**self._policy_params(profile, "train", serial), **self._optimiser(), "engine": self.settings.engine}
        return Recipe("instruction.train", params, {group: state[group] for group in self.groups}, self._hints)

    def evaluate(self, profile: Profile, state: Mapping[str, str]) -> Recipe:
        inputs = {group: state[group] for group in self.groups}
        return Recipe("instruction.evaluate", self._policy_params(profile, "evaluate", 0), inputs, self._hints)

    def evaluate_globally(self, state: Mapping[str, str]) -> Recipe | None:
        if not self.shared and not self.blueprint.method.pooled:
            return None
        params = self._policy_params(self.blueprint.profiles[0], "evaluate", 0)
        params["model"] = self.blueprint.model_params(self.blueprint.largest_tier)
        params |= {"client": None, "shard": {"everybody": self.blueprint.test_digest}}
        return Recipe("instruction.evaluate", params, {group: state[group] for group in self.groups}, self._hints)

    def train_flops(self, profile: Profile, facts: Facts | None) -> int:
        network = self.blueprint.policy_network(self.blueprint.lora_modules(profile))
        length = self.blueprint.scenario.model.max_length
        return instruction_flops(network, self.settings.local_steps, self.settings.batch_size, length)

    def evaluate_flops(self, profile: Profile) -> int:
        network = self.blueprint.policy_network(self.blueprint.lora_modules(profile))
        rows = self.blueprint.scenario.data.test_rows_per_client
        return network.forward_flops(rows, self.blueprint.scenario.model.max_length)

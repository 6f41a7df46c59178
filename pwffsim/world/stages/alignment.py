"""Stage 3, federated alignment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pwffsim.architecture.work import Rollout, alignment_flops
from pwffsim.compute.recipe import Facts, Recipe
from pwffsim.federation.method import Group
from pwffsim.learning.declarations import EXAMINER, SAMPLES_A_PROMPT
from pwffsim.scenario.schema import Alignment
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.examiner_models import unseen_rows
from pwffsim.world.profiles import Profile
from pwffsim.world.stages.stage import Stage

_SETTINGS = (
    "max_new_tokens",
    "temperature",
    "ppo_epochs",
    "minibatches",
    "clip_range",
    "gamma",
    "gae_lambda",
    "kl_coefficient",
    "kl_bound",
    "value_coefficient",
    "critic_learning_rate",
    "combine",
)


class AlignmentStage(Stage):
    """PPO with a frozen reward and a critic an objective; policy groups travel as in stage 1, critics never."""

    name = "alignment"
    reads = ("preferences", "prompts")
    generates = True

    def __init__(self, blueprint: Blueprint, settings: Alignment) -> None:
        super().__init__(blueprint, settings)
        self.settings = settings

    @property
    def groups(self) -> tuple[Group, ...]:
        return (*self.blueprint.method.trained, "critics")

    @property
    def shared(self) -> tuple[Group, ...]:
        return self.blueprint.method.shared

    @property
    def received(self) -> tuple[Group, ...]:
        return (*self.shared, "reward") if self.blueprint.shares_rewards else self.shared

    def train(self, profile: Profile, state: Mapping[str, str], serial: int) -> Recipe:
        params = {**self._alignment_params(profile, "train", serial), **self._optimiser()}
        return Recipe("alignment.train", params, dict(state), self._hints)

    def evaluate(self, profile: Profile, state: Mapping[str, str]) -> Recipe:
        inputs = {name: reference for name, reference in state.items() if name != "critics"}
        params = {
            **self._alignment_params(profile, "evaluate", 0),
            "batch_size": self.settings.batch_size,
            **self._examined(),
        }
        return Recipe("alignment.evaluate", params, inputs, self._hints)

    def validation_loss(self, facts: Facts) -> float:
        return -float(facts["reward_weighted"])

    def train_flops(self, profile: Profile, facts: Facts | None) -> int:
        blueprint = self.blueprint
        return alignment_flops(
            blueprint.policy_network(blueprint.lora_modules(profile)),
            blueprint.reward_network(),
            blueprint.frozen_encoder,
            self.settings.local_steps,
            self._rollout(facts),
            blueprint.models,
        )

    def evaluate_flops(self, profile: Profile) -> int:
        """Several responses a prompt are generated, and scored by the policy, the reference and the rewards."""
        network = self.blueprint.policy_network(self.blueprint.lora_modules(profile))
        length, new = self.blueprint.scenario.model.max_length, self.settings.max_new_tokens
        responses = SAMPLES_A_PROMPT * self.blueprint.scenario.data.test_prompts_per_client
        passes = 1 if self.blueprint.frozen_encoder else self.blueprint.models
        score = passes * self.blueprint.reward_network().forward_flops(responses, length)
        generate = network.generate_flops(responses, length - new, new)
        return generate + 2 * network.forward_flops(responses, length) + score

    def _rollout(self, facts: Facts | None) -> Rollout:
        """Prompts are padded to what the longest response leaves; a response has the declared maximum of tokens, or the
        mean number really generated (rounded up) where that is counted."""
        prompts, new = self.settings.batch_size, self.settings.max_new_tokens
        prompt_tokens = self.blueprint.scenario.model.max_length - new
        if facts is not None:
            new = -(-int(facts["generated_tokens"]) // (self.settings.local_steps * prompts))
        return Rollout(prompts, prompt_tokens, new, self.settings.ppo_epochs)

    def _examined(self) -> dict[str, Any]:
        """Who else scores the responses of an evaluation."""
        unseen = self.blueprint.unseen
        return {} if unseen is None else {EXAMINER: {"reward": self.blueprint.both_rewards(), **unseen_rows(unseen)}}

    def _alignment_params(self, profile: Profile, purpose: str, index: int) -> dict[str, Any]:
        settings = {name: getattr(self.settings, name) for name in _SETTINGS}
        return {
            **self._policy_params(profile, purpose, index),
            **settings,
            "reward": self.blueprint.reward_params(),
            "weight": profile.preference,
        }

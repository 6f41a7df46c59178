"""Stage 3, federated alignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pwffsim.architecture.groups import OBJECTIVES
from pwffsim.architecture.work import Rollout
from pwffsim.compute.recipe import Facts, Recipe
from pwffsim.federation.method import Group
from pwffsim.learning.declarations import ALGORITHMS, EXAMINER, SAMPLES_A_PROMPT
from pwffsim.scenario.schema import Alignment
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.examiner_models import unseen_rows
from pwffsim.world.profiles import Profile
from pwffsim.world.stages.algorithms import FLOPS, SETTINGS, Work
from pwffsim.world.stages.stage import Stage

_EVALUATED = ("max_new_tokens", "temperature")


class AlignmentStage(Stage):
    """Alignment to two frozen rewards, or to preferences themselves; policy groups travel as in stage 1, critics never.

    Attributes:
        algorithm: how it is done.
    """

    name = "alignment"
    reads = ("preferences", "prompts")
    health = (
        "approx_kl",
        "clip_fraction",
        "dpo_loss",
        "entropy",
        "kl",
        "kl_global",
        "objective_conflict",
        "pair_accuracy",
        "pair_margin",
        "policy_loss",
        "rectified",
        *(f"explained_variance_{objective}" for objective in OBJECTIVES),
        *(f"value_loss_{objective}" for objective in OBJECTIVES),
    )

    def __init__(self, blueprint: Blueprint, settings: Alignment) -> None:
        super().__init__(blueprint, settings)
        self.settings = settings
        self.algorithm = ALGORITHMS[settings.algorithm]
        self.generates = self.algorithm.generates

    @property
    def groups(self) -> tuple[Group, ...]:
        return (*self.blueprint.method.trained, *(("critics",) if self.algorithm.critics else ()))

    @property
    def shared(self) -> tuple[Group, ...]:
        return self.blueprint.method.shared

    @property
    def received(self) -> tuple[Group, ...]:
        return (*self.shared, "reward") if self.blueprint.shares_rewards else self.shared

    def train(self, profile: Profile, state: Mapping[str, str], serial: int) -> Recipe:
        names = SETTINGS[self.settings.algorithm]
        params = {**self._alignment_params(profile, "train", serial, names), **self._optimiser()}
        if self.settings.global_coefficient:
            params["global_coefficient"] = self.settings.global_coefficient
        inputs = dict(state)
        if not self.algorithm.generates:  # it learns from pairs, whatever the rewards are
            params, inputs = ({name: given[name] for name in given if name != "reward"} for given in (params, inputs))
            params["objectives"] = list(self.blueprint.method.objectives)
        return Recipe(self.algorithm.stage, params, inputs, self._hints)

    def evaluate(self, profile: Profile, state: Mapping[str, str]) -> Recipe:
        inputs = {name: own for name, own in state.items() if name != "critics" and not name.startswith("global_")}
        params = {
            **self._alignment_params(profile, "evaluate", 0, _EVALUATED),
            "batch_size": self.settings.batch_size,
            **self._examined(),
        }
        return Recipe("alignment.evaluate", params, inputs, self._hints)

    def validation_loss(self, facts: Facts) -> float:
        return -float(facts["reward_weighted"])

    def train_flops(self, profile: Profile, facts: Facts | None) -> int:
        blueprint = self.blueprint
        work = Work(
            blueprint.policy_network(blueprint.lora_modules(profile)),
            blueprint.reward_network(),
            blueprint.frozen_encoder,
            self.settings,
            self._rollout(facts),
            blueprint.scenario.model.max_length,
            blueprint.models,
        )
        return FLOPS[self.settings.algorithm](work)

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

    def _alignment_params(self, profile: Profile, purpose: str, index: int, names: Sequence[str]) -> dict[str, Any]:
        return {
            **self._policy_params(profile, purpose, index),
            **{name: getattr(self.settings, name) for name in names},
            "reward": self.blueprint.reward_params(),
            "weight": profile.preference,
        }

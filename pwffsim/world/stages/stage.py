"""What every stage tells the world."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from channel_models.randomness import derive_seed
from pwffsim.architecture.tensors import Payload
from pwffsim.compute.recipe import Facts, Recipe
from pwffsim.federation.method import Group
from pwffsim.scenario.schema import Convergence
from pwffsim.scenario.schema import Stage as StageSettings
from pwffsim.world.blueprint import Blueprint, Shard
from pwffsim.world.profiles import Profile


class Stage(ABC):
    """One federated stage.

    Attributes:
        name: its name in scenarios and records.
        reads: kinds of a client's data that it looks at.
        generates: whether its duration may depend on the tokens that it really generates.
        constants: facts of an evaluation that are the same in every round.
        health: facts of a client's last training that are told beside an evaluation, as ``train_{fact}``.
    """

    name: str
    reads: tuple[str, ...]
    generates: bool = False
    constants: tuple[str, ...] = ()
    health: tuple[str, ...] = ()

    def __init__(self, blueprint: Blueprint, settings: StageSettings) -> None:
        self.blueprint = blueprint
        self._settings = settings

    @property
    def rounds(self) -> int:
        """Aggregations at most."""
        return self._settings.rounds

    @property
    def convergence(self) -> Convergence:
        """When the stage ends."""
        return self._settings.convergence

    @property
    @abstractmethod
    def groups(self) -> tuple[Group, ...]:
        """States that a client trains."""

    @property
    @abstractmethod
    def shared(self) -> tuple[Group, ...]:
        """States that are uploaded and averaged."""

    @property
    def received(self) -> tuple[Group, ...]:
        """States that a client gets from the server before it starts."""
        return self.shared

    def rows(self, shard: Shard) -> int:
        """How much a client learns from in this stage: its weight in an average by samples."""
        return shard.rows

    def upload_tensors(self, profile: Profile) -> Payload:
        """What this client uploads, in the order of its bytes."""
        return self.blueprint.payload(self.shared, self.blueprint.lora_modules(profile))

    @abstractmethod
    def train(self, profile: Profile, state: Mapping[str, str], serial: int) -> Recipe:
        """One round of local training.

        Args:
            profile: the client.
            state: name of an input -> reference; the trained groups, and what else the stage reads.
            serial: how often this client has trained in this stage, from 0.
        """

    @abstractmethod
    def evaluate(self, profile: Profile, state: Mapping[str, str]) -> Recipe:
        """Measure a client's model on its held-out data."""

    def validation_loss(self, facts: Facts) -> float:
        """What an evaluation says about convergence; smaller is better."""
        return float(facts["loss"])

    def evaluate_globally(self, state: Mapping[str, str]) -> Recipe | None:
        """Measure the server's model on the global test set, where that makes sense."""
        return None

    @abstractmethod
    def train_flops(self, profile: Profile, facts: Facts | None) -> int:
        """Operations of one round of local training."""

    @abstractmethod
    def evaluate_flops(self, profile: Profile) -> int:
        """Operations of one evaluation."""

    def _params(self, profile: Profile, purpose: str, index: int) -> dict[str, Any]:
        """What the recipes of all stages have in common."""
        return {
            "model": self._model(profile),
            **self.blueprint.rows_of(profile, self.reads),
            "seed": derive_seed(self.blueprint.scenario.seed, f"{self.name}.{purpose}", profile.index, index),
            "max_length": self.blueprint.scenario.model.max_length,
            "precision": self.blueprint.scenario.compute.precision,
        }

    def _policy_params(self, profile: Profile, purpose: str, index: int) -> dict[str, Any]:
        """What the recipes of stages that train the policy have in common."""
        return {**self._params(profile, purpose, index), "groups": list(self.blueprint.method.trained)}

    def _model(self, profile: Profile) -> Mapping[str, Any]:
        """The networks that the stage works with: the policy, and which of its groups are trained."""
        return self.blueprint.model_params(self.blueprint.lora_modules(profile))

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        """Where the data are; which rows they are is said by the shard's digest."""
        return {"data": self.blueprint.data}

    def _optimiser(self) -> dict[str, Any]:
        s = self._settings
        return {
            "steps": s.local_steps,
            "batch_size": s.batch_size * (len(self.blueprint.participants) if self.blueprint.method.pooled else 1),
            "learning_rate": s.learning_rate,
            "weight_decay": s.weight_decay,
            "clip": s.clip,
        }

"""Shapes and settings that recipes are written from: one object for a run, fixed before it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from statistics import fmean
from typing import Any

from pwffsim.architecture.attention import FULL, Pattern, pattern
from pwffsim.architecture.families import Architecture
from pwffsim.architecture.groups import OBJECTIVES, adapter_tensors, lora_tensors, reward_tensors
from pwffsim.architecture.tensors import Payload, TensorShape, total_elements
from pwffsim.architecture.work import Network
from pwffsim.federation.method import Group, Method
from pwffsim.federation.methods import METHODS
from pwffsim.scenario.memory import lora_modules
from pwffsim.scenario.payloads import shares_rewards
from pwffsim.scenario.schema import Reward, Scenario
from pwffsim.world.profiles import Profile


@dataclass(frozen=True)
class Shard:
    """What the world knows of a client's data.

    Attributes:
        rows: instruction rows it trains on.
        pairs: preference pairs it trains on, of all objectives of the method.
        digests: of its ``instructions``, ``preferences`` and ``prompts``; empty where rows were counted and not made.
    """

    rows: int
    pairs: int
    digests: Mapping[str, str]


@dataclass(frozen=True)
class Blueprint:
    """Everything a recipe is made of that does not change during a run.

    Attributes:
        scenario: the resolved scenario.
        profiles: the clients.
        policy: architecture of the language model.
        encoder: architecture of the reward models' encoder, where that is not the policy's base.
        base, reward_base: JSON description of where weights come from, for the learning room.
        data: JSON description of the data, for the learning room.
        shards: a shard a client.
        test_digest: of the global test set and of everybody's instruction rows.
        pool: the rows of all who take part, where the method pools them.
        unseen: the examiners' pairs, where there are examiners.
    """

    scenario: Scenario
    profiles: tuple[Profile, ...]
    policy: Architecture
    encoder: Architecture | None
    base: Mapping[str, Any]
    reward_base: Mapping[str, Any] | None
    data: Mapping[str, Any]
    shards: Sequence[Shard]
    test_digest: str
    pool: Shard | None = None
    unseen: Shard | None = None

    @property
    def method(self) -> Method:
        """The federated method."""
        return METHODS[self.scenario.method]

    @cached_property
    def participants(self) -> tuple[Profile, ...]:
        """Clients that are not idle."""
        return tuple(profile for profile in self.profiles if not profile.idle)

    @cached_property
    def everybody(self) -> Profile:
        """All who take part as one learner, the server: their data, and the mean of their preferences. Its number is
        the one after the clients'."""
        mean = fmean(profile.preference for profile in self.participants)
        return replace(self.participants[0], index=len(self.profiles), preference=mean)

    def rows_of(self, profile: Profile, kinds: Sequence[str]) -> dict[str, Any]:
        """Whose rows of these kinds a recipe of a client reads, or of everybody, with their digests."""
        if profile.index < len(self.profiles):
            return {"client": profile.index, "shard": _digests(self.shards[profile.index], kinds)}
        assert self.pool is not None, "rows are pooled where the method says so"
        members = [member.index for member in self.participants]
        return {"client": None, "pool": members, "shard": _digests(self.pool, kinds)}

    @property
    def shares_rewards(self) -> bool:
        """Whether reward models are uploaded, averaged and sent back."""
        return shares_rewards(self.scenario)

    @cached_property
    def clusters(self) -> Mapping[int, int]:
        """Client that takes part -> its cluster: 0 for all, or quantiles of the preference where reward models have
        clusters. Clients of equal preference stand in client order."""
        count = self.reward.clusters if self.shares_rewards and self.reward.scope == "clustered" else 1
        ordered = sorted(self.participants, key=lambda profile: (profile.preference, profile.index))
        return {profile.index: rank * count // len(ordered) for rank, profile in enumerate(ordered)}

    @property
    def keeps_rewards(self) -> bool:
        """Whether reward models are there and stay on the clients."""
        return self.scenario.stages.reward is not None and not self.shares_rewards and not self.method.pooled

    @cached_property
    def largest_tier(self) -> int:
        """The most LoRA modules that a block carries on any device."""
        return max(tier.lora_modules_per_block for tier in self.scenario.devices.tiers)

    def lora_modules(self, profile: Profile) -> int:
        """LoRA modules a block on this client; the largest tier's where LoRA is averaged as a whole."""
        return lora_modules(self.scenario, profile.tier)

    def tensors(self, group: Group, lora_modules: int) -> tuple[TensorShape, ...]:
        """The tensors of a group on a client with that many LoRA modules a block."""
        model = self.scenario.model
        if group == "adapters":
            return adapter_tensors(self.policy, model.adapters.bottleneck, model.adapters.sites)
        if group == "lora":
            return lora_tensors(self.policy, model.lora.rank, lora_modules)
        encoder, reward = self.encoder or self.policy, self.reward
        return reward_tensors(encoder, reward.upload, reward.lora_rank, self.method.objectives)

    def payload(self, groups: Sequence[Group], lora_modules: int) -> Payload:
        """The tensors that travel together, in the order in which their bytes do: by name."""
        return self._payload(tuple(groups), lora_modules)

    @cached_property
    def _payload(self) -> Callable[[tuple[Group, ...], int], Payload]:
        return cache(self._gathered)

    def _gathered(self, groups: tuple[Group, ...], lora_modules: int) -> Payload:
        found = (tensor for group in groups for tensor in self.tensors(group, lora_modules))
        return Payload(sorted(found, key=lambda tensor: tensor.name))

    def policy_network(self, lora_modules: int) -> Network:
        """The policy as arithmetic, with this client's trainable modules."""
        return self._policy_network(lora_modules)

    @cached_property
    def _policy_network(self) -> Callable[[int], Network]:
        return cache(self._as_arithmetic)

    def _as_arithmetic(self, lora_modules: int) -> Network:
        trained = total_elements(self.payload(self.method.trained, lora_modules))
        return Network(self.policy, added=trained, trained=trained, attention=self.attention)

    @cached_property
    def attention(self) -> Pattern:
        """Which pairs of tokens the policy's attention works on; reward models attend to all."""
        return pattern(self.scenario.model.attention.settings)

    def reward_network(self) -> Network:
        """One reward model as arithmetic; its share of the reward tensors has the encoder's where that is trained."""
        return self._reward_network

    @cached_property
    def _reward_network(self) -> Network:
        encoder, own = self.encoder or self.policy, total_elements(self.tensors("reward", 0)) // self.models
        if self.reward.upload != "full":
            return Network(encoder, added=own, trained=own, language_head=False)
        head = own - encoder.parameters
        return Network(encoder, added=head, trained=head + encoder.matrix_parameters, language_head=False)

    @property
    def reward(self) -> Reward:
        """The reward stage's settings; asked for only where it runs."""
        assert self.scenario.stages.reward is not None, "a scenario without a reward stage has no reward models"
        return self.scenario.stages.reward

    @property
    def models(self) -> int:
        """Reward models of a client, and its critics: one an objective."""
        return len(self.method.objectives)

    @property
    def frozen_encoder(self) -> bool:
        """Whether the rewards' encoder is never trained, so that one pass serves both rewards and both critics."""
        return self.reward.upload == "head"

    def model_params(self, lora_modules: int) -> Mapping[str, Any]:
        """The policy, for a recipe; one object, however many recipes are held in memory."""
        return self._model_params(lora_modules)

    @cached_property
    def _model_params(self) -> Callable[[int], Mapping[str, Any]]:
        return cache(self._described)

    def _described(self, lora_modules: int) -> Mapping[str, Any]:
        model = self.scenario.model
        chosen = {} if model.lora.places is None else {"places": list(model.lora.places)}
        sparse = {} if self.attention == FULL else {"attention": model.attention.settings}
        return {
            **self.base,
            "adapters": {"bottleneck": model.adapters.bottleneck, "sites": list(model.adapters.sites)},
            "lora": {"rank": model.lora.rank, "alpha": model.lora.alpha, **chosen},
            "lora_modules_per_block": lora_modules,
            **sparse,
        }

    def group_params(self, group: Group, lora_modules: int) -> dict[str, Any]:
        """What a group's first values depend on, for a recipe, and nothing else."""
        if group == "reward":
            return {"model": dict(self.base), "reward": self.reward_params()}
        model = self.model_params(lora_modules)
        own = {"adapters": ("adapters",), "lora": ("lora", "lora_modules_per_block")}[group]
        return {"model": {**self.base, **{name: model[name] for name in own}}}

    def reward_params(self) -> dict[str, Any] | None:
        """The clients' reward models, for a recipe; None where no reward stage runs."""
        if self.scenario.stages.reward is None:
            return None
        if self.models == len(OBJECTIVES):
            return self.both_rewards()
        return {**self.both_rewards(), "objectives": list(self.method.objectives)}

    def both_rewards(self) -> dict[str, Any]:
        """Reward models of both objectives, whatever the method, for a recipe."""
        reward = self.reward
        return {"model": reward.model, "upload": reward.upload, "rank": reward.lora_rank, "base": self.reward_base}


def _digests(shard: Shard, kinds: Sequence[str]) -> dict[str, str]:
    return {kind: shard.digests[kind] for kind in kinds}

"""Whether every stage fits the memory of every device tier that some client has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pwffsim.architecture.families import Architecture
from pwffsim.architecture.groups import adapter_tensors, lora_tensors, reward_tensors
from pwffsim.architecture.memory import alignment_bytes, instruction_bytes, reward_bytes, weights_bytes
from pwffsim.architecture.tensors import total_elements
from pwffsim.federation.methods import METHODS
from pwffsim.learning.declarations import ALGORITHMS
from pwffsim.scenario.schema import Scenario, Tier
from pwffsim.scenario.tiers import client_name, tiers_of

_MB = 1e6


@dataclass(frozen=True)
class Shortage:
    """A tier that is too small for a stage.

    Attributes:
        tier: its position in `devices.tiers`.
        client: the first client that has it.
        others: how many more clients have it.
        stage: the stage that needs most.
        needed_mb, memory_mb: what that stage needs, and what there is.
    """

    tier: int
    client: int
    others: int
    stage: str
    needed_mb: float
    memory_mb: float

    def __str__(self) -> str:
        """The message, with client, megabytes and remedy."""
        more = f" and {self.others} more" if self.others else ""
        return (
            f"{client_name(self.client)}{more} needs {self.needed_mb:.1f} MB for stage {self.stage} and has "
            f"{self.memory_mb:g} MB: raise memory_mb, or lower batch_size, max_length or what is trained"
        )


def shortages(scenario: Scenario, policy: Architecture, encoder: Architecture | None) -> Iterator[Shortage]:
    """Every tier with a client that has too little memory; none where the server learns, which has enough.

    Args:
        scenario: a valid one.
        policy: the language model.
        encoder: the reward models' own encoder, where they have one.
    """
    if METHODS[scenario.method].pooled:
        return
    assigned = tiers_of(scenario)
    idle = {override.client for override in scenario.clients.overrides if override.idle}
    for index, tier in enumerate(scenario.devices.tiers):
        clients = [client for client, has in enumerate(assigned) if has.name == tier.name and client not in idle]
        needs = needed_bytes(scenario, policy, encoder, tier)
        stage = max(needs, key=lambda name: needs[name])
        if clients and needs[stage] > tier.memory_mb * _MB:
            yield Shortage(index, clients[0], len(clients) - 1, stage, needs[stage] / _MB, tier.memory_mb)


def needed_bytes(scenario: Scenario, policy: Architecture, encoder: Architecture | None, tier: Tier) -> dict[str, int]:
    """Bytes that each stage of the scenario needs on a device of this tier."""
    stages, length = scenario.stages, scenario.model.max_length
    trained = _trained_elements(scenario, policy, tier)
    rewards = _reward_elements(scenario, encoder or policy)
    needs: dict[str, int] = {}
    if stages.instruction:
        needs["instruction"] = instruction_bytes(policy, trained, stages.instruction.batch_size, length)
    if stages.reward:
        frozen = stages.reward.upload == "head"
        needs["reward"] = reward_bytes(encoder or policy, rewards, frozen, stages.reward.batch_size, length)
    if stages.alignment:
        algorithm = ALGORITHMS[stages.alignment.algorithm]
        scorers = _scorers_bytes(scenario, policy, encoder, 1 + algorithm.critics)
        batch = algorithm.sequences * stages.alignment.batch_size
        references = 1 + (stages.alignment.global_coefficient > 0)
        needs["alignment"] = alignment_bytes(
            policy, scorers, trained, rewards, batch, length, algorithm.critics, references
        )
    return needs


def _scorers_bytes(scenario: Scenario, policy: Architecture, encoder: Architecture | None, roles: int) -> int:
    """Encoders beside the policy's base: one for each reward and critic where they are trained whole; otherwise one of
    their own, or none where they look at the base itself."""
    reward = scenario.stages.reward
    if reward is not None and reward.upload == "full":
        return roles * len(METHODS[scenario.method].objectives) * weights_bytes(encoder or policy)
    return 0 if encoder is None else weights_bytes(encoder)


def _trained_elements(scenario: Scenario, policy: Architecture, tier: Tier) -> int:
    """Trained parameters of the policy on a device of this tier."""
    model, method = scenario.model, METHODS[scenario.method]
    adapters = adapter_tensors(policy, model.adapters.bottleneck, model.adapters.sites)
    lora = lora_tensors(policy, model.lora.rank, lora_modules(scenario, tier))
    return total_elements(adapters) * ("adapters" in method.trained) + total_elements(lora) * ("lora" in method.trained)


def lora_modules(scenario: Scenario, tier: Tier) -> int:
    """LoRA modules a block on a device of this tier; the largest tier's where LoRA is averaged as a whole, all are to
    have equal capacity, or one model serves everybody."""
    method = METHODS[scenario.method]
    averaged = "lora" in method.shared and scenario.aggregation.lora_average == "largest_tier"
    everywhere = averaged or method.equal_capacity or method.pooled
    tiers = scenario.devices.tiers if everywhere else (tier,)
    return max(candidate.lora_modules_per_block for candidate in tiers)


def _reward_elements(scenario: Scenario, encoder: Architecture) -> int:
    reward = scenario.stages.reward
    if reward is None:
        return 0
    objectives = METHODS[scenario.method].objectives
    return total_elements(reward_tensors(encoder, reward.upload, reward.lora_rank, objectives))

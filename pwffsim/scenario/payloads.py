"""Bytes of an upload, stage by stage, as far as the models' shapes are known."""

from __future__ import annotations

from pwffsim.architecture.families import Architecture
from pwffsim.architecture.groups import adapter_tensors, lora_tensors, reward_tensors
from pwffsim.architecture.tensors import total_bytes
from pwffsim.federation.methods import METHODS
from pwffsim.scenario.bases import encoder_architecture, policy_architecture
from pwffsim.scenario.memory import lora_modules
from pwffsim.scenario.schema import Scenario, Tier


def upload_bytes(scenario: Scenario) -> dict[str, list[int]] | None:
    """Stage -> payload of an upload for each device tier; None while a model's shapes are on the hub only."""
    policy = policy_architecture(scenario)
    reward = scenario.stages.reward
    encoder = policy if reward is None or reward.model == "base_head" else encoder_architecture(scenario)
    if policy is None or encoder is None:
        return None
    by_tier = [_policy_bytes(scenario, policy, tier) for tier in scenario.devices.tiers]
    return {"instruction": by_tier, "reward": [_reward_bytes(scenario, encoder)], "alignment": by_tier}


def shares_rewards(scenario: Scenario) -> bool:
    """Whether reward models are uploaded: the method says so, and their scope is not the client itself."""
    reward = scenario.stages.reward
    return reward is not None and reward.scope != "local" and METHODS[scenario.method].share_rewards


def _reward_bytes(scenario: Scenario, encoder: Architecture) -> int:
    """What is shared of the reward models."""
    reward, objectives = scenario.stages.reward, METHODS[scenario.method].objectives
    if reward is None or not shares_rewards(scenario):
        return 0
    return total_bytes(reward_tensors(encoder, reward.upload, reward.lora_rank, objectives))


def _policy_bytes(scenario: Scenario, policy: Architecture, tier: Tier) -> int:
    """What is shared of the policy on a device of this tier."""
    model, shared = scenario.model, METHODS[scenario.method].shared
    adapters = adapter_tensors(policy, model.adapters.bottleneck, model.adapters.sites) if "adapters" in shared else ()
    lora = lora_tensors(policy, model.lora.rank, lora_modules(scenario, tier)) if "lora" in shared else ()
    return total_bytes((*adapters, *lora))

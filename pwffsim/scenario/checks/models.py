"""The models: whether they can be had, and whether what is to be trained fits their shapes."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.architecture.families import Architecture
from pwffsim.scenario.bases import BaseError, encoder_architecture, policy_architecture
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.memory import shortages
from pwffsim.scenario.schema import Scenario

_POLICY = ("model.base", "model.weights", "model.tokenizer", "model.lora.places")
_ENCODER = tuple(f"stages.reward.{key}" for key in ("model", "base", "weights", "tokenizer"))
_MOST_PLACES = 3
"""Usual places for LoRA in a block of every family that is supported."""


@reads(*_POLICY)
def policy_can_be_had(scenario: Scenario) -> Iterator[Finding]:
    """The base model is there, or may be on the hub, is of a family that generates, and has the places for LoRA."""
    try:
        policy_architecture(scenario)
    except BaseError as error:
        yield finding(str(error), *error.locs)


@reads(*_ENCODER)
def encoder_can_be_had(scenario: Scenario) -> Iterator[Finding]:
    """The reward models' own encoder is there, or may be on the hub."""
    try:
        encoder_architecture(scenario)
    except BaseError as error:
        yield finding(str(error), *error.locs)


@reads(*_POLICY, *_ENCODER, "model.max_length")
def sequences_fit(scenario: Scenario) -> Iterator[Finding]:
    """The longest sequence has a position in every model that reads it."""
    longest = scenario.model.max_length
    policy, encoder = _known(scenario)
    for name, model in ((scenario.model.base, policy), ("the reward encoder", encoder)):
        if model is not None and longest > model.positions:
            message = f"{longest} tokens are more than the {model.positions} positions of {name}"
            yield finding(message, ("model", "max_length"), ("model", "base"))


@reads(*_POLICY, "devices.tiers")
def lora_has_places(scenario: Scenario) -> Iterator[Finding]:
    """No tier carries more LoRA modules a block than a block has places."""
    policy, _ = _known(scenario)
    names = [place.module for place in policy.places] if policy else scenario.model.lora.places or ()
    most = len(names) or _MOST_PLACES
    listed = f" ({', '.join(names)})" if names else ""
    for index, tier in enumerate(scenario.devices.tiers):
        if tier.lora_modules_per_block > most:
            count = tier.lora_modules_per_block
            message = (
                f"{count} LoRA modules a block, and a block of {scenario.model.base} has {most} places{listed}; "
                "take fewer, or name more in model.lora.places"
            )
            yield finding(message, ("devices", "tiers", index, "lora_modules_per_block"), ("model", "lora", "places"))


@reads(*_POLICY, "stages.instruction.engine")
def trl_knows_places(scenario: Scenario) -> Iterator[Finding]:
    """trl trains peft's LoRA, which takes a fused map as a whole only."""
    stage = scenario.stages.instruction
    policy, _ = _known(scenario)
    part = next((place for place in policy.places if place.fused), None) if policy else None
    if stage is not None and stage.engine == "trl" and part is not None:
        message = (
            f"engine trl has no LoRA in {part.module!r}, a part of {part.fused!r}; take engine native, or the whole map"
        )
        yield finding(message, ("stages", "instruction", "engine"), ("model", "lora", "places"))


@reads(*_POLICY, *_ENCODER, "devices.tiers", "model.lora.rank", "stages.reward.upload", "stages.reward.lora_rank")
def ranks_fit(scenario: Scenario) -> Iterator[Finding]:
    """A low rank is no higher than the full one."""
    policy, encoder = _known(scenario)
    modules = max(tier.lora_modules_per_block for tier in scenario.devices.tiers)
    if policy is not None:
        yield from _too_high(scenario.model.lora.rank, policy, modules, ("model", "lora", "rank"))
    reward = scenario.stages.reward
    reader = encoder or policy
    if reward is not None and reward.upload == "lora" and reader is not None:
        yield from _too_high(reward.lora_rank, reader.placed(None), 1, ("stages", "reward", "lora_rank"))


@reads("model.*", "stages.*", "devices.tiers", "clients.*", "method", "aggregation.lora_average")
def training_fits_memory(scenario: Scenario) -> Iterator[Finding]:
    """Every client's device can hold what its stages need."""
    policy, encoder = _known(scenario)
    named = {tier.name for tier in scenario.devices.tiers}
    strangers = any(o.tier is not None and o.tier not in named for o in scenario.clients.overrides)
    misshapen = any(any(check.find(scenario)) for check in (lora_has_places, ranks_fit))
    if policy is None or strangers or misshapen or (_needs_encoder(scenario) and encoder is None):
        return
    for shortage in shortages(scenario, policy, encoder):
        yield finding(
            str(shortage), *(("devices", "tiers", shortage.tier, key) for key in ("memory_mb", "name")), ("devices",)
        )


def _known(scenario: Scenario) -> tuple[Architecture | None, Architecture | None]:
    """The policy and the reward models' own encoder, as far as they can be known; what is refused is told elsewhere."""
    try:
        policy = policy_architecture(scenario)
    except BaseError:
        policy = None
    try:
        return policy, encoder_architecture(scenario)
    except BaseError:
        return policy, None


def _needs_encoder(scenario: Scenario) -> bool:
    reward = scenario.stages.reward
    return reward is not None and reward.model != "base_head"


def _too_high(rank: int, model: Architecture, modules: int, at: tuple[str | int, ...]) -> Iterator[Finding]:
    for place in model.places[:modules]:
        side = min(place.inputs, place.outputs)
        if rank > side:
            yield finding(
                f"rank {rank} is higher than the full rank {side} of {place.module} in {model.family}", at, at[:-1]
            )
            return


CHECKS = (
    policy_can_be_had,
    encoder_can_be_had,
    sequences_fit,
    lora_has_places,
    trl_knows_places,
    ranks_fit,
    training_fits_memory,
)

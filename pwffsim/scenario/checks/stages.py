"""Stages among each other, and their lengths and batches."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.scenario.checks.clients import participants
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.schema import Scenario


@reads("stages.alignment", "stages.reward")
def alignment_has_rewards(scenario: Scenario) -> Iterator[Finding]:
    """PPO needs the reward models of stage 2."""
    if scenario.stages.alignment and not scenario.stages.reward:
        yield finding("needs the reward models of stage 2: add stages.reward", ("stages", "alignment"))


@reads("stages.alignment.max_new_tokens", "model.max_length")
def prompts_have_room(scenario: Scenario) -> Iterator[Finding]:
    """The longest response must leave room for a prompt."""
    alignment, longest = scenario.stages.alignment, scenario.model.max_length
    if alignment and alignment.max_new_tokens >= longest:
        message = f"{alignment.max_new_tokens} new tokens leave no room for a prompt in model.max_length of {longest}"
        yield finding(message, ("stages", "alignment", "max_new_tokens"), ("model", "max_length"))


@reads("stages.alignment.minibatches", "stages.alignment.batch_size")
def minibatches_hold_prompts(scenario: Scenario) -> Iterator[Finding]:
    """A minibatch holds at least one prompt."""
    alignment = scenario.stages.alignment
    if alignment and alignment.minibatches > alignment.batch_size:
        message = (
            f"{alignment.minibatches} minibatches of {alignment.batch_size} prompts; at most {alignment.batch_size}"
        )
        yield finding(message, ("stages", "alignment", "minibatches"), ("stages", "alignment", "batch_size"))


@reads("stages.reward.scope", "stages.reward.clusters", "clients.count", "clients.overrides", "radio.sharing.*")
def clusters_hold_clients(scenario: Scenario) -> Iterator[Finding]:
    """Nobody's cluster is empty, and uploads that add up on the air come from one."""
    reward, at = scenario.stages.reward, ("stages", "reward", "clusters")
    if reward is None or reward.scope != "clustered":
        return
    if reward.clusters > participants(scenario):
        yield finding(f"{reward.clusters} clusters of {participants(scenario)} clients that take part", at)
    if getattr(scenario.radio.sharing.source, "superposes", False):
        message = f"{scenario.radio.sharing} adds up what all clients send; take scope: global or local"
        yield finding(message, ("stages", "reward", "scope"), ("radio", "sharing"))


CHECKS = (alignment_has_rewards, prompts_have_room, minibatches_hold_prompts, clusters_hold_clients)

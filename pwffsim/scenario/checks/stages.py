"""Stages among each other, and their lengths and batches."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.federation.methods import METHODS
from pwffsim.learning.declarations import ALGORITHMS
from pwffsim.scenario.checks.clients import participants
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.schema import Scenario


@reads("stages.alignment", "stages.reward")
def alignment_has_rewards(scenario: Scenario) -> Iterator[Finding]:
    """Alignment is measured by the reward models of stage 2, and PPO and GRPO learn from them."""
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


@reads("stages.alignment.algorithm", "stages.alignment.engine", "stages.alignment.minibatches")
def engines_know_the_algorithm(scenario: Scenario) -> Iterator[Finding]:
    """trl has had no PPO since its release 1.13, and cuts minibatches in an order of its own."""
    alignment, at = scenario.stages.alignment, ("stages", "alignment", "engine")
    if alignment is None:
        return
    if alignment.engine not in ALGORITHMS[alignment.algorithm].engines:
        message = f"{alignment.engine} has no {alignment.algorithm}; take engine native, or algorithm grpo or dpo"
        yield finding(message, at, ("stages", "alignment", "algorithm"))
    elif alignment.engine == "trl" and alignment.algorithm == "grpo" and alignment.minibatches > 1:
        message = f"trl takes all responses in one step, not in {alignment.minibatches} minibatches; set minibatches: 1"
        yield finding(message, at, ("stages", "alignment", "minibatches"))


@reads("stages.alignment.algorithm", "stages.alignment.group_size", "stages.alignment.batch_size")
def groups_fill_the_batch(scenario: Scenario) -> Iterator[Finding]:
    """A batch of GRPO is made of whole groups."""
    alignment = scenario.stages.alignment
    if alignment and alignment.algorithm == "grpo" and alignment.batch_size % alignment.group_size:
        message = (
            f"{alignment.batch_size} responses are not whole groups of {alignment.group_size}; "
            f"take a multiple of group_size"
        )
        yield finding(message, ("stages", "alignment", "batch_size"), ("stages", "alignment", "group_size"))


@reads("stages.alignment.algorithm", "stages.alignment.global_coefficient")
def only_ppo_has_rewards_a_token(scenario: Scenario) -> Iterator[Finding]:
    """The regularisation reward belongs to tokens, as PPO's rewards do."""
    alignment = scenario.stages.alignment
    if alignment and alignment.global_coefficient and alignment.algorithm != "ppo":
        message = f"{alignment.algorithm} has no rewards of tokens; take algorithm ppo, or kl_reference: global"
        yield finding(message, ("stages", "alignment", "global_coefficient"), ("stages", "alignment", "algorithm"))


@reads("method", "stages.alignment.kl_reference", "stages.alignment.global_coefficient")
def a_global_policy_exists(scenario: Scenario) -> Iterator[Finding]:
    """Who shall stay close to the global policy has one."""
    alignment = scenario.stages.alignment
    if alignment is None or METHODS[scenario.method].shared:
        return
    for key, wanted in (
        ("kl_reference", alignment.kl_reference == "global"),
        ("global_coefficient", alignment.global_coefficient > 0),
    ):
        if wanted:
            message = f"method {scenario.method!r} shares nothing, so that there is no global policy to stay close to"
            yield finding(f"{message}; take another reference or method", ("stages", "alignment", key), ("method",))


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


CHECKS = (
    alignment_has_rewards,
    prompts_have_room,
    minibatches_hold_prompts,
    engines_know_the_algorithm,
    groups_fill_the_batch,
    only_ppo_has_rewards_a_token,
    a_global_policy_exists,
    clusters_hold_clients,
)

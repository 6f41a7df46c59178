"""The method against the modules that exist to be trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pwffsim.federation.methods import METHODS
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.memory import lora_modules
from pwffsim.scenario.schema import Scenario


@reads("model.adapters.sites")
def sites_differ(scenario: Scenario) -> Iterator[Finding]:
    """One adapter a site."""
    for site, times in Counter(scenario.model.adapters.sites).items():
        if times > 1:
            yield finding(
                f"site {site!r} is named {times} times; a site has one adapter", ("model", "adapters", "sites")
            )


@reads("method", "model.adapters.sites")
def adapters_exist(scenario: Scenario) -> Iterator[Finding]:
    """A method that trains adapters has some."""
    if "adapters" in METHODS[scenario.method].trained and not scenario.model.adapters.sites:
        message = f"method {scenario.method!r} trains adapters, and there is no site for one; name at least one site"
        yield finding(message, ("model", "adapters", "sites"), ("method",))


@reads("method", "devices.tiers", "aggregation.lora_average")
def lora_exists(scenario: Scenario) -> Iterator[Finding]:
    """A method that trains LoRA has some, on one tier at least; on every tier where it trains nothing else."""
    tiers = scenario.devices.tiers
    if "lora" in METHODS[scenario.method].trained and not any(tier.lora_modules_per_block for tier in tiers):
        message = (
            f"method {scenario.method!r} trains LoRA, and no tier carries any; give a tier one module a block or more"
        )
        yield finding(message, ("devices", "tiers", 0, "lora_modules_per_block"), ("method",))
    elif METHODS[scenario.method].trained == ("lora",):
        yield from _tiers_without_anything(scenario)


def _tiers_without_anything(scenario: Scenario) -> Iterator[Finding]:
    for index, tier in enumerate(scenario.devices.tiers):
        if lora_modules(scenario, tier) == 0:
            message = (
                f"method {scenario.method!r} trains LoRA alone, and tier {tier.name} carries none; give it 1, 2 or 3 "
                "modules a block, or write lora_average: largest_tier"
            )
            at = ("devices", "tiers", index, "lora_modules_per_block")
            yield finding(message, at, ("aggregation", "lora_average"), ("method",))


@reads("method", "aggregation.mode", "evaluation.costs_time")
def the_server_learns_alone(scenario: Scenario) -> Iterator[Finding]:
    """Where the server learns, clients are given no tasks, so that what they cost has no effect."""
    if not METHODS[scenario.method].pooled:
        return
    why = f"has no effect with method {scenario.method!r}, where the server learns and clients get no tasks; drop it"
    if scenario.aggregation.mode != "synchronous":
        yield finding(f"mode {scenario.aggregation.mode} {why}", ("aggregation", "mode"), ("method",))
    if scenario.evaluation.costs_time:
        yield finding(why, ("evaluation", "costs_time"), ("method",))


CHECKS = (sites_differ, adapters_exist, lora_exists, the_server_learns_alone)

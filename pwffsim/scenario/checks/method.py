"""The method against the modules that exist to be trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pwffsim.federation.methods import METHODS
from pwffsim.scenario.checks.finding import Finding, finding, reads
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


@reads("method", "devices.tiers")
def lora_exists(scenario: Scenario) -> Iterator[Finding]:
    """A method that trains LoRA has some, on one tier at least."""
    tiers = scenario.devices.tiers
    if "lora" in METHODS[scenario.method].trained and not any(tier.lora_modules_per_block for tier in tiers):
        message = (
            f"method {scenario.method!r} trains LoRA, and no tier carries any; give a tier one module a block or more"
        )
        yield finding(message, ("devices", "tiers", 0, "lora_modules_per_block"), ("method",))


CHECKS = (sites_differ, adapters_exist, lora_exists)

"""Clients, their exceptions and their tiers."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.names import did_you_mean
from pwffsim.scenario.schema import Scenario


@reads("devices.tiers")
def tier_names_differ(scenario: Scenario) -> Iterator[Finding]:
    """A tier is known by its name."""
    first: dict[str, int] = {}
    for index, tier in enumerate(scenario.devices.tiers):
        if tier.name in first:
            message = f"tier {tier.name!r} has the name of devices.tiers[{first[tier.name]}]; give it another"
            yield finding(message, ("devices", "tiers", index, "name"))
        first.setdefault(tier.name, index)


@reads("clients.overrides", "devices.tiers")
def overrides_name_tiers(scenario: Scenario) -> Iterator[Finding]:
    """A client's tier is one that is declared."""
    names = [tier.name for tier in scenario.devices.tiers]
    for index, override in enumerate(scenario.clients.overrides):
        if override.tier is not None and override.tier not in names:
            message = (
                f"no tier is named {override.tier!r}; tiers are {', '.join(names)}{did_you_mean(override.tier, names)}"
            )
            yield finding(message, ("clients", "overrides", index, "tier"))


@reads("clients.count", "clients.overrides")
def overrides_name_clients(scenario: Scenario) -> Iterator[Finding]:
    """An exception is about a client that exists, and there is one a client."""
    count = scenario.clients.count
    first: dict[int, int] = {}
    for index, override in enumerate(scenario.clients.overrides):
        at = ("clients", "overrides", index, "client")
        if override.client >= count:
            message = f"there is no client {override.client}: {count} clients are numbered 0 to {count - 1}"
            yield finding(message, at, ("clients", "count"))
        if override.client in first:
            yield finding(
                f"client {override.client} has its exceptions in clients.overrides[{first[override.client]}]", at
            )
        first.setdefault(override.client, index)


@reads("clients.count", "clients.overrides")
def somebody_takes_part(scenario: Scenario) -> Iterator[Finding]:
    """At least one client is not idle."""
    if participants(scenario) < 1:
        yield finding("every client is idle; at least one must take part", ("clients", "overrides"))


@reads("clients.count", "clients.overrides", "aggregation.mode", "aggregation.buffer")
def buffer_can_fill(scenario: Scenario) -> Iterator[Finding]:
    """A buffer larger than the number of participants would never fill."""
    buffer, count = scenario.aggregation.buffer, participants(scenario)
    if scenario.aggregation.mode == "buffered" and buffer > count >= 1:
        message = f"a buffer of {buffer} updates never fills with {count} clients that take part; at most {count}"
        yield finding(message, ("aggregation", "buffer"), ("aggregation", "mode"), ("clients", "count"))


def participants(scenario: Scenario) -> int:
    """Number of clients that are not idle."""
    idle = {override.client for override in scenario.clients.overrides if override.idle}
    return scenario.clients.count - sum(1 for client in idle if client < scenario.clients.count)


CHECKS = (tier_names_differ, overrides_name_tiers, overrides_name_clients, somebody_takes_part, buffer_can_fill)

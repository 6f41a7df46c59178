"""Which device tier a client has. A pure function of the client's number, so that one more client changes no other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from pwffsim.scenario.schema import Scenario, Tier

_GOLDEN = (5**0.5 - 1) / 2


def tier_of(tiers: tuple[Tier, ...], client: int, named: str | None = None) -> Tier:
    """The named tier, or the one whose share covers frac(client x golden ratio).

    The golden-ratio sequence spreads evenly over [0, 1) however many clients there are, so that the tiers' shares hold
    for any number of them.

    Raises:
        StopIteration: when no tier is named so (the loader refuses such a scenario).
    """
    if named is not None:
        return next(tier for tier in tiers if tier.name == named)
    position = (client * _GOLDEN) % 1.0 * sum(tier.share for tier in tiers)
    bounds = accumulate(tier.share for tier in tiers)
    return next((tier for tier, bound in zip(tiers, bounds, strict=True) if position < bound), tiers[-1])


def named_tiers(scenario: Scenario) -> Mapping[int, str]:
    """Clients whose tier is named by an override."""
    return {override.client: override.tier for override in scenario.clients.overrides if override.tier is not None}


def tiers_of(scenario: Scenario) -> tuple[Tier, ...]:
    """The tier of every client."""
    named = named_tiers(scenario)
    return tuple(tier_of(scenario.devices.tiers, client, named.get(client)) for client in range(scenario.clients.count))


def client_name(client: int) -> str:
    """``client-00``, ``client-01``, ...: a client's name on the timeline and in messages."""
    return f"client-{client:02d}"

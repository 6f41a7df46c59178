"""Who the clients are: tier, mean SNR, preference. Pure in (seed, client): one more client changes no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from channel_models.randomness import stream
from pwffsim.scenario.schema import ClientOverride, Scenario, Tier
from pwffsim.scenario.tiers import client_name, tiers_of
from pwffsim.world.radio.ground import mean_snr_db_of


@dataclass(frozen=True)
class Profile:
    """What is fixed about a client.

    Attributes:
        index: client number, from 0.
        tier: its class of device.
        mean_snr_db: mean SNR of its uplink.
        preference: weight w of helpfulness; harmlessness has 1 - w.
        idle: whether it never takes part.
    """

    index: int
    tier: Tier
    mean_snr_db: float
    preference: float
    idle: bool

    @property
    def name(self) -> str:
        """Name on the timeline."""
        return client_name(self.index)


def profiles(scenario: Scenario) -> tuple[Profile, ...]:
    """All clients of a scenario.

    Args:
        scenario: the resolved scenario.
    """
    mean_snr_db = mean_snr_db_of(scenario)
    overrides = {override.client: override for override in scenario.clients.overrides}
    return tuple(
        _profile(scenario, mean_snr_db, tier, overrides.get(index, ClientOverride(client=index)))
        for index, tier in enumerate(tiers_of(scenario))
    )


def _profile(scenario: Scenario, mean_snr_db: Callable[[int], float], tier: Tier, override: ClientOverride) -> Profile:
    index = override.client
    return Profile(
        index=index,
        tier=tier,
        mean_snr_db=mean_snr_db(index) if override.mean_snr_db is None else override.mean_snr_db,
        preference=_preference(scenario, index) if override.preference is None else override.preference,
        idle=override.idle,
    )


def _preference(scenario: Scenario, index: int) -> float:
    setting = scenario.clients.preference
    return (
        float(stream(scenario.seed, "client.preference", index).uniform()) if setting == "uniform" else float(setting)
    )

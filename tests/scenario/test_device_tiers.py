"""Tiers are dealt by share, evenly for every number of clients, and one more client changes nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.scenario.presets import resolve
from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.tiers import client_name, tiers_of
from pwffsim.world.profiles import profiles


def scenario_of(shares: list[float], clients: dict[str, Any]) -> Scenario:
    tiers = [{"name": f"tier {i}", "share": share} for i, share in enumerate(shares)]
    settings = {"clients": clients, "devices": {"tiers": tiers}}
    return Scenario.model_validate({"name": "x", "stages": {"instruction": {}}, **settings})


@pytest.mark.parametrize("count", [7, 10, 100, 1001])
@pytest.mark.parametrize("shares", [[0.5, 0.5], [1.0, 3.0], [0.2, 0.3, 0.5]])
def test_shares_hold_to_within_a_client_or_two(count, shares):
    names = [tier.name for tier in tiers_of(scenario_of(shares, {"count": count}))]
    for index, share in enumerate(shares):
        assert abs(names.count(f"tier {index}") - count * share / sum(shares)) <= 2


@given(st.integers(1, 40), st.lists(st.floats(0.01, 100), min_size=1, max_size=4))
def test_one_more_client_changes_no_other(count, shares):
    fewer, more = (tiers_of(scenario_of(shares, {"count": n})) for n in (count, count + 1))
    assert more[:count] == fewer


def test_a_named_tier_goes_before_the_share_and_the_world_deals_the_same():
    scenario = scenario_of(
        [1, 1], {"count": 12, "overrides": [{"client": 2, "tier": "tier 0"}, {"client": 3, "tier": "tier 1"}]}
    )
    dealt = tiers_of(scenario)
    assert (dealt[2].name, dealt[3].name) == ("tier 0", "tier 1")
    cast = profiles(resolve(scenario))
    assert [profile.tier for profile in cast] == list(dealt)
    assert [profile.name for profile in cast] == [client_name(index) for index in range(12)]

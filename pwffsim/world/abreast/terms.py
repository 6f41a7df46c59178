"""Which worlds can be told abreast."""

from __future__ import annotations

from channel_models.sharing.private import Private
from channel_models.transfer import fleet
from pwffsim.scenario.schema import Scenario
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.radio.links import Links


class NotAbreastError(Exception):
    """Clients of this world meet, or something in it is told by events alone; the message says what."""


def refusal(blueprint: Blueprint) -> str | None:
    """Why a world cannot be told abreast; None if it can."""
    if blueprint.method.pooled:
        return f"method {blueprint.method.name}: no client does anything"
    return _of_the_server(blueprint.scenario) or _of_the_air(blueprint.scenario) or _of_links(blueprint)


def _of_the_server(scenario: Scenario) -> str | None:
    if scenario.selection != "all":
        return f"selection {scenario.selection}: not everybody takes part in a round"
    stages = (scenario.stages.instruction, scenario.stages.reward, scenario.stages.alignment)
    if scenario.aggregation.mode != "synchronous":
        return f"aggregation {scenario.aggregation.mode}: clients begin at times of their own"
    if any(stage is not None and stage.convergence.rule != "fixed" for stage in stages):
        return "the number of rounds depends on what is learnt"
    if scenario.stages.reward is not None and scenario.stages.reward.scope == "clustered":
        return "reward models of clusters: what one misses, another may have"
    if scenario.devices.compute_time == "none":
        return "computations take no time"
    if scenario.devices.count_generated == "actual":
        return "durations depend on what is learnt"
    return None


def _of_the_air(scenario: Scenario) -> str | None:
    radio = scenario.radio
    if scenario.network is not None or radio.jammers:
        return "a network of cells, or jammers"
    if not isinstance(radio.sharing.build(), Private):
        return f"sharing {radio.sharing.model}: clients share a band"
    down = radio.downlink
    if down is None or down.ideal:
        return None
    if down.delivery != "unicast" or not isinstance(down.sharing.build(), Private):
        return f"downlink {down.delivery}, sharing {down.sharing.model}: clients share a band"
    return None


def _of_links(blueprint: Blueprint) -> str | None:
    """The first client's links stand for everybody's."""
    scenario = blueprint.scenario
    links, first = Links(scenario, blueprint.profiles, None), blueprint.participants[0].index
    down = scenario.radio.downlink
    receives = down is not None and not down.ideal
    return fleet.refusal(links.uplink(first, 0)) or (fleet.refusal(links.downlink(first, 0)) if receives else None)

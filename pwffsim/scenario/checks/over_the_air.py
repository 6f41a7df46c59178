"""What uploads that add up on the air ask of the rest of a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from pwffsim.scenario.bases import BaseError
from pwffsim.scenario.checks.clients import overrides_name_tiers
from pwffsim.scenario.checks.finding import Find, Finding, finding, reads
from pwffsim.scenario.checks.models import lora_has_places, ranks_fit
from pwffsim.scenario.errors import Loc
from pwffsim.scenario.models import ModelSection
from pwffsim.scenario.payloads import upload_bytes
from pwffsim.scenario.presets import resolve
from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.tiers import tiers_of

_SHARING: Loc = ("radio", "sharing")


def _where_uploads_add_up(find: Find) -> Find:
    """Nothing is found with any other sharing."""

    def found(scenario: Scenario) -> Iterator[Finding]:
        if _superposes(scenario.radio.sharing):
            yield from find(scenario)

    return found


def _superposes(sharing: ModelSection) -> bool:
    return bool(getattr(sharing.source, "superposes", False))


@reads("radio.downlink.sharing.*")
def downloads_do_not_add_up(scenario: Scenario) -> Iterator[Finding]:
    """A sum takes many senders."""
    down = scenario.radio.downlink
    if down is not None and _superposes(down.sharing):
        message = f"{down.sharing} adds up what many send, and a downlink has one sender; choose another sharing"
        yield finding(message, ("radio", "downlink", "sharing"))


@reads("radio.sharing.*", "aggregation.mode")
@_where_uploads_add_up
def everybody_sends_together(scenario: Scenario) -> Iterator[Finding]:
    """What adds up is sent at one time."""
    if scenario.aggregation.mode != "synchronous":
        message = (
            f"{scenario.radio.sharing} adds up what is sent at one time, and aggregation is "
            f"{scenario.aggregation.mode}; write mode: synchronous, or choose another sharing"
        )
        yield finding(message, ("aggregation", "mode"), _SHARING)


@reads("radio.sharing.*", "radio.residual_loss")
@_where_uploads_add_up
def nobody_is_left_out(scenario: Scenario) -> Iterator[Finding]:
    """What is in a sum cannot be taken out of it."""
    if scenario.radio.residual_loss != "partial":
        message = (
            f"{scenario.radio.sharing} has clients fall silent for a while, and their updates, once added up, cannot "
            "be discarded; write residual_loss: partial, or choose another sharing"
        )
        yield finding(message, ("radio", "residual_loss"), _SHARING)


@reads("radio.sharing.*", "network", "radio.jammers")
@_where_uploads_add_up
def one_receiver_hears_noise_alone(scenario: Scenario) -> Iterator[Finding]:
    """One receiver, channels whose mean does not change, and no power beside the clients'."""
    sharing = scenario.radio.sharing
    if scenario.network is not None:
        message = f"{sharing} inverts channels of one mean to one receiver; drop network, or choose another sharing"
        yield finding(message, ("network",), _SHARING)
    if scenario.radio.jammers:
        message = f"{sharing} adds the receiver's noise to a sum, and no jammer's; drop them, or choose another sharing"
        yield finding(message, ("radio", "jammers"), _SHARING)


@reads("radio.sharing.*", "radio.rate.*", "radio.downlink.ideal", "radio.trace.direction", "radio.preset")
@_where_uploads_add_up
def rate_has_effect(scenario: Scenario) -> Iterator[Finding]:
    """Amplitudes have no rate map; a downlink may have one."""
    radio = resolve(scenario).radio
    free = radio.downlink is None or radio.downlink.ideal
    silent = scenario.model_copy(update={"radio": scenario.radio.model_copy(update={"rate": None})})
    if (free or radio.recorded("downlink")) and radio.rate != resolve(silent).radio.rate:
        message = f"has no effect: {radio.sharing} sends amplitudes, and no download looks at it either; drop it"
        yield finding(message, ("radio", "rate"))


@reads("radio.sharing.*", "model.*", "stages.*", "devices.tiers", "clients.*", "method", "aggregation.lora_average")
@_where_uploads_add_up
def payloads_add_up(scenario: Scenario) -> Iterator[Finding]:
    """Entries add up with entries of the same place: as many from everybody, and some. The first stage is told."""
    for stage, sizes in _sizes(scenario).items():
        if {*sizes.values()} == {0}:
            message = f"method {scenario.method!r} uploads nothing in stage {stage} that could add up; "
            yield finding(message + "choose another method or another sharing", _SHARING, ("method",))
            return
        if len({*sizes.values()}) > 1:
            each = ", ".join(f"{size} on tier {tier}" for tier, size in sizes.items())
            message = (
                f"uploads that add up must be equal, and in stage {stage} they have bytes {each}; write lora_average: "
                "largest_tier, give all tiers the same lora_modules_per_block, or choose another sharing"
            )
            yield finding(message, ("aggregation", "lora_average"), ("devices", "tiers"), _SHARING)
            return


def _sizes(scenario: Scenario) -> dict[str, dict[str, int]]:
    """Stage -> tier that somebody has who takes part -> bytes of an upload; empty where shapes cannot be known."""
    if any(any(check.find(scenario)) for check in (overrides_name_tiers, lora_has_places, ranks_fit)):
        return {}
    try:
        found = upload_bytes(scenario) or {}
    except BaseError:
        return {}
    names, taken = [tier.name for tier in scenario.devices.tiers], _tiers_that_take_part(scenario)
    return {
        # One size alone is that of every tier.
        stage: {name: size for name, size in zip(names, cycle(by_tier), strict=False) if name in taken}
        for stage, by_tier in found.items()
        if getattr(scenario.stages, stage) is not None
    }


def _tiers_that_take_part(scenario: Scenario) -> set[str]:
    idle = {override.client for override in scenario.clients.overrides if override.idle}
    return {tier.name for client, tier in enumerate(tiers_of(scenario)) if client not in idle}


CHECKS = (
    downloads_do_not_add_up,
    everybody_sends_together,
    nobody_is_left_out,
    one_receiver_hears_noise_alone,
    rate_has_effect,
    payloads_add_up,
)

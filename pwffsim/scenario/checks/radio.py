"""The models of the axes among each other, and settings of the radio that would change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from channel_models.combinations import Refusal, refusals
from channel_models.rates import RateMap
from channel_models.units import db_to_linear
from pwffsim.scenario.budgets import downlink_budget, uplink_budget
from pwffsim.scenario.checks.budget import settled
from pwffsim.scenario.checks.clients import participants
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.errors import Loc, dotted
from pwffsim.scenario.models import ModelSection
from pwffsim.scenario.parameters import Parameters
from pwffsim.scenario.presets import BUDGET, resolve
from pwffsim.scenario.schema import Radio, Scenario

_AXES = ("fading", "rate", "loss", "retransmission", "sharing")
_MODELS = tuple(f"radio.{axis}.*" for axis in _AXES)


class Recorded(RateMap):
    """Stands in for the rate map of a recorded link when combinations are judged."""

    name: ClassVar[str] = "recorded"
    has_snr: ClassVar[bool] = False

    def spectral_efficiency(self, snr: Any) -> Any:
        """Nothing: recorded rates have no SNR."""
        raise NotImplementedError


@reads(
    *_MODELS,
    *(f"radio.{quantity}" for quantity in BUDGET),
    "radio.packets",
    "radio.fidelity",
    "radio.preset",
    "radio.trace.direction",
    "radio.downlink.ideal",
    "radio.downlink.delivery",
    "radio.downlink.sharing.*",
    "network",
)
def models_stand_together(scenario: Scenario) -> Iterator[Finding]:
    """No loss is counted twice, and no model is asked for what it has not."""
    if not settled(scenario):
        return
    radio, told = resolve(scenario).radio, set[str]()
    for link in ("uplink", "downlink"):
        for refusal in _refusals(radio, link, _mean_snr(scenario, radio, link)):
            reason = refusal.message.partition("; ")[0]
            if reason not in told:
                yield finding(refusal.message, *_locs(refusal, radio, link))
                told.add(reason)


def _refusals(radio: Radio, link: str, mean_snr: float | None) -> list[Refusal]:
    recorded = radio.recorded(link)
    down = radio.downlink if link == "downlink" else None
    if down is not None and down.ideal:
        return []
    models = {axis: _built(getattr(down or radio, axis, None) or getattr(radio, axis)) for axis in _AXES}
    if down is not None and models["sharing"].superposes:
        models |= {"sharing": None}  # a downlink adds nothing up: told in over_the_air
    if recorded:
        models |= {"fading": None, "rate": Recorded()}
    return refusals(**models, packets=radio.packets != "fluid", fidelity=radio.fidelity, mean_snr=mean_snr)


def _built(section: Parameters | None) -> Any:
    return None if section is None else section.build()


def _mean_snr(scenario: Scenario, radio: Radio, link: str) -> float | None:
    """The mean SNR of the link's budget, where it has one."""
    if scenario.network is not None or radio.recorded(link):
        return None
    budget = uplink_budget(radio) if link == "uplink" else downlink_budget(radio)
    return None if budget is None else db_to_linear(budget.mean_snr_db)


def _locs(refusal: Refusal, radio: Radio, link: str) -> Iterator[Loc]:
    """The keys of the axes that do not go together; a recording is the last to be changed."""
    recorded = "rate" in refusal.axes and radio.recorded(link)
    for axis in refusal.axes:
        if axis == "sharing" and link == "downlink":
            yield ("radio", "downlink", "sharing")
        elif not (axis == "rate" and recorded):
            yield ("radio", axis)
    yield ("radio", "trace" if recorded else "preset")


@reads("radio.loss.*")
def loss_has_effect(scenario: Scenario) -> Iterator[Finding]:
    """A loss map that is named can lose something."""
    loss = scenario.radio.loss
    if loss is not None and loss.model != "none" and loss.build().lossless:
        yield finding(f"{loss} loses nothing with these parameters; write loss: none for no loss", ("radio", "loss"))


@reads("radio.downlink", "radio.downlink.ideal", "radio.downlink.delivery", "radio.downlink.sharing", "radio.packets",
       "radio.preset")  # fmt: skip
def delivery_has_effect(scenario: Scenario) -> Iterator[Finding]:
    """How downloads are made matters to those that take time; one for all shares nothing, and codes need packets."""
    at: Loc = ("radio", "downlink")
    down = scenario.radio.downlink
    if down is None:
        return
    if down.ideal and down.delivery != "unicast":
        yield finding("has no effect on an ideal downlink; drop one of the two", (*at, "delivery"), (*at, "ideal"))
    if down.sharing.model != "private" and (down.ideal or down.delivery != "unicast"):
        why = "an ideal downlink" if down.ideal else f"delivery {down.delivery}, which sends once for all"
        yield finding(f"sharing has no effect on {why}; drop it", (*at, "sharing"), (*at, "delivery"))
    if down.delivery == "rateless" and resolve(scenario).radio.packets == "fluid":
        message = (
            "rateless codes are made of packets, and packets are fluid; choose unicast or broadcast, or give packets"
        )
        yield finding(message, (*at, "delivery"), ("radio", "packets"))


@reads("radio.downlink", "radio.downlink.ideal", "radio.downlink.delivery", "radio.trace.direction")
def broadcast_has_snr(scenario: Scenario) -> Iterator[Finding]:
    """One transmission for all goes at the rate of the worst SNR, and recorded rates have none."""
    radio = scenario.radio
    down = radio.downlink
    if down is not None and not down.ideal and down.delivery == "broadcast" and radio.recorded("downlink"):
        message = (
            "broadcast goes at the rate of the worst SNR, and recorded downlinks have none; write delivery: unicast or "
            "rateless, or direction: up"
        )
        yield finding(message, ("radio", "downlink", "delivery"), ("radio", "trace", "direction"), ("radio", "trace"))


@reads("radio.jammers")
def jammers_are_on(scenario: Scenario) -> Iterator[Finding]:
    """A jammer is on at times."""
    for index, jammer in enumerate(scenario.radio.jammers):
        at: Loc = ("radio", "jammers", index)
        if jammer.build().duty == 0:
            yield finding("is never on with a duty of 0; raise it, or drop the jammer", (*at, "duty"), at)


@reads("radio.fidelity", "radio.jammers", "radio.downlink.delivery", "radio.downlink.ideal", "radio.preset", "network")
def closed_forms_have_one_link(scenario: Scenario) -> Iterator[Finding]:
    """A closed form is about a link of one mean SNR between two ends."""
    if scenario.radio.fidelity != "analytic":
        return
    down = resolve(scenario).radio.downlink
    broadcast = down is not None and not down.ideal and down.delivery == "broadcast"
    others: dict[str, tuple[bool, Loc]] = {
        "links that change as clients move": (scenario.network is not None, ("network",)),
        "jammers that come and go": (bool(scenario.radio.jammers), ("radio", "jammers")),
        "broadcast to several": (broadcast, ("radio", "downlink", "delivery")),
    }
    for what, (present, at) in others.items():
        if present:
            message = f"closed forms of delay know no {what}; choose packet or fluid, or drop {dotted(at)}"
            yield finding(message, ("radio", "fidelity"), at)


@reads("radio.sharing.*", "radio.downlink.sharing.*", "radio.downlink.ideal", "clients.count", "clients.overrides")
def somebody_gets_through(scenario: Scenario) -> Iterator[Finding]:
    """A band that all clients want at once is of some use to them."""
    users, down = participants(scenario), scenario.radio.downlink
    rules: list[tuple[Loc, ModelSection]] = [(("radio", "sharing"), scenario.radio.sharing)]
    if down is not None and not down.ideal:
        rules.append((("radio", "downlink", "sharing"), down.sharing))
    for at, section in rules:
        why = section.build().hopeless(users)
        if why:
            yield finding(why, at)


CHECKS = (
    somebody_gets_through,
    models_stand_together,
    loss_has_effect,
    delivery_has_effect,
    broadcast_has_snr,
    closed_forms_have_one_link,
    jammers_are_on,
)

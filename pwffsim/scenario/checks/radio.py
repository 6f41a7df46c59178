"""Link budgets and packets."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.scenario.budgets import downlink_budget, uplink_budget
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.errors import Loc
from pwffsim.scenario.presets import BUDGET, given, resolve
from pwffsim.scenario.schema import LinkSettings, Packets, Scenario, Section

UPLINK: Loc = ("radio",)
DOWNLINK: Loc = ("radio", "downlink")
_BUDGETS = tuple(f"{link}.{quantity}" for link in ("radio", "radio.downlink") for quantity in BUDGET)


@reads(*_BUDGETS)
def budget_has_one_unknown(scenario: Scenario) -> Iterator[Finding]:
    """Any three quantities of a link budget fix the fourth."""
    for at, link in _links(scenario):
        if len(given(link)) == len(BUDGET):
            message = f"{', '.join(BUDGET)} are all given, though any three fix the fourth; drop one"
            yield finding(message, *((*at, quantity) for quantity in reversed(BUDGET)))


@reads(*_BUDGETS, "radio.preset", "radio.bandwidth_hz", "radio.downlink.bandwidth_hz", "radio.downlink.ideal")
def budget_is_possible(scenario: Scenario) -> Iterator[Finding]:
    """The fourth quantity, as it follows, can be."""
    if any(len(given(link)) == len(BUDGET) for _, link in _links(scenario)):
        return
    radio = resolve(scenario).radio
    for at, solve in ((UPLINK, uplink_budget), (DOWNLINK, downlink_budget)):
        try:
            solve(radio)
        except ValueError as error:
            yield finding(str(error), *((*at, quantity) for quantity in reversed(BUDGET)), at)
            return


@reads("radio.packets.loss", "radio.packets.error_rate", "radio.packets.outage_snr_db")
def loss_settings_have_effect(scenario: Scenario) -> Iterator[Finding]:
    """An error rate belongs to constant loss, a threshold to outage."""
    packets, at = scenario.radio.packets, ("radio", "packets")
    if not isinstance(packets, Packets):
        return
    if packets.error_rate > 0 and packets.loss != "constant":
        message = f"has no effect with loss: {packets.loss}; write loss: constant, or drop it"
        yield finding(message, (*at, "error_rate"), (*at, "loss"))
    if packets.error_rate == 0 and packets.loss == "constant":
        yield finding(
            "constant loss needs an error_rate above 0; write loss: none for no loss",
            (*at, "loss"),
            (*at, "error_rate"),
        )
    if packets.outage_snr_db != _default(Packets, "outage_snr_db") and packets.loss != "outage":
        message = f"has no effect with loss: {packets.loss}; write loss: outage, or drop it"
        yield finding(message, (*at, "outage_snr_db"), (*at, "loss"))


def _links(scenario: Scenario) -> Iterator[tuple[Loc, LinkSettings]]:
    yield UPLINK, scenario.radio
    if scenario.radio.downlink is not None:
        yield DOWNLINK, scenario.radio.downlink


def _default(section: type[Section], key: str) -> object:
    return section.model_fields[key].default


CHECKS = (budget_has_one_unknown, budget_is_possible, loss_settings_have_effect)

"""Link budgets: one unknown in each, and none where rates are recorded or follow from geometry."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.scenario.budgets import downlink_budget, uplink_budget
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.errors import Loc
from pwffsim.scenario.presets import BUDGET, given, modelled, resolve
from pwffsim.scenario.schema import LinkSettings, Scenario, Section

UPLINK: Loc = ("radio",)
DOWNLINK: Loc = ("radio", "downlink")
_BUDGETS = tuple(f"{link}.{quantity}" for link in ("radio", "radio.downlink") for quantity in BUDGET)
_FOLLOWING = ("path_loss_db", "mean_snr_db")
"""What positions decide."""


@reads(*_BUDGETS)
def budget_has_one_unknown(scenario: Scenario) -> Iterator[Finding]:
    """Any three quantities of a link budget fix the fourth."""
    for at, link in _links(scenario):
        if len(given(link)) == len(BUDGET):
            message = f"{', '.join(BUDGET)} are all given, though any three fix the fourth; drop one"
            yield finding(message, *((*at, quantity) for quantity in reversed(BUDGET)))


@reads(
    *_BUDGETS,
    "radio.preset",
    "radio.bandwidth_hz",
    "radio.downlink.bandwidth_hz",
    "radio.downlink.ideal",
    "radio.trace.direction",
    "network",
)
def budget_is_possible(scenario: Scenario) -> Iterator[Finding]:
    """The fourth quantity, as it follows, can be."""
    overdetermined = any(len(given(link)) == len(BUDGET) for _, link in _links(scenario))
    if scenario.network is not None or overdetermined or any(downlink_has_a_loss.find(scenario)):
        return
    radio = resolve(scenario).radio
    solvers = ((UPLINK, uplink_budget, radio.recorded("uplink")), (DOWNLINK, downlink_budget, False))
    for at, solve, recorded in solvers:
        try:
            if not recorded:
                solve(radio)
        except ValueError as error:
            yield finding(str(error), *((*at, quantity) for quantity in reversed(BUDGET)), at)
            return


@reads("radio.trace.direction", "radio.downlink", "radio.preset")
def downlink_has_a_loss(scenario: Scenario) -> Iterator[Finding]:
    """A recorded uplink has no path loss that a downlink could share."""
    radio = resolve(scenario).radio
    down = radio.downlink
    if down is None or down.ideal or not radio.recorded("uplink") or radio.recorded("downlink"):
        return
    if down.path_loss_db is None and down.mean_snr_db is None:
        message = (
            "a recorded uplink has no path loss that the downlink could share: give radio.downlink.mean_snr_db or "
            "path_loss_db, make it ideal, or record both directions"
        )
        yield finding(message, ("radio", "trace", "direction"), ("radio", "trace"))


@reads(*_BUDGETS, "radio.snr_spread_db", "clients.overrides", "network")
def geometry_decides_snr(scenario: Scenario) -> Iterator[Finding]:
    """In a network path loss and mean SNR follow from positions."""
    if scenario.network is None:
        return
    why = "follows from where clients and cells are; drop it, or drop network"
    for at, link in _links(scenario):
        yield from (finding(why, (*at, quantity)) for quantity in _FOLLOWING if getattr(link, quantity) is not None)
    yield from _spread(scenario, why)


@reads(*_BUDGETS, "radio.bandwidth_hz", "radio.downlink.bandwidth_hz", "radio.snr_spread_db", "clients.overrides",
       "radio.trace", "radio.trace.direction")  # fmt: skip
def recordings_decide_rates(scenario: Scenario) -> Iterator[Finding]:
    """A recorded link has neither noise nor SNR nor bandwidth; its power still costs energy."""
    why = "has no effect on recorded rates; drop it, or drop radio.trace"
    for (at, link), name in zip(_links(scenario), ("uplink", "downlink"), strict=False):
        if scenario.radio.recorded(name):
            yield from (finding(why, (*at, quantity)) for quantity in given(link) if quantity != "tx_power_w")
            if link.bandwidth_hz != _default(LinkSettings, "bandwidth_hz"):
                yield finding(why, (*at, "bandwidth_hz"))
    if scenario.radio.recorded("uplink"):
        yield from _spread(scenario, why)


@reads("radio.rate", "radio.fading", "radio.jammers", "radio.trace", "radio.trace.direction", "radio.downlink.ideal",
       "radio.preset", "network", "data.partition.by")  # fmt: skip
def recordings_replace_models(scenario: Scenario) -> Iterator[Finding]:
    """Where every link is recorded no model of the channel has anything to do."""
    radio = scenario.radio
    if radio.trace is None:
        return
    why = "has no effect on recorded rates; drop it, or drop radio.trace"
    usual = resolve(
        scenario.model_copy(update={"radio": radio.model_copy(update={"fading": None, "rate": None})})
    ).radio
    for axis in ("fading", "rate"):
        if not modelled(radio) and getattr(radio, axis) not in (None, getattr(usual, axis)):
            yield finding(why, ("radio", axis))
    if radio.jammers and radio.recorded("uplink"):
        yield finding(
            "jammers lower an SNR, and recorded uplinks have none; drop them, or drop radio.trace", ("radio", "jammers")
        )
    if scenario.network is not None:
        yield finding("recorded rates leave nothing to geometry; drop network, or drop radio.trace", ("network",))
    if scenario.data.partition.by == "snr" and radio.recorded("uplink"):
        yield finding("recorded uplinks have no SNR to split data by; choose another rule", ("data", "partition", "by"))


def settled(scenario: Scenario) -> bool:
    """Whether every budget that there is can be solved."""
    checks = (budget_has_one_unknown, budget_is_possible, downlink_has_a_loss)
    return not any(any(check.find(scenario)) for check in checks)


def _spread(scenario: Scenario, why: str) -> Iterator[Finding]:
    """What clients' own mean SNRs say."""
    if scenario.radio.snr_spread_db > 0:
        yield finding(why, ("radio", "snr_spread_db"))
    for index, override in enumerate(scenario.clients.overrides):
        if override.mean_snr_db is not None:
            yield finding(why, ("clients", "overrides", index, "mean_snr_db"))


def _links(scenario: Scenario) -> Iterator[tuple[Loc, LinkSettings]]:
    yield UPLINK, scenario.radio
    if scenario.radio.downlink is not None:
        yield DOWNLINK, scenario.radio.downlink


def _default(section: type[Section], key: str) -> object:
    return section.model_fields[key].default


CHECKS = (
    budget_has_one_unknown,
    budget_is_possible,
    downlink_has_a_loss,
    geometry_decides_snr,
    recordings_decide_rates,
    recordings_replace_models,
)

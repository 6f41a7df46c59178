"""What a delay and a joule of this run rest on, and what of the run is real, simulated or left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pwffsim.runs import network
from pwffsim.runs.load import Run
from pwffsim.runs.network import Role
from reports import quantities

OTHER_GROUP = "Other"


@dataclass(frozen=True)
class Standing:
    """One aspect of the run: ``real``, ``simulated``, ``not modelled`` or ``not run``, and what that means here."""

    aspect: str
    how: str
    meaning: str


LEARNING = (
    Standing("Gradients, weights, losses", "real", "Every step is computed on the model that the assumptions name."),
    Standing(
        "Generated text, rewards, preferences", "real", "Sampled from the policy; scored by the trained reward models."
    ),
)

NOT_TRAINED = Standing(
    "Gradients, weights, losses", "not run", "No result of training was recorded here: only times, bytes, joules."
)

NETWORK = (
    Standing("Payload bytes", "real", "Counted from the tensors that travel, by name."),
    Standing(
        "Channel gain, rate, packet loss, repeats", "simulated", "Drawn from the declared models, from the seed alone."
    ),
    Standing(
        "Time to compute, energy", "simulated", "Floating-point operations over declared speed; power times time."
    ),
    Standing("Server's computing", "not modelled", "An aggregation takes no simulated time unless a span shows it."),
    Standing(
        "Transport protocols, encryption", "not modelled", "Beyond packet headers and the declared retransmission."
    ),
    Standing("Batteries, heat, other load on devices", "not modelled", "A device keeps its declared speed."),
)


MOVES = (
    Standing("Mobility, handover", "not modelled", "Clients stay where they are."),
    Standing("Mobility, handover", "simulated", "Positions and received power from the declared models."),
)
JAMMED = (
    Standing("Interference", "not modelled", "Nobody else is on the band."),
    Standing("Interference", "simulated", "The declared jammers, as noise at the receiver."),
)
WIRED = (
    Standing("Wires between cells and server", "not modelled", "Every cell stands at the server, at no delay."),
    Standing("Wires between cells and server", "simulated", "Store and forward, one message at a time each way."),
)
"""Of each pair the one or the other holds."""


def ground(run: Run) -> list[Standing]:
    """What is and is not there besides one cell and its clients."""
    jammed = Role.JAMMER in network.roles(run).values()
    wired = bool(network.wires(run.manifest)) or bool((run.spans["kind"] == "backhaul").any())
    return [MOVES[run.scenario.get("network") is not None], JAMMED[jammed], WIRED[wired]]


def standings(run: Run) -> list[Standing]:
    """The table of what is real; the lines on learning depend on whether anything was learnt, those on the network on
    what there was."""
    return [*(LEARNING if len(run.metrics) else (NOT_TRAINED,)), *NETWORK, *ground(run)]


PREFIXED = ("Hz", "s", "W", "J", "bit/s", "FLOP/s", "FLOP")


def number(value: float, unit: str) -> str:
    """A number with its unit, with a prefix where the unit takes one."""
    if unit in PREFIXED:
        return quantities.stated(value, unit)
    return f"{value:.9g} {unit}".strip() if isinstance(value, float) else f"{value} {unit}".strip()


def shown(value: Any, unit: str = "") -> str:
    """A value of an assumption as text, with its unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if quantities.is_number(value):
        return number(value, unit)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {shown(part)}" for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(part) for part in value)
    return quantities.MISSING if value is None else f"{value} {unit}".strip()


def build(run: Run) -> list[dict[str, Any]]:
    """The assumption block by group, in the order in which the run states it."""
    groups: dict[str, list[dict[str, str]]] = {}
    for entry in run.manifest.get("assumptions") or []:
        row = {
            "name": str(entry.get("name", "")),
            "value": shown(entry.get("value"), str(entry.get("unit") or "")),
            "note": str(entry.get("note") or ""),
        }
        groups.setdefault(str(entry.get("group") or OTHER_GROUP), []).append(row)
    return [{"title": title, "rows": rows} for title, rows in groups.items()]

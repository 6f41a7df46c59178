"""Names of what has a row on the timeline."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.errors import Loc, dotted
from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.schema.network import SERVER

CLIENT_PREFIX = "client-"
"""Begins the name of every client."""

WIRE = ">"
"""Stands between the ends of a wire in its name."""

LONE_CELL = "cell"
"""The name of the cell where a scenario has no network."""

_LISTS: tuple[Loc, ...] = (("network", "cells"), ("network", "nodes"), ("radio", "jammers"))


@reads("network.cells", "network.nodes", "radio.jammers")
def names_are_their_own(scenario: Scenario) -> Iterator[Finding]:
    """A cell, node or jammer is known by its name on the timeline, and so is everybody else there."""
    taken = {SERVER: "the server"}
    for at, name in _named(scenario):
        owner = taken.get(name) or _owner_by_form(name, alone=at == ("network", "cells", 0) and _one_cell(scenario))
        if owner is not None:
            yield finding(f"{name!r} is the name of {owner}; give this one another", (*at, "name"))
        taken.setdefault(name, dotted(at))


def _named(scenario: Scenario) -> Iterator[tuple[Loc, str]]:
    """Where cells, nodes and jammers are written, and their names."""
    for section, key in _LISTS:
        for index, actor in enumerate(getattr(getattr(scenario, str(section)), str(key), ())):
            yield (section, key, index), actor.name


def _owner_by_form(name: str, alone: bool) -> str | None:
    """Whose name it would be by its form; ``alone`` for the cell of a network that has no other."""
    if name.startswith(CLIENT_PREFIX):
        return "a client"
    if WIRE in name:
        return "a wire"
    return "the cell of a scenario with only one" if name == LONE_CELL and not alone else None


def _one_cell(scenario: Scenario) -> bool:
    return scenario.network is not None and len(scenario.network.cells) == 1


CHECKS = (names_are_their_own,)

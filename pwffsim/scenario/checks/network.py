"""Cells, nodes and the links between them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from channel_models.geometry.layout import distances_2d_m
from channel_models.model import parameters
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.errors import Loc
from pwffsim.scenario.names import did_you_mean
from pwffsim.scenario.schema import Network, Scenario
from pwffsim.scenario.schema.network import RULES, SERVER

_MOST_PLACES = 1000
"""Clients whose distances are looked at beforehand."""


@reads("network.nodes")
def relays_are_somewhere(scenario: Scenario) -> Iterator[Finding]:
    """A relay has a radio, and so a position."""
    for index, node in enumerate(scenario.network.nodes if scenario.network else ()):
        if node.kind == "relay" and (node.x_m is None or node.y_m is None):
            yield finding(f"relay {node.name!r} needs x_m and y_m", ("network", "nodes", index, "name"))


@reads("network.cells", "network.nodes", "network.backhaul")
def links_name_nodes(scenario: Scenario) -> Iterator[Finding]:
    """Both ends of a link are cells, nodes or the server."""
    network = scenario.network
    names = [SERVER, *(name for _, name in _places(network))]
    for index, link in enumerate(network.backhaul if network else ()):
        for key, end in zip(("from", "to"), link.ends, strict=True):
            if end not in names:
                message = f"nothing is named {end!r}; there are {', '.join(names)}{did_you_mean(end, names)}"
                yield finding(message, ("network", "backhaul", index, key))


@reads("network.backhaul")
def links_differ(scenario: Scenario) -> Iterator[Finding]:
    """There is one link between two nodes, and none from a node to itself."""
    first: dict[frozenset[str], int] = {}
    for index, link in enumerate(scenario.network.backhaul if scenario.network else ()):
        at, ends = ("network", "backhaul", index), frozenset(link.ends)
        if len(ends) == 1:
            yield finding(f"the link leads from {link.ends[0]!r} to itself; name two nodes", (*at, "to"))
        if ends in first:
            message = f"{' and '.join(sorted(ends))} are linked by network.backhaul[{first[ends]}]; drop one of the two"
            yield finding(message, (*at, "from"))
        first.setdefault(ends, index)


@reads("network.cells", "network.nodes", "network.backhaul")
def everything_is_connected(scenario: Scenario) -> Iterator[Finding]:
    """Every cell and node reaches the server; without any link all cells stand beside it."""
    network = scenario.network
    if network is None or any(links_name_nodes.find(scenario)) or not (network.backhaul or network.nodes):
        return
    reached = _reached(network)
    for at, name in _places(network):
        if name not in reached:
            message = (
                f"no way leads from {name!r} to {SERVER!r}; there is one from {', '.join(sorted(reached))}: add a link"
            )
            yield finding(message, (*at, "name"))


@reads("network.placement.*", "clients.count", "seed")
def everybody_has_a_place(scenario: Scenario) -> Iterator[Finding]:
    """Positions that are listed suffice for all clients."""
    if scenario.network is None:
        return
    try:
        scenario.network.placement.build(seed=scenario.seed).position_m(scenario.clients.count - 1)
    except ValueError as error:
        message = str(error).removeprefix(f"{scenario.network.placement.source.__name__}: ")
        yield finding(message, ("network", "placement"), ("network",), ("clients", "count"))


@reads(
    "network.placement.*", "network.path_loss.*", "network.least_distance_m", "network.cells", "clients.count", "seed"
)
def distances_are_covered(scenario: Scenario) -> Iterator[Finding]:
    """The path loss model holds at the distances that clients have at the start."""
    network = scenario.network
    if network is None or any(everybody_has_a_place.find(scenario)):
        return
    places = network.placement.build(seed=scenario.seed).positions_m(range(min(scenario.clients.count, _MOST_PLACES)))
    distances = np.maximum(distances_2d_m(places, [(c.x_m, c.y_m) for c in network.cells]), network.least_distance_m)
    try:
        network.path_loss.build().loss_db(distances, np.ones_like(distances, dtype=bool))
    except ValueError as error:
        yield finding(str(error), ("network", "path_loss"), ("network", "placement"))


@reads("network.carrier_hz", "network.path_loss.*")
def carrier_is_one(scenario: Scenario) -> Iterator[Finding]:
    """The network has one carrier, which the path loss model knows."""
    network = scenario.network
    if network is None or network.carrier_hz is None:
        return
    path_loss = network.path_loss
    if "carrier_hz" not in parameters(path_loss.source):
        message = f"has no effect: {path_loss} holds for one carrier, whatever this one is; drop it"
        yield finding(message, ("network", "carrier_hz"))
        return
    own = path_loss.build().carrier_hz
    if "carrier_hz" in path_loss.model_fields_set and own != network.carrier_hz:
        message = f"the network's carrier is {network.carrier_hz:g} Hz, and that of its path loss {own:g} Hz; drop one"
        yield finding(message, ("network", "path_loss", "carrier_hz"), ("network", "carrier_hz"))


@reads("network.cells", "network.handover.*")
def handover_has_cells(scenario: Scenario) -> Iterator[Finding]:
    """One cell is never left for another."""
    network = scenario.network
    if network is not None and len(network.cells) == 1 and network.handover != RULES.defaults():
        yield finding("has no effect with one cell; add a cell, or drop it", ("network", "handover"))


def _places(network: Network | None) -> Iterator[tuple[Loc, str]]:
    """Where cells and nodes are written, and their names."""
    for key in ("cells", "nodes"):
        for index, place in enumerate(getattr(network, key, ())):
            yield ("network", key, index), place.name


def _reached(network: Network) -> set[str]:
    """What the server is linked to, over however many links; cells stand beside it where there are no links."""
    reached = {SERVER} if network.backhaul else {SERVER, *(cell.name for cell in network.cells)}
    while new := {end for link in network.backhaul if reached & {*link.ends} for end in link.ends} - reached:
        reached |= new
    return reached


CHECKS = (
    relays_are_somewhere,
    links_name_nodes,
    links_differ,
    everything_is_connected,
    everybody_has_a_place,
    carrier_is_one,
    distances_are_covered,
    handover_has_cells,
)

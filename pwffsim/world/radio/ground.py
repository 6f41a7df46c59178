"""The ground of a scenario: cells, terrain, and what a link budget comes to on it."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

from channel_models.geometry.coverage import Coverage as SiteLoss
from channel_models.geometry.topology import Node, Topology
from channel_models.link_budget import thermal_noise_w
from channel_models.path_loss import PathLoss
from channel_models.randomness import stream
from channel_models.units import db_to_linear, linear_to_db
from pwffsim.runs.records import SERVER
from pwffsim.scenario.budgets import uplink_budget
from pwffsim.scenario.schema import LinkSettings, Network, NetworkNode, Scenario
from pwffsim.world.radio.coverage import Coverage, OneCell, Roaming, SnrOnTheWay, Terrain


def terrain_of(scenario: Scenario) -> Terrain | None:
    """What lies between clients and cells; None where the link budget alone says it."""
    network = scenario.network
    if network is None:
        return None
    seed = scenario.seed
    loss = SiteLoss(
        path_loss=_path_loss(network),
        sites_m=tuple((cell.x_m, cell.y_m) for cell in network.cells),
        shadowing=None if network.shadowing is None else network.shadowing.build(seed=seed),
        line_of_sight=network.line_of_sight.build(seed=seed),
        least_distance_m=network.least_distance_m,
    )
    return Terrain(loss, network.mobility.build(placement=network.placement.build(seed=seed), seed=seed))


def coverage_of(scenario: Scenario, terrain: Terrain | None) -> Coverage:
    """The cells and who is served by which."""
    if scenario.network is None or terrain is None:
        return OneCell()
    return Roaming([cell.name for cell in scenario.network.cells], terrain, scenario.network.handover.build())


def topology_of(scenario: Scenario) -> Topology | None:
    """The wires behind the cells; None where every cell is at the server."""
    network = scenario.network
    if network is None or not network.backhaul:
        return None
    cells = [Node(name=cell.name, kind="cell", position_m=(cell.x_m, cell.y_m)) for cell in network.cells]
    others = [Node(name=node.name, kind=node.kind, position_m=_place(node)) for node in network.nodes]
    links = [wire.build(ends=wire.ends, seed=scenario.seed) for wire in network.backhaul]
    return Topology((*cells, *others, Node(name=SERVER, kind="server")), tuple(links))


def mean_snr_db_of(scenario: Scenario) -> Callable[[int], float]:
    """Client -> mean SNR of its uplink: on a ground, to the cell that serves it at time 0; else the budget's, spread.
    A recorded uplink has none (NaN)."""
    if scenario.radio.recorded("uplink"):
        return lambda client: nan
    terrain = terrain_of(scenario)
    if terrain is None:
        middle_db = uplink_budget(scenario.radio).mean_snr_db
        return lambda client: middle_db + spread_db(scenario, client)
    coverage, reference_db = coverage_of(scenario, terrain), lossless_snr_db(scenario.radio)
    return lambda client: float(
        linear_to_db(SnrOnTheWay(terrain, client, coverage.serving(client, 0), reference_db).at_start)
    )


def spread_db(scenario: Scenario, client: int) -> float:
    """How far a client's mean SNR lies from the budget's."""
    most_db = scenario.radio.snr_spread_db
    return float(stream(scenario.seed, "client.mean_snr", client).uniform(-most_db, most_db))


def uplink_power_w(scenario: Scenario) -> float:
    """What clients radiate at full power [W]."""
    radio = scenario.radio
    stated_w = radio.tx_power_w
    if stated_w is not None:
        return stated_w
    return uplink_budget(radio).tx_power_w


def lossless_snr_db(link: LinkSettings) -> float:
    """Mean SNR that the link would have without path loss: P / (k T B F), in dB."""
    assert link.tx_power_w is not None, "a resolved link on a ground states its power"
    return float(linear_to_db(link.tx_power_w / noise_w(link)))


def noise_w(link: LinkSettings) -> float:
    """k T B F at the link's receiver [W], over the whole band."""
    return thermal_noise_w(link.bandwidth_hz) * db_to_linear(link.noise_figure_db or 0.0)


def _path_loss(network: Network) -> PathLoss:
    """The model, at the network's carrier where that is given."""
    section = network.path_loss
    if network.carrier_hz is not None:
        section = section.model_copy(update={"carrier_hz": network.carrier_hz})
    model: PathLoss = section.build()
    return model


def _place(node: NetworkNode) -> tuple[float, float] | None:
    return None if node.x_m is None or node.y_m is None else (node.x_m, node.y_m)

"""A survey of a scenario's radio: everything that can be told of it before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pwffsim.scenario.schema import Scenario
from pwffsim.survey.blocks import Blocks, observe
from pwffsim.survey.budget import Budget, ClientBudget, budget_of, client_budget
from pwffsim.survey.delays import DelayFigures, Transfers, delay_figures, simulate
from pwffsim.survey.energy import EnergyFigures, energy_figures
from pwffsim.survey.losses import LossFigures, loss_figures
from pwffsim.survey.rates import RateFigures, rate_figures
from pwffsim.survey.scene import Scene
from pwffsim.survey.window import Window, followed, mean_snrs, window_of
from pwffsim.world.profiles import Profile
from pwffsim.world.radio.links import UP


@dataclass(frozen=True)
class Effort:
    """How much is drawn.

    Attributes:
        transfers: simulated for each client, direction and size of payload.
        blocks: drawn for each client and direction.
        clients: looked at, at most; those of the lowest and the highest mean SNR are among them.
        seed: of the times at which transfers start.
        window_s: simulated time that is looked at; None: as long as the radio alone keeps the run going, up to 120 s.
        payload_bytes: payload of every transfer; None: the method's.
    """

    transfers: int = 200
    blocks: int = 4000
    clients: int = 16
    seed: int = 0
    window_s: float | None = None
    payload_bytes: int | None = None


@dataclass(frozen=True, eq=False)
class Load:
    """Transfers of one payload over one link; a stage is known by its name."""

    delay: DelayFigures
    loss: LossFigures
    energy: EnergyFigures | None
    done: Transfers


@dataclass(frozen=True, eq=False)
class LinkSurvey:
    """One direction of a client's link."""

    budget: ClientBudget
    rate: RateFigures
    stages: Mapping[str, Load]
    blocks: Blocks


@dataclass(frozen=True, eq=False)
class ClientSurvey:
    """One client: its links by direction, and the time for which it could be followed."""

    client: Profile
    window: Window
    links: Mapping[str, LinkSurvey]


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of a scenario's radio.

    Attributes:
        scene: the scenario's radio.
        window_s: simulated time that was looked at.
        effort: how much was drawn.
        budgets: by direction; None for a recorded one.
        clients: those that were looked at.
    """

    scene: Scene
    window_s: float
    effort: Effort
    budgets: Mapping[str, Budget | None]
    clients: tuple[ClientSurvey, ...]


def survey(scenario: Scenario, effort: Effort | None = None) -> Survey:
    """Look at a scenario's radio.

    Args:
        scenario: the resolved scenario.
        effort: how much to draw.

    Raises:
        ScenarioErrors: when a link cannot be built.
    """
    effort = effort or Effort()
    scene = Scene(scenario, effort.payload_bytes)
    window_s = window_of(scene) if effort.window_s is None else effort.window_s
    budgets = {direction: budget_of(scene, direction) for direction in scene.directions}
    clients = tuple(_client(scene, client, window_s, budgets, effort) for client in _chosen(scene, effort.clients))
    return Survey(scene, window_s, effort, budgets, clients)


def _chosen(scene: Scene, count: int) -> list[Profile]:
    """Clients that stand for all: evenly over the order of their mean SNRs, with the first and the last."""
    ordered = sorted(scene.participants, key=lambda client: (client.mean_snr_db, client.index))
    if len(ordered) <= count:
        return list(scene.participants)
    places = np.unique(np.linspace(0, len(ordered) - 1, count).round().astype(int))
    return sorted((ordered[place] for place in places), key=lambda client: client.index)


def _client(
    scene: Scene, client: Profile, window_s: float, budgets: Mapping[str, Budget | None], effort: Effort
) -> ClientSurvey:
    window = followed(scene, client, window_s)
    links = {way: _link(scene, client, way, window, budgets[way], effort) for way in scene.directions}
    return ClientSurvey(client, window, links)


def _link(
    scene: Scene, client: Profile, direction: str, window: Window, budget: Budget | None, effort: Effort
) -> LinkSurvey:
    blocks = observe(scene, client, direction, window, effort.blocks)
    cell = scene.coverage.cells[scene.serving(client, 0.0)]
    snrs, airtime = (
        mean_snrs(scene, client, direction, window),
        float(np.average(blocks.airtime, weights=blocks.lengths_s)),
    )
    return LinkSurvey(
        budget=client_budget(scene, blocks.hop, cell, budget, snrs, airtime),
        rate=rate_figures(blocks),
        stages=_stages(scene, client, direction, window, blocks, effort),
        blocks=blocks,
    )


def _stages(
    scene: Scene, client: Profile, direction: str, window: Window, blocks: Blocks, effort: Effort
) -> dict[str, Load]:
    """Transfers stage by stage; stages of equal payloads are one."""
    sizes = {stage: scene.payload_bytes(client, stage) for stage in scene.payloads}
    loads = {
        size: _load(scene, client, direction, window, blocks, size, effort) for size in set(sizes.values()) if size
    }
    return {stage: loads[size] for stage, size in sizes.items() if size}


def _load(
    scene: Scene, client: Profile, direction: str, window: Window, blocks: Blocks, size: int, effort: Effort
) -> Load:
    done = simulate(scene, client, direction, window, blocks, size, effort.transfers, effort.seed)
    delay = delay_figures(blocks, size, done)
    power = scene.scenario.radio.energy.build()
    energy = energy_figures(blocks, delay, done, power) if direction == UP else None
    return Load(delay, loss_figures(blocks, size, done), energy, done)

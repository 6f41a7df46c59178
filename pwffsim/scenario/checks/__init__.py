"""Whether the parts of a scenario fit together. One module a subject; each check names the key that must change."""

from __future__ import annotations

from pwffsim.scenario.bases import forget
from pwffsim.scenario.checks import (
    actors,
    attention,
    budget,
    clients,
    corpus,
    method,
    models,
    network,
    over_the_air,
    radio,
    recordings,
    stages,
)
from pwffsim.scenario.checks.finding import Check
from pwffsim.scenario.errors import Loc, Problem
from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.yaml_tree import Node

CHECKS: tuple[Check, ...] = (
    *clients.CHECKS,
    *stages.CHECKS,
    *method.CHECKS,
    *budget.CHECKS,
    *radio.CHECKS,
    *over_the_air.CHECKS,
    *recordings.CHECKS,
    *network.CHECKS,
    *actors.CHECKS,
    *corpus.CHECKS,
    *models.CHECKS,
    *attention.CHECKS,
)


def check(scenario: Scenario, root: Node, wrong: frozenset[Loc]) -> list[Problem]:
    """Every misfit between values that are right by themselves.

    Args:
        scenario: as the user wrote it, presets not yet filled in.
        root: where things are written.
        wrong: where values are wrong by themselves; the scenario holds defaults instead.
    """
    forget()
    fit = [check for check in CHECKS if not any(map(check.touches, wrong))]
    return [found.problem(root) for check in fit for found in check.find(scenario)]

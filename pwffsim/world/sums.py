"""The recipe of an aggregation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pwffsim.compute.recipe import Recipe
from pwffsim.federation.method import Group
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.stages.stage import Stage
from pwffsim.world.tasks import Report


def aggregate(
    blueprint: Blueprint,
    stage: Stage,
    globals_: Mapping[Group, str],
    reports: Sequence[Report],
    weights: Sequence[float],
) -> Recipe:
    """g + sum_i c_i (x_i - b_i), slices that were lost contributing nothing.

    Args:
        blueprint: shapes and settings.
        stage: which groups are summed.
        globals_: g, the current global states.
        reports: x_i with their b_i, in the order of the sum.
        weights: c_i.
    """
    inputs = {f"global/{group}": globals_[group] for group in stage.shared}
    for i, report in enumerate(reports):
        for group in stage.shared:
            inputs[f"update{i}/{group}"] = report.result.part(group)
            inputs[f"base{i}/{group}"] = report.task.globals[group]
    params = {
        "groups": list(stage.shared),
        "coefficients": list(weights),
        "lost": [_lost_ranges(report) for report in reports],
        "per_module": blueprint.scenario.aggregation.lora_average == "per_module",
    }
    return Recipe("aggregate", params, inputs)


def _lost_ranges(report: Report) -> list[list[int]]:
    if report.delivery is None:
        return []
    return [[start, stop] for start, stop in report.delivery.lost_ranges]

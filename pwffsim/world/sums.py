"""The recipe of an aggregation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channel_models.randomness import derive_seed
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
    """g + sum_i c_i (x_i - b_i), slices that were lost contributing nothing; or what the air made of that sum.

    Args:
        blueprint: shapes and settings.
        stage: which groups are summed.
        globals_: g, the current global states.
        reports: x_i with their b_i, in the order of the sum.
        weights: c_i.

    Raises:
        ValueError: where the air adds up what all send, and not all of them are to be summed.
    """
    inputs = {f"global/{group}": globals_[group] for group in stage.shared}
    for i, report in enumerate(reports):
        for group in stage.shared:
            inputs[f"update{i}/{group}"] = report.result.part(group)
            inputs[f"base{i}/{group}"] = report.task.globals[group]
    params: dict[str, Any] = {
        "groups": list(stage.shared),
        "coefficients": list(weights),
        "lost": [_lost_ranges(report) for report in reports],
        "per_module": blueprint.scenario.aggregation.lora_average == "per_module",
    }
    if blueprint.scenario.radio.sharing.build().superposes:
        params["air"] = _air(blueprint.scenario.seed, stage, reports)
    return Recipe("aggregate", params, inputs)


def _air(seed: int, stage: Stage, reports: Sequence[Report]) -> dict[str, Any]:
    """The SNR that all reports of a round arrived with, and the seed of the noise."""
    task, delivery = reports[0].task, reports[0].delivery
    assert delivery is not None, "a stage that shares something uploads it"
    if len(reports) != task.together:
        raise ValueError(
            f"{task.together} updates added up on the air and cannot be told apart, got {len(reports)} to sum: take "
            "aggregation mode synchronous and residual_loss partial"
        )
    return {
        "snr_db": delivery.mean_snr_db,
        "seed": derive_seed(seed, f"{stage.name}.receiver_noise", task.round),
    }


def _lost_ranges(report: Report) -> list[list[int]]:
    if report.delivery is None:
        return []
    return [[start, stop] for start, stop in report.delivery.lost_ranges]

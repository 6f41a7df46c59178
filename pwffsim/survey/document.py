"""A survey as JSON values: every number under a name with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

from pwffsim.survey.doubts import Doubt
from pwffsim.survey.figures import LEVELS
from pwffsim.survey.survey import ClientSurvey, LinkSurvey, Load, Survey

_LOAD = ("delay", "loss", "energy")


def document(survey: Survey, found: tuple[Doubt, ...]) -> dict[str, Any]:
    """All of it but the draws; what is infinite is the word "inf", what is unknown is null."""
    scene, radio = survey.scene, survey.scene.scenario.radio
    return {
        "scenario": scene.scenario.name,
        "window_s": survey.window_s,
        "effort": values(survey.effort),
        "quantile_levels": list(LEVELS),
        "models": {
            axis: None if (section := getattr(radio, axis)) is None else section.model_dump(mode="json")
            for axis in ("rate", "fading", "loss", "retransmission", "sharing")
        },
        "jammers_received_w": dict(scene.jammers),
        "payload_bytes": {stage: list(sizes) for stage, sizes in scene.payloads.items()},
        "participants": len(scene.participants),
        "budgets": {way: values(budget) for way, budget in survey.budgets.items()},
        "clients": [_client(each) for each in survey.clients],
        "total": values(_total(survey)),
        "warnings": [values(doubt) for doubt in found],
    }


def values(thing: Any) -> Any:
    """JSON of dataclasses, mappings, sequences and numbers."""
    if is_dataclass(thing) and not isinstance(thing, type):
        return {entry.name: values(getattr(thing, entry.name)) for entry in fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): values(value) for key, value in thing.items()}
    if isinstance(thing, (tuple, list)):
        return [values(value) for value in thing]
    return _number(thing) if isinstance(thing, float) else thing


def mean_delays_s(survey: Survey, stage: str, direction: str) -> list[float]:
    """Mean drawn delays [s] of the clients that have one."""
    loads = [each.links[direction].stages.get(stage) for each in survey.clients]
    return [load.delay.mean_s.drawn for load in loads if load is not None and load.delay.mean_s.drawn is not None]


def _client(each: ClientSurvey) -> dict[str, Any]:
    return {
        "name": each.client.name,
        "tier": each.client.tier.name,
        "followed_s": each.window.length_s,
        "links": {way: _link(link) for way, link in each.links.items()},
    }


def _link(link: LinkSurvey) -> dict[str, Any]:
    return {
        "budget": values(link.budget),
        "rate": values(link.rate),
        "stages": {stage: _load(load) for stage, load in link.stages.items()},
    }


def _load(load: Load) -> dict[str, Any]:
    return {name: values(getattr(load, name)) for name in _LOAD}


def _total(survey: Survey) -> dict[str, dict[str, dict[str, Any]]]:
    """Over the clients that were looked at, by direction and stage."""
    return {
        way: {stage: _sums(survey, stage, way) for stage in survey.scene.payloads} for way in survey.scene.directions
    }


def _sums(survey: Survey, stage: str, direction: str) -> dict[str, Any]:
    means_s = mean_delays_s(survey, stage, direction)
    loads = [each.links[direction].stages[stage] for each in survey.clients if stage in each.links[direction].stages]
    drawn_j = [load.energy.drawn_j for load in loads if load.energy is not None]
    whole = bool(means_s) and len(means_s) == len(loads)
    return {
        "clients": len(loads),
        "payload_bytes": sum(load.delay.payload_bytes for load in loads),
        "slowest_mean_s": max(means_s) if whole else None,
        "sum_of_means_s": sum(means_s) if whole else None,
        "drawn_j": sum(drawn_j) if drawn_j else None,
    }


def _number(value: float) -> float | str | None:
    return value if isfinite(value) else None if value != value else "inf" if value > 0 else "-inf"

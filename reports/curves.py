"""Learning curves against simulated time: one panel a group of metrics, clients faint, their mean bold.

At every instant at which any client was measured, the mean, the least and the greatest are taken over each client's
last known value of that stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pwffsim.runs.load import Run
from pwffsim.runs.records import SERVER
from reports import quantities
from reports.columns import Column
from reports.timeline import natural, tick_ns, ticks


@dataclass(frozen=True)
class Group:
    """Metrics that share a panel; ``by_stage`` gives each stage a panel of its own."""

    title: str
    metrics: tuple[str, ...]
    unit: str
    by_stage: bool = False


GROUPS = (
    Group("Response-token accuracy", ("accuracy", "global_accuracy"), "%"),
    Group("Loss on held-out rows", ("loss", "global_loss"), "nats a token"),
    Group("Reward models, held-out pairs ranked right", ("helpfulness_accuracy", "harmlessness_accuracy"), "%"),
    Group("Own weighted reward", ("reward_weighted",), ""),
    Group("Rewards by objective", ("reward_helpfulness", "reward_harmlessness", "reward_sum"), ""),
    Group("Rewards by the examiner", ("examined_helpfulness", "examined_harmlessness", "examined_sum"), ""),
    Group("Examiner's reward, weighted by the client's preference", ("examined_weighted",), ""),
    Group("Agreement of own rewards with the judge's", ("agreement_helpfulness", "agreement_harmlessness"), ""),
    Group("Judge's scores of the policy's answers", ("judge_helpfulness", "judge_harmlessness"), ""),
    Group("KL to the reference policy", ("kl",), "nats a response"),
    Group(
        "KL while training, to the reference and to the global policy",
        ("train_kl", "train_kl_global"),
        "nats a response",
    ),
    Group("Surrogate's loss", ("train_policy_loss",), ""),
    Group("Share of tokens outside the clip range", ("train_clip_fraction",), "%"),
    Group("How far an update goes, k3", ("train_approx_kl",), "nats a token"),
    Group("Steps back towards the reference", ("train_rectified",), "a round"),
    Group(
        "Critics: share of the returns' variance they explain",
        ("train_explained_variance_helpfulness", "train_explained_variance_harmlessness"),
        "",
    ),
    Group("Critics: loss", ("train_value_loss_helpfulness", "train_value_loss_harmlessness"), ""),
    Group("Correlation of the objectives' advantages", ("train_objective_conflict",), ""),
    Group("Entropy of the policies", ("entropy", "train_entropy"), "nats a token"),
    Group("Loss of preferences (DPO)", ("train_dpo_loss",), "nats a pair"),
    Group("Preferred responses that the policy favours (DPO)", ("train_pair_accuracy",), "%"),
    Group("Margin of preferred responses (DPO)", ("train_pair_margin",), "nats"),
    Group("Length of answers", ("response_length",), "tokens"),
    Group("Answers that end, and that refuse", ("ended", "refusal_rate"), "%"),
    Group("Reward models' loss on held-out pairs", ("helpfulness_loss", "harmlessness_loss"), "nats a pair"),
    Group("Reward models' margin, chosen less rejected", ("helpfulness_margin", "harmlessness_margin"), ""),
    Group("Training loss", ("train_loss",), "nats", by_stage=True),
)

LABELS = {
    "accuracy": "clients' own held-out rows",
    "global_accuracy": "global test set",
    "loss": "clients' own held-out rows",
    "global_loss": "global test set",
    "helpfulness_accuracy": "helpfulness",
    "harmlessness_accuracy": "harmlessness",
    "reward_helpfulness": "helpfulness",
    "reward_harmlessness": "harmlessness",
    "reward_sum": "sum of both",
    "reward_weighted": "weighted by the client's preference",
    "examined_helpfulness": "helpfulness",
    "examined_harmlessness": "harmlessness",
    "examined_sum": "sum of both",
    "examined_weighted": "weighted by the client's preference",
    "agreement_helpfulness": "helpfulness",
    "agreement_harmlessness": "harmlessness",
    "judge_helpfulness": "helpfulness",
    "judge_harmlessness": "harmlessness",
    "ended": "end within the tokens allowed",
    "refusal_rate": "refuse",
    "helpfulness_loss": "helpfulness",
    "harmlessness_loss": "harmlessness",
    "helpfulness_margin": "helpfulness",
    "harmlessness_margin": "harmlessness",
    "kl": "clients",
    "train_kl": "to the reference",
    "train_kl_global": "to the global policy",
    "train_policy_loss": "clients",
    "train_rectified": "clients",
    "train_dpo_loss": "clients",
    "train_pair_accuracy": "clients",
    "train_pair_margin": "clients",
    "train_clip_fraction": "clients",
    "train_approx_kl": "clients",
    "train_explained_variance_helpfulness": "helpfulness",
    "train_explained_variance_harmlessness": "harmlessness",
    "train_value_loss_helpfulness": "helpfulness",
    "train_value_loss_harmlessness": "harmlessness",
    "train_objective_conflict": "clients",
    "entropy": "held-out prompts",
    "train_entropy": "training prompts",
    "response_length": "clients",
    "train_loss": "clients",
}


@dataclass
class Curves:
    """Panels as JSON; their points as packed columns; and what was measured but once, as rows of a table."""

    panels: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, dict[str, Column]] = field(default_factory=dict)
    once: list[tuple[str, ...]] = field(default_factory=list)


@dataclass
class Points:
    """Points of all curves, one after the other."""

    tick: int
    time: list[Any] = field(default_factory=list)
    values: list[list[Any]] = field(default_factory=list)
    count: int = 0

    def add(self, time_ns: pd.Series, *values: Any) -> list[int]:
        """Appends a curve and says where it lies: first point and number of points."""
        self.time.append(ticks(time_ns, self.tick))
        self.values.append([np.asarray(value, dtype=np.float64) for value in values])
        first, self.count = self.count, self.count + len(time_ns)
        return [first, len(time_ns)]

    def columns(self, names: Sequence[str]) -> dict[str, Column]:
        """The points as packed columns, ``time`` in ticks."""
        joined = {name: [group[place] for group in self.values] for place, name in enumerate(names)}
        time = Column(np.concatenate(self.time) if self.time else [], "delta")
        return {"time": time} | {
            name: Column(np.concatenate(parts) if parts else [], "float", bits=14) for name, parts in joined.items()
        }


GROUPED = frozenset(name for group in GROUPS for name in group.metrics)


def groups(metrics: pd.DataFrame) -> list[Group]:
    """The known groups that were measured, then one for every other metric."""
    names = list(dict.fromkeys(metrics["name"]))
    others = [Group(f"Other metrics: {name}", (name,), "", by_stage=True) for name in names if name not in GROUPED]
    return [group for group in GROUPS if set(group.metrics) & set(names)] + others


def apart(metrics: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics that make a curve, and the ungrouped ones that nobody measured twice."""
    times = metrics.groupby(["name", "actor"])["value"].size().groupby("name").max()
    once = metrics["name"].isin(set(times.index[times == 1]) - GROUPED)
    return metrics[~once], metrics[once]


def measured_once(metrics: pd.DataFrame) -> list[tuple[str, ...]]:
    """Rows of name, mean, least, greatest and number of actors."""
    found = metrics.groupby("name", sort=False)["value"].agg(["mean", "min", "max", "count"])
    numbers = ((name, row) for name, *row in found.itertuples(name=None))
    return [(str(name), *(quantities.plain(value, 4) for value in row[:3]), str(row[3])) for name, row in numbers]


def band(values: pd.DataFrame) -> pd.DataFrame:
    """Columns time_ns, mean, low, high over clients, each client's last value carried forward."""
    last = values.drop_duplicates(["time_ns", "actor"], keep="last")
    table = last.pivot(index="time_ns", columns="actor", values="value").ffill()
    across = {"mean": table.mean(axis=1), "low": table.min(axis=1), "high": table.max(axis=1)}
    return pd.DataFrame(across).reset_index()


def finite(metrics: pd.DataFrame) -> pd.DataFrame:
    """Measured values that are numbers, by time."""
    measured = metrics[np.isfinite(metrics["value"].to_numpy(dtype=np.float64))]
    return measured.sort_values("time_ns", kind="stable")


def one_series(values: pd.DataFrame, label: str, lines: Points, bands: Points) -> dict[str, Any]:
    """One metric in one stage: a line an actor and, over two clients or more, their mean and range."""
    drawn = []
    by_actor = {str(actor): own for actor, own in values.groupby("actor", sort=False)}
    for actor in sorted(by_actor, key=natural):
        own = by_actor[actor]
        drawn.append({"actor": actor, "at": lines.add(own["time_ns"], own["value"])})
    several = len(drawn) > 1
    over = band(values) if several else None
    where = bands.add(over["time_ns"], over["mean"], over["low"], over["high"]) if over is not None else None
    return {"label": label, "lines": drawn, "band": where}


def panel_series(metrics: pd.DataFrame, group: Group, lines: Points, bands: Points) -> list[dict[str, Any]]:
    """All series of one panel: a metric has one for the clients and one for the server, in each stage."""
    found = []
    for place, name in enumerate(name for name in group.metrics if name in set(metrics["name"])):
        own = metrics[metrics["name"] == name]
        of_server = own["actor"] == SERVER
        for by_server, label in ((False, LABELS.get(name, name)), (True, f"{LABELS.get(name, name)} (server)")):
            side = own[of_server == by_server]
            for stage in dict.fromkeys(side["stage"]):
                shown = LABELS.get(name, name) if by_server and side.shape == own.shape else label
                one = one_series(side[side["stage"] == stage], shown, lines, bands)
                found.append({"metric": name, "stage": str(stage), "colour": place + 2 * by_server, **one})
    return found


def guides(group: Group, baselines: Mapping[str, Any], bounds: Mapping[str, tuple[str, float]]) -> list[dict[str, Any]]:
    """Dashed lines of a panel: baselines of its metrics, and a bound where there is one."""
    lines = []
    for name in group.metrics:
        for label, value in dict(baselines.get(name) or {}).items():
            if quantities.is_number(value):
                lines.append({"label": str(label), "value": float(value), "bound": False})
        if name in bounds:
            lines.append({"label": bounds[name][0], "value": float(bounds[name][1]), "bound": True})
    distinct = {(line["label"], line["value"]): line for line in lines}
    return list(distinct.values())


def bounds_of(scenario: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    """Bounds that the scenario sets on a metric."""
    alignment = (scenario.get("stages") or {}).get("alignment") or {}
    bounded = alignment.get("kl_bound") is not None and alignment.get("algorithm") != "dpo"
    return {"kl": ("bound", float(alignment["kl_bound"]))} if bounded and alignment.get("engine") != "trl" else {}


def split(metrics: pd.DataFrame, group: Group) -> list[tuple[str, pd.DataFrame]]:
    """Panels of a group: title and the metrics in it."""
    own = metrics[metrics["name"].isin(group.metrics)]
    stages = list(dict.fromkeys(own["stage"]))
    if not group.by_stage or len(stages) < 2:
        return [(group.title, own)]
    return [(f"{group.title}, {stage}", own[own["stage"] == stage]) for stage in stages]


def build(run: Run) -> Curves:
    """Curves of everything that was measured."""
    metrics, once = apart(finite(run.metrics))
    tick = tick_ns(len(run.spans))
    lines, bands, curves = Points(tick), Points(tick), Curves(once=measured_once(once))
    baselines, bounds = run.manifest.get("baselines") or {}, bounds_of(run.scenario)
    for group in groups(metrics):
        for title, own in split(metrics, group):
            series = panel_series(own, group, lines, bands)
            dashed = guides(group, baselines, bounds)
            curves.panels.append({"title": title, "unit": group.unit, "series": series, "guides": dashed})
    curves.tables = {"points": lines.columns(["value"]), "bands": bands.columns(["mean", "low", "high"])}
    return curves

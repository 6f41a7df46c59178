"""A run in numbers, each with its unit in its name. What summary.json holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pwffsim.runs.idling import in_rounds
from pwffsim.runs.records import Direction, Fate, SpanKind, is_client

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run

NANO = 1e9

ENERGIES = {
    "energy_tx_j": (SpanKind.UPLOAD, SpanKind.RETRANSMIT),
    "energy_rx_j": (SpanKind.DOWNLOAD,),
    "energy_compute_j": (SpanKind.COMPUTE, SpanKind.EVALUATE, SpanKind.AGGREGATE),
    "energy_idle_j": (SpanKind.IDLE, SpanKind.QUEUE, SpanKind.HANDOVER),
}
"""Which spans' energy each of the summary's energies adds up; that of a radio at rest is part of whatever goes on."""

OF_CLIENTS = tuple(kind for kind in SpanKind if kind not in (SpanKind.AGGREGATE, SpanKind.BACKHAUL, SpanKind.JAM))
"""What clients spend their time on."""

LOWER_IS_BETTER = {"loss", "kl", "perplexity"}
"""A metric with one of these among the words of its name (``train_loss``, ``kl_per_token``) is best where lowest."""


def summarise(run: Run) -> dict[str, Any]:
    """All totals of a run: the whole, each stage, each client, and each metric's course.

    ``finished_s`` is the last aggregation, ``drained_s`` the end of the last span. Values that do not exist (a quantile
    of nothing) and values that are not finite are None.
    """
    spans, rounds, staged = run.spans, run.rounds, in_rounds(run.spans)
    return {
        "finished_s": _seconds(rounds.time_ns.max()),
        "drained_s": _seconds((spans.start_ns + spans.duration_ns).max()),
        "rounds": len(rounds),
        **_totals(spans, run.messages, run.updates),
        **_wires(spans),
        **_staleness(rounds),
        "stages": {stage: _stage(run, stage, staged) for stage in _stages(spans)},
        "clients": {client: _client(run, client) for client in sorted(filter(is_client, spans.actor.unique()))},
        "metrics": metric_courses(run.metrics),
    }


def metric_courses(metrics: DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Metric -> actor -> first, last and best value, and when the last and the best were measured."""
    courses: dict[str, dict[str, dict[str, Any]]] = {}
    for (name, actor), course in metrics.groupby(["name", "actor"], sort=True):
        courses.setdefault(str(name), {})[str(actor)] = _course(str(name), course)
    return courses


def _course(name: str, course: DataFrame) -> dict[str, Any]:
    values = course.value.to_numpy()
    finite = np.where(np.isfinite(values), values, np.nan)
    pick = np.nanargmin if LOWER_IS_BETTER & set(name.split("_")) else np.nanargmax
    best = None if np.isnan(finite).all() else int(pick(finite))
    return {
        "first": _number(values[0]),
        "last": _number(values[-1]),
        "last_s": _seconds(course.time_ns.iloc[-1]),
        "best": None if best is None else _number(values[best]),
        "best_s": None if best is None else _seconds(course.time_ns.iloc[best]),
    }


def _stages(spans: DataFrame) -> list[str]:
    return [str(stage) for stage in spans.stage.unique() if stage]


def _stage(run: Run, stage: str, staged: DataFrame) -> dict[str, Any]:
    """Of one stage; ``staged`` are all spans, idle ones too, with the stage to which they belong."""
    every = _of(staged, "stage", stage)
    spans, rounds = _of(run.spans, "stage", stage), _of(run.rounds, "stage", stage)
    start_ns = int(spans.start_ns.min())
    end_ns = int(rounds.time_ns.max()) if len(rounds) else int((spans.start_ns + spans.duration_ns).max())
    return {
        "start_s": _seconds(start_ns),
        "duration_s": _seconds(end_ns - start_ns),
        "rounds": len(rounds),
        **_round_delays(start_ns, rounds),
        **_totals(every, _of(run.messages, "stage", stage), _of(run.updates, "stage", stage)),
        **_wires(spans),
        **_staleness(rounds),
    }


def _round_delays(start_ns: int, rounds: DataFrame) -> dict[str, Any]:
    """From one aggregation to the next, the first from the start of the stage."""
    delays = np.diff(np.concatenate(([start_ns], rounds.time_ns.to_numpy())))
    found = [delays.mean(), *np.quantile(delays, (0.5, 0.9)), delays.max()] if len(delays) else [None] * 4
    names = ("round_delay_mean_s", "round_delay_p50_s", "round_delay_p90_s", "round_delay_max_s")
    return {name: _seconds(value) for name, value in zip(names, found, strict=True)}


def _totals(spans: DataFrame, messages: DataFrame, updates: DataFrame) -> dict[str, Any]:
    up, down = _of(messages, "direction", Direction.UP), _of(messages, "direction", Direction.DOWN)
    return {
        "uplink_bytes": int(up.payload_bytes.sum()),
        "uplink_lost_bytes": int(up.lost_bytes.sum()),
        "downlink_bytes": int(down.payload_bytes.sum()),
        "downlink_lost_bytes": int(down.lost_bytes.sum()),
        "packets": int(messages.packets.sum()),
        "retransmitted_packets": int((messages.transmissions - messages.packets).clip(lower=0).sum()),
        "handovers": int(messages.handovers.sum()),
        **{name: _joules(spans, kinds) for name, kinds in ENERGIES.items()},
        "energy_j": _joules(spans, tuple(SpanKind)),
        **{f"updates_{fate}": int((updates.fate == fate).sum()) for fate in Fate},
    }


def _wires(spans: DataFrame) -> dict[str, Any]:
    """What the wires carried: each message once a hop."""
    return {"backhaul_bytes": int(spans.bytes[spans.kind == SpanKind.BACKHAUL].sum())}


def _client(run: Run, client: str) -> dict[str, Any]:
    spans, messages = _of(run.spans, "actor", client), run.messages
    own = messages[(messages.source == client) | (messages.target == client)]
    busy_ns = spans.groupby("kind").duration_ns.sum()
    return {
        **{f"{kind}_s": _seconds(busy_ns.get(str(kind), 0)) for kind in OF_CLIENTS},
        **_totals(spans, own, _of(run.updates, "client", client)),
    }


def _staleness(rounds: DataFrame) -> dict[str, Any]:
    values = [int(value) for row in rounds.staleness for value in row]
    return {
        "staleness_mean": sum(values) / len(values) if values else None,
        "staleness_max": max(values, default=None),
    }


def _of(frame: DataFrame, column: str, value: str) -> DataFrame:
    return frame[frame[column] == value]


def _joules(spans: DataFrame, kinds: tuple[SpanKind, ...]) -> float:
    chosen: Series = spans.energy_nj[spans.kind.isin(list(kinds))]
    return int(chosen.sum()) / NANO


def _seconds(value_ns: Any) -> float | None:
    number = None if value_ns is None else _number(value_ns)
    return None if number is None else number / NANO


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None

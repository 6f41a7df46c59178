"""A run in numbers, each with its unit in its name. What summary.json holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pwffsim.runs.ends import client_ends
from pwffsim.runs.idling import in_rounds
from pwffsim.runs.labels import Labels, labelled
from pwffsim.runs.records import Direction, Fate, SpanKind, is_client

if TYPE_CHECKING:
    from pandas import DataFrame

    from pwffsim.runs.load import Run

IntArray = NDArray[np.int64]

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

_KINDS, _WAYS, _FATES = list(SpanKind), list(Direction), list(Fate)

LOWER_IS_BETTER = {"loss", "kl", "perplexity"}
"""A metric with one of these among the words of its name (``train_loss``, ``kl_per_token``) is best where lowest."""


def summarise(run: Run) -> dict[str, Any]:
    """All totals of a run: the whole, each stage, each client, and each metric's course.

    ``finished_s`` is the last aggregation, ``drained_s`` the end of the last span. Values that do not exist (a quantile
    of nothing) and values that are not finite are None.
    """
    spans, rounds, sorts = run.spans, run.rounds, _Sorts.of(run)
    return {
        "finished_s": _seconds(rounds.time_ns.max()),
        "drained_s": _seconds((spans.start_ns + spans.duration_ns).max()),
        "rounds": len(rounds),
        **_whole(run, sorts),
        **_wires(spans),
        **_staleness(rounds),
        "stages": _stages(run, sorts),
        "clients": _clients(run, sorts),
        "metrics": metric_courses(run.metrics),
    }


@dataclass(frozen=True, eq=False)
class _Sorts:
    """Of which kind each span is, which way each message went, and what became of each update."""

    spans: Labels
    messages: Labels
    updates: Labels

    @classmethod
    def of(cls, run: Run) -> _Sorts:
        messages = labelled(run.messages.direction, _WAYS)
        return cls(labelled(run.spans.kind, _KINDS), messages, labelled(run.updates.fate, _FATES))


def metric_courses(metrics: DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Metric -> actor -> first, last and best value, and when the last and the best were measured."""
    number = metrics.groupby(["name", "actor"], sort=True).ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    first = np.searchsorted(number[order], np.arange(number.max(initial=-1) + 1))
    courses: dict[str, dict[str, dict[str, Any]]] = {}
    values, times_ns = metrics.value.to_numpy()[order], metrics.time_ns.to_numpy()[order]
    heads = metrics[["name", "actor"]].iloc[order[first]].itertuples(index=False)
    for (name, actor), start, stop in zip(heads, first, np.append(first, number.size)[1:], strict=True):
        courses.setdefault(str(name), {})[str(actor)] = _course(str(name), values[start:stop], times_ns[start:stop])
    return courses


def _course(name: str, values: NDArray[np.float64], times_ns: NDArray[np.int64]) -> dict[str, Any]:
    finite = np.flatnonzero(np.isfinite(values))
    pick = np.argmin if LOWER_IS_BETTER & set(name.split("_")) else np.argmax
    best = int(finite[pick(values[finite])]) if finite.size else None
    return {
        "first": _number(values[0]),
        "last": _number(values[-1]),
        "last_s": _seconds(times_ns[-1]),
        "best": None if best is None else _number(values[best]),
        "best_s": None if best is None else _seconds(times_ns[best]),
    }


def _whole(run: Run, sorts: _Sorts) -> dict[str, Any]:
    everything = [
        Labels([""], np.zeros(len(table), dtype=np.int64)) for table in (run.spans, run.messages, run.updates)
    ]
    return _totals(run, sorts, *everything)[""]


def _stages(run: Run, sorts: _Sorts) -> dict[str, dict[str, Any]]:
    """Each stage, in order of their first spans."""
    staged = in_rounds(run.spans)
    names = [str(stage) for stage in run.spans.stage.unique() if stage]
    labels = (labelled(table.stage, names) for table in (staged, run.messages, run.updates))
    totals = _totals(run, sorts, *labels)
    return {name: _stage(run, name, totals[name]) for name in names}


def _stage(run: Run, stage: str, totals: dict[str, Any]) -> dict[str, Any]:
    """One stage, whose ``totals`` count its idle spans too."""
    spans = _of(run.spans[["stage", "kind", "start_ns", "duration_ns", "bytes"]], "stage", stage)
    rounds = _of(run.rounds, "stage", stage)
    start_ns = int(spans.start_ns.min())
    end_ns = int(rounds.time_ns.max()) if len(rounds) else int((spans.start_ns + spans.duration_ns).max())
    return {
        "start_s": _seconds(start_ns),
        "duration_s": _seconds(end_ns - start_ns),
        "rounds": len(rounds),
        **_round_delays(start_ns, rounds),
        **totals,
        **_wires(spans),
        **_staleness(rounds),
    }


def _round_delays(start_ns: int, rounds: DataFrame) -> dict[str, Any]:
    """From one aggregation to the next, the first from the start of the stage."""
    delays = np.diff(np.concatenate(([start_ns], rounds.time_ns.to_numpy())))
    found = [delays.mean(), *np.quantile(delays, (0.5, 0.9)), delays.max()] if len(delays) else [None] * 4
    names = ("round_delay_mean_s", "round_delay_p50_s", "round_delay_p90_s", "round_delay_max_s")
    return {name: _seconds(value) for name, value in zip(names, found, strict=True)}


def _clients(run: Run, sorts: _Sorts) -> dict[str, dict[str, Any]]:
    """Each client, by name."""
    spans = run.spans
    names = sorted(filter(is_client, spans.actor.unique()))
    of_spans = labelled(spans.actor, names)
    of_messages = labelled(client_ends(run.messages), names)
    totals = _totals(run, sorts, of_spans, of_messages, labelled(run.updates.client, names))
    busy_ns = of_spans.sums_by(sorts.spans, spans.duration_ns)
    return {
        name: {**{f"{kind}_s": _seconds(own_ns[_KINDS.index(kind)]) for kind in OF_CLIENTS}, **totals[name]}
        for name, own_ns in zip(names, busy_ns.tolist(), strict=True)
    }


def _totals(
    run: Run, sorts: _Sorts, of_spans: Labels, of_messages: Labels, of_updates: Labels
) -> dict[str, dict[str, Any]]:
    """Totals by name; the labels say to which name each row of a table belongs."""
    spans, messages = run.spans, run.messages
    up, down = (of_messages.where(sorts.messages.codes == _WAYS.index(way)) for way in (Direction.UP, Direction.DOWN))
    repeated = (messages.transmissions - messages.packets).clip(lower=0)
    spent_nj, fates = of_spans.sums_by(sorts.spans, spans.energy_nj), of_updates.counts_by(sorts.updates)
    columns = {
        "uplink_bytes": up.sums(messages.payload_bytes),
        "uplink_lost_bytes": up.sums(messages.lost_bytes),
        "downlink_bytes": down.sums(messages.payload_bytes),
        "downlink_lost_bytes": down.sums(messages.lost_bytes),
        "packets": of_messages.sums(messages.packets),
        "retransmitted_packets": of_messages.sums(repeated),
        "handovers": of_messages.sums(messages.handovers),
        **{name: _joules(spent_nj[:, [_KINDS.index(kind) for kind in kinds]]) for name, kinds in ENERGIES.items()},
        "energy_j": _joules(spent_nj),
        **{f"updates_{fate}": column.tolist() for fate, column in zip(_FATES, fates.T, strict=True)},
    }
    rows = zip(*columns.values(), strict=True)
    return {name: dict(zip(columns, row, strict=True)) for name, row in zip(of_spans.names, rows, strict=True)}


def _wires(spans: DataFrame) -> dict[str, Any]:
    """What the wires carried: each message once a hop."""
    return {"backhaul_bytes": int(spans.bytes[spans.kind == SpanKind.BACKHAUL].sum())}


def _staleness(rounds: DataFrame) -> dict[str, Any]:
    values = [int(value) for row in rounds.staleness for value in row]
    return {
        "staleness_mean": sum(values) / len(values) if values else None,
        "staleness_max": max(values, default=None),
    }


def _of(frame: DataFrame, column: str, value: str) -> DataFrame:
    return frame[frame[column] == value]


def _joules(spent_nj: IntArray) -> list[float]:
    return [total_nj / NANO for total_nj in spent_nj.sum(axis=1).tolist()]


def _seconds(value_ns: Any) -> float | None:
    number = None if value_ns is None else _number(value_ns)
    return None if number is None else number / NANO


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None

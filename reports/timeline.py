"""The timeline's data: spans, messages, aggregations and fates as compact columns.

Times are whole ticks. Start and end of a span are each rounded to a tick and the duration is their difference, so spans
that touch in the records touch in the page too. A span's energy is kept as its mean power (which hardly varies, and
so costs next to nothing); an instantaneous span keeps its energy itself. Wires that carried nothing have no row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pwffsim.runs import network
from pwffsim.runs.load import Run
from pwffsim.runs.network import Role
from pwffsim.runs.records import SERVER
from reports.columns import Column

KINDS = (
    "compute",
    "evaluate",
    "aggregate",
    "upload",
    "retransmit",
    "download",
    "queue",
    "handover",
    "backhaul",
    "jam",
    "idle",
)
ROLES = (Role.SERVER, Role.CELL, Role.WIRE, Role.JAMMER, Role.CLIENT)
"""Rows from top to bottom."""
DIRECTIONS = ("up", "down")
NOT_RECORDED = "not recorded"
EXACT_UP_TO_SPANS = 10_000
COARSE_TICK_NS = 1_000


@dataclass(frozen=True)
class Timeline:
    """``facts`` go into the page as JSON, ``tables`` as packed columns."""

    facts: dict[str, Any]
    tables: dict[str, dict[str, Column]]


def roles(run: Run, clients: Sequence[Mapping[str, Any]]) -> dict[str, Role]:
    """What every row is: of each actor that has spans, but for wires that carried nothing, and of each client that the
    manifest names; there is always a server and a cell."""
    found = network.roles(run)
    busy = set(run.spans["actor"][run.spans["kind"] == "backhaul"].unique())
    shown = {name: own for name, own in found.items() if own != Role.WIRE or name in busy}
    named = {str(client["name"]): Role.CLIENT for client in clients if "name" in client}
    cells = {} if Role.CELL in shown.values() else dict.fromkeys(network.cells(run.manifest), Role.CELL)
    return {SERVER: Role.SERVER, **cells, **named, **shown}


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts client-2 before client-10."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part)


def actors(run: Run, clients: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows from top to bottom: the server, cells, wires, jammers, clients."""
    found = roles(run, clients)
    return sorted(found, key=lambda name: (ROLES.index(found[name]), natural(name)))


def tick_ns(spans: int) -> int:
    """Length of a tick: 1 ns in short runs, 1 us in long ones."""
    return 1 if spans <= EXACT_UP_TO_SPANS else COARSE_TICK_NS


def ticks(time_ns: pd.Series, tick: int) -> NDArray[np.int64]:
    """Times rounded half up to whole ticks."""
    return (time_ns.to_numpy(dtype=np.int64) + tick // 2) // tick


def codes(values: pd.Series, names: Sequence[str]) -> NDArray[np.int64]:
    """Positions of ``values`` in ``names``."""
    return np.asarray(values.astype(str).map({name: code for code, name in enumerate(names)}), dtype=np.int64)


def in_order_seen(values: pd.Series, known: Sequence[str] = ()) -> list[str]:
    """``known`` names, then every other value in order of appearance."""
    return list(dict.fromkeys([*known, *(str(value) for value in values.unique())]))


def floats(values: pd.Series) -> NDArray[np.float64]:
    """A column as floats, nulls as nan."""
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)


def gaps(row: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ticks between a span's start and the end of the span before it in the same row (0 for a row's beginning)."""
    before = np.concatenate([[0], end[:-1]])
    first = np.concatenate([[True], row[1:] != row[:-1]])
    return start - np.where(first, 0, before)


def span_columns(spans: pd.DataFrame, lists: Mapping[str, list[str]], tick: int) -> dict[str, Column]:
    """Columns of spans that are sorted by row and start."""
    row = spans["row"].to_numpy(dtype=np.int64)
    start, end = ticks(spans["start_ns"], tick), ticks(spans["start_ns"] + spans["duration_ns"], tick)
    energy, length = spans["energy_nj"].to_numpy(dtype=np.float64), spans["duration_ns"].to_numpy(dtype=np.float64)
    return {
        "row": Column(row, "delta"),
        "gap": Column(gaps(row, start, end)),
        "length": Column(end - start),
        "kind": Column(codes(spans["kind"], lists["kinds"]), "code"),
        "stage": Column(codes(spans["stage"], lists["stages"]), "code"),
        "round": Column(spans["round"], "delta"),
        "version": Column(spans["version"], "delta"),
        "bytes": Column(spans["bytes"]),
        "power": Column(np.where(length > 0, energy / np.maximum(length, 1), energy * 1e-9), "float", bits=17),
        "update": Column(spans["update"], "delta"),
        "note": Column(codes(spans["note"].fillna(""), lists["notes"]), "delta"),
    }


def message_columns(messages: pd.DataFrame, cells: Sequence[str], tick: int) -> dict[str, Column]:
    """What the spans cannot tell of a message; its times and energy are those of its spans. ``share``: of its air time
    (without ``held``), the part in which the sender transmitted."""
    ordered = messages.sort_values(["direction", "update"], kind="stable")
    air_ns = floats(ordered["received_ns"] - ordered["sent_ns"] - ordered["held_ns"])
    share = np.divide(floats(ordered["on_air_ns"]), air_ns, out=np.ones(len(air_ns)), where=air_ns > 0)
    return {
        "update": Column(ordered["update"], "delta"),
        "direction": Column(codes(ordered["direction"], DIRECTIONS), "code"),
        "payload_bytes": Column(ordered["payload_bytes"], "delta"),
        "lost_bytes": Column(ordered["lost_bytes"]),
        "packets": Column(ordered["packets"], "delta"),
        "extra": Column(ordered["transmissions"] - ordered["packets"]),
        "snr_db": Column(floats(ordered["mean_snr_db"]), "float", bits=14),
        "rate_bps": Column(floats(ordered["mean_rate_bps"]), "float", bits=14),
        "complete": Column(ordered["complete"].astype(bool), "code"),
        "cell": Column(codes(ordered["cell"], cells), "delta"),
        "handovers": Column(ordered["handovers"]),
        "held": Column(ticks(ordered["held_ns"], tick)),
        "share": Column(np.minimum(share, 1.0), "float", bits=14),
    }


def aggregation_tables(rounds: pd.DataFrame, stages: Sequence[str], tick: int) -> dict[str, dict[str, Column]]:
    """One row an aggregation, and one row for each update that went into one."""
    ordered = rounds.sort_values("time_ns", kind="stable")
    members = [list(row) for row in ordered["updates"]]

    def flat(name: str) -> list[Any]:
        return [value for row in ordered[name] for value in row]

    return {
        "aggregations": {
            "time": Column(ticks(ordered["time_ns"], tick), "delta"),
            "stage": Column(codes(ordered["stage"], stages), "code"),
            "round": Column(ordered["round"], "delta"),
            "version": Column(ordered["version"], "delta"),
            "count": Column([len(row) for row in members]),
        },
        "members": {
            "update": Column([update for row in members for update in row], "delta"),
            "weight": Column(flat("weights"), "float", bits=17),
            "staleness": Column(flat("staleness")),
        },
    }


def fate_columns(updates: pd.DataFrame, fates: Sequence[str]) -> dict[str, Column]:
    """What became of every update."""
    ordered = updates.sort_values("update", kind="stable")
    return {"update": Column(ordered["update"], "delta"), "fate": Column(codes(ordered["fate"], fates), "code")}


def bands(spans: pd.DataFrame) -> list[dict[str, Any]]:
    """From when to when each stage ran: from its first work to its last, or to the next stage's first."""
    worked = spans[(spans["stage"].astype(str) != "") & (spans["kind"] != "idle")]
    ended = worked.assign(end_ns=worked["start_ns"] + worked["duration_ns"]).groupby("stage", sort=False)
    found = ended.agg(start=("start_ns", "min"), end=("end_ns", "max")).sort_values("start")
    starts = found["start"].to_numpy(np.int64)
    ends = np.minimum(found["end"].to_numpy(np.int64), np.append(starts[1:], np.iinfo(np.int64).max))
    return [
        {"stage": str(stage), "start_s": start * 1e-9, "end_s": end * 1e-9}
        for stage, start, end in zip(found.index, starts.tolist(), ends.tolist(), strict=True)
    ]


def end_s(run: Run) -> float:
    """The last instant of which anything was recorded, seconds."""
    spans = run.spans
    last_span = int((spans["start_ns"] + spans["duration_ns"]).max()) if len(spans) else 0
    last_metric = int(run.metrics["time_ns"].max()) if len(run.metrics) else 0
    last_round = int(run.rounds["time_ns"].max()) if len(run.rounds) else 0
    return max(last_span, last_metric, last_round) * 1e-9


def rows(names: Mapping[str, Role], clients: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Name, role and tier of every row."""
    tiers = {str(client["name"]): str(client.get("tier") or "") for client in clients if "name" in client}
    return [{"name": name, "role": str(role), "tier": tiers.get(name, "")} for name, role in names.items()]


def build(run: Run, clients: Sequence[Mapping[str, Any]]) -> Timeline:
    """The timeline of a run; an empty one where nothing was recorded."""
    known = roles(run, clients)
    names = actors(run, clients)
    lists = {
        "kinds": in_order_seen(run.spans["kind"], KINDS),
        "stages": in_order_seen(pd.concat([run.spans["stage"], run.rounds["stage"]])),
        "notes": in_order_seen(run.spans["note"].fillna(""), [""]),
        "fates": in_order_seen(run.updates["fate"]),
        "cells": in_order_seen(run.messages["cell"], [name for name in names if known[name] == Role.CELL]),
    }
    tick = tick_ns(len(run.spans))
    shown = run.spans[run.spans["actor"].isin(names)]
    spans = shown.assign(row=codes(shown["actor"], names)).sort_values(["row", "start_ns"], kind="stable")
    tables = {
        "spans": span_columns(spans, lists, tick),
        "messages": message_columns(run.messages, lists["cells"], tick),
        **aggregation_tables(run.rounds, lists["stages"], tick),
        "fates": fate_columns(run.updates, lists["fates"]),
    }
    facts = {
        "rows": rows({name: known[name] for name in names}, clients),
        "tick_s": tick * 1e-9,
        "end_s": end_s(run),
        "bands": bands(run.spans),
        **lists,
    }
    return Timeline(facts, tables)

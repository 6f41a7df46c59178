"""Tables of the page: a row a client, with every number's text and the value that it is sorted by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pwffsim.runs.load import Run
from pwffsim.runs.records import is_client
from reports import quantities
from reports.timeline import natural

FATES = ("applied", "late", "lost", "skipped")
ON_AIR = ("upload", "retransmit")


@dataclass(frozen=True)
class Field:
    """One column of the client table; ``total`` says that its sum over clients means something, ``rare`` that it is
    left out where it is zero or unknown for all."""

    key: str
    group: str
    title: str
    show: Callable[[Any], str]
    total: bool = False
    rare: bool = False


def text(value: Any) -> str:
    """Text as it is."""
    return quantities.MISSING if value in (None, "") else str(value)


FIELDS = (
    Field("name", "Client", "name", text),
    Field("tier", "Client", "tier", text),
    Field(
        "mean_snr_db", "Client", "SNR, dB", lambda value: "ideal" if value == float("inf") else quantities.plain(value)
    ),
    Field("sinr_db", "Client", "SINR up, dB", quantities.plain, rare=True),
    Field("preference_weight", "Client", "weight of helpful", quantities.plain),
    Field("samples", "Client", "samples", quantities.count, total=True),
    *(Field(fate, "Updates", fate, quantities.count, total=True) for fate in FATES),
    Field("handovers", "Updates", "handovers", quantities.count, total=True, rare=True),
    Field("up_bytes", "Payload", "up", quantities.byte_count, total=True),
    Field("down_bytes", "Payload", "down", quantities.byte_count, total=True),
    Field("compute_s", "Time", "computing", quantities.duration, total=True),
    Field("on_air_s", "Time", "on air", quantities.duration, total=True),
    Field("download_s", "Time", "receiving", quantities.duration, total=True),
    Field("queue_s", "Time", "queueing", quantities.duration, total=True),
    Field("handover_s", "Time", "changing cells", quantities.duration, total=True, rare=True),
    Field("idle_s", "Time", "idle", quantities.duration, total=True),
    Field("compute_j", "Energy", "computing", quantities.energy, total=True),
    Field("on_air_j", "Energy", "on air", quantities.energy, total=True),
    Field("retransmit_j", "Energy", "of it repeats", quantities.energy, total=True),
    Field("download_j", "Energy", "receiving", quantities.energy, total=True, rare=True),
    Field("rest_j", "Energy", "waiting", quantities.energy, total=True, rare=True),
    Field("accuracy_first", "Accuracy", "first", quantities.percent),
    Field("accuracy_last", "Accuracy", "last", quantities.percent),
    Field("reward_gain", "Own reward", "gain", quantities.signed),
)

CELL_TABLE_FIELDS = ("name", "tier", "applied", "late", "lost", "up_bytes", "compute_s", "on_air_s", "accuracy_last")


def described_clients(run: Run) -> list[Mapping[str, Any]]:
    """What the manifest says of each client: name, tier, samples, ..."""
    return [client for client in run.manifest.get("clients") or [] if isinstance(client, Mapping)]


def client_names(run: Run) -> list[str]:
    """Clients that the manifest or any record names."""
    recorded = [run.spans["actor"], run.updates["client"], run.metrics["actor"]]
    names = {str(name) for column in recorded for name in column.unique()}
    names |= {str(client["name"]) for client in described_clients(run) if "name" in client}
    return sorted(filter(is_client, names), key=natural)


def sums(spans: pd.DataFrame, value: str, kinds: Sequence[str], scale: float) -> pd.Series:
    """Sum of a column over an actor's spans of some kinds."""
    return spans[spans["kind"].isin(kinds)].groupby("actor")[value].sum() * scale


def first_and_last(metrics: pd.DataFrame, name: str) -> tuple[pd.Series, pd.Series]:
    """For every actor the first and the last value of a metric."""
    own = metrics[metrics["name"] == name].sort_values("time_ns", kind="stable").groupby("actor")["value"]
    return own.first(), own.last()


TIMES = {
    "compute": ("compute", "evaluate"),
    "on_air": ON_AIR,
    "download": ("download",),
    "queue": ("queue",),
    "handover": ("handover",),
    "idle": ("idle",),
}
"""Where a client's time goes: column without its unit -> kinds of spans."""

ENERGIES = {
    "compute": ("compute", "evaluate"),
    "on_air": ON_AIR,
    "retransmit": ("retransmit",),
    "download": ("download",),
    "rest": ("idle", "queue", "handover"),
}
"""Where its energy goes; ``retransmit`` is part of ``on_air``, all others add up to all."""


def sinr_db(messages: pd.DataFrame) -> pd.Series:
    """Mean linear SINR of each client's uploads, weighted by their time on air, in dB."""
    up = messages[messages["direction"] == "up"]
    linear = 10.0 ** (up["mean_snr_db"] / 10.0)
    known = up.assign(weight=up["on_air_ns"], weighted=linear * up["on_air_ns"])[np.isfinite(linear) & (linear > 0)]
    sums = known.groupby("source")[["weighted", "weight"]].sum()
    sums = sums[sums["weight"] > 0]
    return 10.0 * np.log10(sums["weighted"] / sums["weight"])


def measured(run: Run) -> dict[str, pd.Series]:
    """Everything that the records say of clients, by column key."""
    spans, messages, updates = run.spans, run.messages, run.updates
    found: dict[str, pd.Series] = {fate: updates[updates["fate"] == fate].groupby("client").size() for fate in FATES}
    for way, end in (("up", "source"), ("down", "target")):
        found[f"{way}_bytes"] = messages[messages["direction"] == way].groupby(end)["payload_bytes"].sum()
    client = messages["source"].where(messages["direction"] == "up", messages["target"])
    found["handovers"] = messages.groupby(client)["handovers"].sum()
    found["sinr_db"] = sinr_db(messages)
    found |= {f"{key}_s": sums(spans, "duration_ns", kinds, 1e-9) for key, kinds in TIMES.items()}
    found |= {f"{key}_j": sums(spans, "energy_nj", kinds, 1e-9) for key, kinds in ENERGIES.items()}
    found["accuracy_first"], found["accuracy_last"] = first_and_last(run.metrics, "accuracy")
    first, last = first_and_last(run.metrics, "reward_weighted")
    found["reward_gain"] = last - first
    return found


COUNTED = frozenset({*FATES, "up_bytes", "down_bytes", "handovers"}) | {
    field.key for field in FIELDS if field.key.endswith(("_s", "_j"))
}


def client_rows(run: Run) -> list[dict[str, Any]]:
    """One row a client: column key to value; None where nothing is known, 0 where nothing happened."""
    described = {str(client.get("name")): client for client in described_clients(run)}
    numbers = measured(run)
    rows = []
    for name in client_names(run):
        found = {key: values[name].item() for key, values in numbers.items() if name in values.index}
        rows.append({**dict.fromkeys(COUNTED, 0), **described.get(name, {}), "name": name, **found})
    return rows


def cell(field: Field, row: Mapping[str, Any]) -> dict[str, Any]:
    """Text of one table cell, and the value it is sorted by."""
    value = row.get(field.key)
    number = quantities.is_number(value)
    shown = field.show(value) if number or field.show is text else (quantities.MISSING if value is None else str(value))
    return {"text": shown, "sort": value if number else str(value or ""), "number": number}


def totals(fields: Sequence[Field], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Texts of the table's last row."""
    found = []
    for field in fields:
        values = [row.get(field.key) for row in rows]
        numbers = [value for value in values if value is not None and quantities.is_number(value)]
        found.append(field.show(sum(numbers)) if field.total and numbers else "")
    return ["all", *found[1:]]


def spanning(fields: Iterable[Field]) -> list[dict[str, Any]]:
    """Group headings over their columns."""
    groups: list[dict[str, Any]] = []
    for field in fields:
        if groups and groups[-1]["title"] == field.group:
            groups[-1]["columns"] += 1
        else:
            groups.append({"title": field.group, "columns": 1})
    return groups


def columns(rows: Sequence[Mapping[str, Any]]) -> list[Field]:
    """The columns that say something: all but rare ones that are zero or unknown for all."""
    return [field for field in FIELDS if not field.rare or any(row.get(field.key) for row in rows)]


def build(rows: Sequence[Mapping[str, Any]], keys: Sequence[str] | None = None) -> dict[str, Any]:
    """The client table, or the part of it that ``keys`` names, ready for the template."""
    fields = [field for field in columns(rows) if keys is None or field.key in keys]
    return {
        "groups": spanning(fields),
        "titles": [{"title": field.title, "text": field.show is text} for field in fields],
        "rows": [[cell(field, row) for field in fields] for row in rows],
        "totals": totals(fields, rows),
    }

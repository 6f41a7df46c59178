"""A plan on the terminal: stages, rounds, clients, in seconds, bytes and joules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pwffsim.simulation.plan import Plan

_WIDTH = 110
"""Room for all usual columns, where the terminal is narrower or there is none."""
_SHOWN = 100
"""Rows of a table at most."""
_COLUMN = 10
"""Room for one that is there only now and then."""

Rows = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Entry:
    """A column: its title, the summary's value, what one unit of it is; ``rare`` ones are left out where all are 0."""

    title: str
    key: str
    unit: float = 1.0
    rare: bool = False


TRAFFIC = (Entry("up MB", "uplink_bytes", 1e6), Entry("down MB", "downlink_bytes", 1e6))
ENERGY = (
    Entry("tx J", "energy_tx_j"),
    Entry("rx J", "energy_rx_j", rare=True),
    Entry("compute J", "energy_compute_j"),
    Entry("waiting J", "energy_idle_j", rare=True),
)
STAGES = (
    Entry("from s", "start_s"),
    Entry("takes s", "duration_s"),
    Entry("rounds", "rounds"),
    Entry("s a round", "round_delay_mean_s"),
    Entry("slowest s", "round_delay_max_s"),
    Entry("handovers", "handovers", rare=True),
    *TRAFFIC,
    Entry("wires MB", "backhaul_bytes", 1e6, rare=True),
    *ENERGY,
)
CLIENTS = (
    Entry("compute s", "compute_s"),
    Entry("on air s", "upload_s"),
    Entry("again s", "retransmit_s"),
    Entry("queue s", "queue_s"),
    Entry("handovers", "handovers", rare=True),
    Entry("handover s", "handover_s", rare=True),
    Entry("idle s", "idle_s"),
    *TRAFFIC,
    *ENERGY,
)


def show(planned: Plan) -> None:
    """Print the plan as tables."""
    summary = planned.summary
    tables = (("stage", summary["stages"], STAGES), ("client", summary["clients"], CLIENTS))
    rare = max(sum(entry.rare for entry in _telling(rows, entries)) for _, rows, entries in tables)
    console = Console(width=max(Console().width, _WIDTH + _COLUMN * rare))
    for what, rows, entries in tables:
        console.print(table(what, dict(islice(rows.items(), _SHOWN)), entries))
        if len(rows) > _SHOWN:
            console.print(f"... and {len(rows) - _SHOWN} more {what}s: take --json for all of them\n")
    last, drained = _number(summary["finished_s"]), _number(summary["drained_s"])
    console.print(f"last aggregation at {last} s, last client done at {drained} s")
    console.print(f"network fingerprint {planned.network_fingerprint}")


def table(what: str, rows: Rows, entries: Sequence[Entry]) -> Table:
    """A line a stage or client, a column an entry that says something.

    All lines are one row of the table, for rich takes a time over each cell; no cell holds a blank at which it might
    be broken, so they stay beside each other.
    """
    found, columns = Table(what, box=SIMPLE), _telling(rows, entries)
    for entry in columns:
        found.add_column(entry.title, justify="right")
    if rows:
        cells = (rows, *([_value(entry, row) for row in rows.values()] for entry in columns))
        found.add_row(*(Text("\n".join(lines)) for lines in cells))
    return found


def _telling(rows: Rows, entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if not entry.rare or any(row[entry.key] for row in rows.values())]


def _value(entry: Entry, row: Mapping[str, Any]) -> str:
    value = row[entry.key]
    return f"{value / entry.unit:.3f}" if entry in (*TRAFFIC, *ENERGY) else _number(value, entry.unit)


def _number(value: float | None, unit: float = 1.0) -> str:
    return "-" if value is None else f"{value / unit:.3f}".removesuffix(".000")

"""A plan on the terminal: stages, rounds, clients, in seconds, bytes and joules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from pwffsim.simulation.plan import Plan

_WIDTH = 110
"""Room for all columns, where the terminal is narrower or there is none."""


def show(planned: Plan) -> None:
    """Print the plan as tables."""
    console = Console(width=max(Console().width, _WIDTH))
    console.print(_stages(planned))
    console.print(_clients(planned))
    summary = planned.summary
    last, drained = _numbers(summary, "finished_s", "drained_s")
    console.print(f"last aggregation at {last} s, last client done at {drained} s")
    console.print(f"network fingerprint {planned.network_fingerprint}")


def _stages(planned: Plan) -> Table:
    table = Table("stage", box=SIMPLE)
    for name in ("from s", "takes s", "rounds", "s a round", "slowest s", "up MB", "down MB", "tx J", "compute J"):
        table.add_column(name, justify="right")
    for stage, row in planned.summary["stages"].items():
        table.add_row(
            stage,
            *_numbers(row, "start_s", "duration_s", "rounds", "round_delay_mean_s", "round_delay_max_s"),
            *_costs(row),
        )
    return table


def _clients(planned: Plan) -> Table:
    table = Table("client", box=SIMPLE)
    for name in ("compute s", "on air s", "again s", "queue s", "idle s", "up MB", "down MB", "tx J", "compute J"):
        table.add_column(name, justify="right")
    for client, row in planned.summary["clients"].items():
        table.add_row(
            client, *_numbers(row, "compute_s", "upload_s", "retransmit_s", "queue_s", "idle_s"), *_costs(row)
        )
    return table


def _costs(row: dict[str, Any]) -> Iterable[str]:
    up, down = row["uplink_bytes"] / 1e6, row["downlink_bytes"] / 1e6
    return (f"{up:.3f}", f"{down:.3f}", f"{row['energy_tx_j']:.3f}", f"{row['energy_compute_j']:.3f}")


def _numbers(row: dict[str, Any], *names: str) -> Iterable[str]:
    return ("-" if row[name] is None else f"{row[name]:.3f}".removesuffix(".000") for name in names)

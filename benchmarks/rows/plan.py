"""Plans: from the scenario's file to the printed tables, after imports, beside the seconds they may take."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.family import Family, Setting
from benchmarks.row import Row
from benchmarks.script import Failed, Figures, figures

_FULL = ((100, 200, "paper", 0.5), (100, 200, "packet", 0.5), (100, 200, "fluid", 0.5), (10_000, 100, "fluid", 60.0))
_BRIEF = ((10, 20, "packet", 0.5),)
"""Clients, rounds, radio (the paper's, or quickstart's at a fidelity), seconds."""
_RADIOS = {
    "paper": "the paper's radio",
    "packet": "packets, losses, downlink",
    "fluid": "the same at fluid fidelity",
}
_LARGE = 1000
"""With more clients than this, once is enough."""


def measure(setting: Setting) -> Iterator[Row]:
    """A row a scenario."""
    for clients, rounds, radio, limit_s in _BRIEF if setting.quick else _FULL:
        title = f"plan of {clients:,} clients x {rounds} rounds, {_RADIOS[radio]}"
        try:
            yield _row(title, _told(clients, rounds, radio, setting), clients * rounds, limit_s)
        except Failed as failure:
            yield Row.absent(title, str(failure))


def _told(clients: int, rounds: int, radio: str, setting: Setting) -> list[Figures]:
    command = [sys.executable, "-m", "benchmarks.plan_rate", str(clients), str(rounds), radio]
    return [figures(command, setting.limit_s) for _ in range(1 if clients > _LARGE else setting.repeats)]


def _row(title: str, told: list[Figures], client_rounds: int, limit_s: float) -> Row:
    samples = [figures["plan_s"] for figures in told]
    turns = min(figures["plan_s"] / figures["loop_s"] for figures in told) * 1e7 / client_rounds
    note = f"{1e6 * min(samples) / client_rounds:.1f} us a client-round, as long as {turns:.0f} turns of an empty loop"
    row = Row.alone(title, "s CPU", samples, note)
    return row.over("what it may take", samples, [limit_s] * len(samples)).aiming(1.0)


FAMILY = Family("plan", "plans of 100 clients x 200 rounds and of 10,000 x 100", measure)

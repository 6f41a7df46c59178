"""The engine: processor time an event beside a bare SimPy loop, and the share of engine and radio in a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from statistics import median

from benchmarks.family import Family, Setting
from benchmarks.row import Row, measured
from benchmarks.script import Figures, figures

_SHORT = ("stages.instruction.rounds=2", "stages.reward.rounds=1", "stages.alignment.rounds=1")
"""The quickstart's three stages, fewer rounds of each."""


def measure(setting: Setting) -> Iterator[Row]:
    """Events, and their share."""
    command = [sys.executable, "-m", "benchmarks.engine_share", *(f"--set={key}" for key in _SHORT)]
    told = [figures(command, setting.limit_s) for _ in range(setting.repeats)]
    world_us, loop_us = _an_event(told, "world_s"), _an_event(told, "simpy_s")
    rate = 1e6 / median(world_us)
    row = measured("an event of a run, with its radio and records", "us CPU", world_us, "SimPy timeout", loop_us)
    yield row.noting(f"{told[0]['events']} events, {rate:,.0f} a second")
    world_s, run_s = ([figures[name] for figures in told] for name in ("world_s", "run_s"))
    yield measured("engine, radio and records of a short quickstart", "s CPU", world_s, "the run", run_s)


def _an_event(told: list[Figures], name: str) -> list[float]:
    return [1e6 * figures[name] / figures["events"] for figures in told]


FAMILY = Family("engine", "events a second, and the engine's share in a run", measure)

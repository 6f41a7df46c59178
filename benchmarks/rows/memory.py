"""Memory of runs of many clients: it is bounded by workers, not by clients, whose states lie on disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.family import Family, Setting
from benchmarks.row import Row
from benchmarks.script import ROOT, Failed, figures

_SETTINGS = ("stages.reward=null", "stages.alignment=null", "stages.instruction.rounds=3")
_LIGHT = (
    "stages.instruction.local_steps=1",
    "stages.instruction.batch_size=2",
    "data.rows_per_client=8",
    "data.test_rows_per_client=4",
    "evaluation.every=3",
)
_LIMIT_MB = 4000.0


def _measure(setting: Setting) -> Iterator[Row]:
    for clients in (10, 100) if setting.quick else (10, 100, 1000):
        settings = [word for pair in (*_SETTINGS, *_LIGHT, f"clients={clients}") for word in ("--set", pair)]
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "benchmarks.one_run",
            ROOT / "scenarios/quickstart.yaml",
            *settings,
            "--memory",
        ]
        name = f"{clients} clients x 3 rounds of tiny"
        try:
            told = figures(command, setting.limit_s)
        except Failed as failure:
            yield Row.absent(name, str(failure))
            continue
        note = f"{told['run_s']:.0f} s"
        row = Row.alone(name, "MB at most", [told["peak_bytes"] / 1e6], note)
        yield row.over("4 GB", [told["peak_bytes"] / 1e6], [_LIMIT_MB]).aiming(1.0)


FAMILY = Family("memory", "peak memory of 10, 100 and 1,000 clients", _measure)

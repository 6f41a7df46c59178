"""A run of 20 clients with one worker and with two: seconds from the first event to the report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.family import Family, Setting
from benchmarks.row import Row
from benchmarks.script import ROOT, Failed, Figures, figures, in_turns

_ROUNDS = 30
_SETTINGS = ("clients=20", "stages.reward=null", "stages.alignment=null", "stages.instruction.local_steps=8")
_TWO_BY_ONE = 1 / 1.7
"""Two workers are to be 1.7 times as quick as one."""


def _measure(setting: Setting) -> Iterator[Row]:
    rounds = 1 if setting.quick else _ROUNDS
    scripts = {f"{n} workers": partial(_run, setting, n, rounds) for n in (1, 2)}
    found = in_turns(scripts, 1 if setting.quick else setting.repeats)
    one, two = found["1 workers"], found["2 workers"]
    for name, told in found.items():
        if isinstance(told, Failed):
            yield Row.absent(name, str(told))
    if isinstance(one, list) and isinstance(two, list):
        seconds = [[told["run_s"] for told in each] for each in (one, two)]
        same = len({str(told["fingerprints"]) for told in (*one, *two)}) == 1
        note = f"{rounds} rounds; fingerprints {'equal' if same else 'DIFFER'}"
        yield Row.alone("1 worker", "s a run", seconds[0], note)
        yield (
            Row.alone("2 workers", "s a run", seconds[1], note)
            .over("1 worker", seconds[1], seconds[0])
            .aiming(_TWO_BY_ONE)
        )


def _run(setting: Setting, workers: int, rounds: int) -> Figures:
    settings = [word for pair in (*_SETTINGS, f"stages.instruction.rounds={rounds}") for word in ("--set", pair)]
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "benchmarks.one_run",
        ROOT / "scenarios/quickstart.yaml",
        *settings,
    ]
    return figures([*command, "--workers", str(workers)], setting.limit_s)


FAMILY = Family("workers", "a run of 20 clients with one worker and with two", _measure)

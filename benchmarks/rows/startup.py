"""Start-up: processor seconds of commands that hardly do anything, beside the interpreter or the imports they need."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.family import Family, Setting
from benchmarks.row import Row, measured
from benchmarks.script import cpu_s

_PYTHON = (sys.executable, "-c", "pass")
_NUMERIC = (sys.executable, "-c", "import numpy, scipy.special, simpy, pandas, pydantic, yaml")
_HEAVY = (sys.executable, "-c", "import torch, peft, pandas; from transformers import GPT2LMHeadModel")

_SMALLEST = {
    "name": "smallest",
    "seed": 1,
    "clients": 1,
    "model": {"base": "tiny", "max_length": 16},
    "method": "vanilla_fl",
    "stages": {"instruction": {"rounds": 1, "local_steps": 1, "batch_size": 1}},
    "radio": {"preset": "paper", "mean_snr_db": 10, "bandwidth": "1 MHz", "tx_power": "1 W"},
}


def measure(setting: Setting) -> Iterator[Row]:
    """Help, validate, plan, run."""
    with TemporaryDirectory() as folder:
        scenario = Path(folder) / "smallest.yaml"
        scenario.write_text(json.dumps(_SMALLEST))
        for name, words, floor, least in _COMMANDS:
            yield _row(name, [word.replace("SCENARIO", str(scenario)) for word in words], floor, least, setting)


_LIGHT = "numpy, scipy, simpy, pandas, pydantic"
_COMMANDS = (
    ("pwffsim --help", ("--help",), "python", _PYTHON),
    ("pwffsim validate", ("validate", "SCENARIO"), _LIGHT, _NUMERIC),
    ("pwffsim plan", ("plan", "SCENARIO"), _LIGHT, _NUMERIC),
    ("pwffsim run of one step", ("run", "SCENARIO", "--out", "OUT"), "torch, transformers, peft", _HEAVY),
)
"""Name, arguments, floor. A run keeps its store beside its run directory."""


def _row(name: str, words: list[str], floor: str, least: tuple[str, ...], setting: Setting) -> Row:
    pairs = [(_cpu_s(words, setting), cpu_s(least, setting.limit_s)) for _ in range(setting.repeats)]
    return measured(name, "s CPU", [ours for ours, _ in pairs], floor, [floor_s for _, floor_s in pairs])


def _cpu_s(words: list[str], setting: Setting) -> float:
    """Of a command; what it writes is kept nowhere, so that every run begins with an empty store."""
    with TemporaryDirectory() as folder:
        own = [word.replace("OUT", f"{folder}/run") for word in words]
        return cpu_s([sys.executable, "-m", "pwffsim", *own], setting.limit_s)


FAMILY = Family("startup", "commands that hardly do anything", measure)

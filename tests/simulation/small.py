"""Small scenarios of all three stages on the shipped base, and how to run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pwffsim.scenario.loader import load
from pwffsim.simulation.preparation import Prepared, prepare
from pwffsim.simulation.run import Outcome, run

ROOT = Path(__file__).parents[2]

SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 5,
    "clients": 3,
    "model": {"base": "tiny", "max_length": 64},
    "data": {
        "rows_per_client": 24,
        "test_rows_per_client": 8,
        "pairs_per_client": 12,
        "test_pairs_per_client": 8,
        "prompts_per_client": 12,
        "test_prompts_per_client": 4,
        "global_test_rows": 8,
    },
    "stages": {
        "instruction": {"rounds": 2, "local_steps": 2, "batch_size": 4},
        "reward": {"rounds": 2, "local_steps": 2, "batch_size": 4},
        "alignment": {"rounds": 2, "batch_size": 4, "max_new_tokens": 8},
    },
}
CALM = {"fading": {"model": "none"}, "packets": "fluid", "downlink": {"ideal": True}}


def scenario_file(folder: Path, **changes: Any) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return path


def prepared(folder: Path, **changes: Any) -> Prepared:
    return prepare(load(scenario_file(folder, **changes)))


@contextmanager
def unwatched(*_: Any) -> Iterator[None]:
    yield


def play(folder: Path, store: Path | None = None, **changes: Any) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    return run(prepared(folder, **changes), folder / "run", store or folder / "store", unwatched)


def command(*words: str, hash_seed: str = "0", **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-m", "pwffsim", *words]
    return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, env=environment, **options)

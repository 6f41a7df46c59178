"""A scenario of one short stage, and points of it."""

from __future__ import annotations

from pathlib import Path

import yaml

from pwffsim.studies.outcome import Outcome
from pwffsim.studies.point import PLAN, RUN, Point, grid

SCENARIO = {
    "name": "short",
    "clients": 2,
    "model": {"base": "tiny", "max_length": 64},
    "data": {"rows_per_client": 8, "test_rows_per_client": 4, "global_test_rows": 4},
    "stages": {"instruction": {"rounds": 1, "local_steps": 1, "batch_size": 2}},
}
METHODS = {"pwff": ("method=pwff",), "local_only": ("method=local_only",)}


def scenario(folder: Path, **changes: object) -> Path:
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump({**SCENARIO, **changes}))
    return path


def points(
    path: Path, kind: str = RUN, seeds: tuple[int, ...] = (1,), common: tuple[str, ...] = ()
) -> tuple[Point, ...]:
    return grid(path, {"method": METHODS}, seeds, kind, common, study="short")


def plans(path: Path, seeds: tuple[int, ...] = (1, 2)) -> tuple[Point, ...]:
    return points(path, PLAN, seeds)


def untold(_: object) -> None:
    """No progress is shown."""


def statuses(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [outcome.ending.status for outcome in outcomes]

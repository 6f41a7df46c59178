"""A point of a study: one scenario, changed in what its labels say, under one seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

RUN, PLAN = "run", "plan"

Labels = tuple[tuple[str, str], ...]
"""Axis and name on it, axis by axis."""


@dataclass(frozen=True)
class Point:
    """One scenario under one seed.

    Attributes:
        labels: what the point is called on each axis of its study.
        scenario: the file.
        overrides: what differs from the file, as ``key=value``; the seed is none of them.
        seed: root of all randomness.
        kind: "run", or "plan" where nothing is trained.
    """

    labels: Labels
    scenario: Path
    overrides: tuple[str, ...]
    seed: int
    kind: str = RUN

    @property
    def arguments(self) -> tuple[str, ...]:
        """All that differs from the file."""
        return (*self.overrides, f"seed={self.seed}")

    @property
    def kinship(self) -> tuple[str, int]:
        """Points that are alike in this may share training."""
        return str(self.scenario), self.seed

    def __str__(self) -> str:
        return " ".join([*(name for _, name in self.labels), f"seed {self.seed}"])


Axis = Mapping[str, Sequence[str]]
"""Name on the axis -> the overrides that it stands for."""


def grid(
    scenario: Path,
    axes: Mapping[str, Axis],
    seeds: Sequence[int],
    kind: str = RUN,
    common: tuple[str, ...] = (),
    **labels: str,
) -> tuple[Point, ...]:
    """Every combination of names on the axes, under every seed; points of one seed stand together.

    Args:
        scenario: the file that all start from.
        axes: axis -> name -> overrides; those of a later axis are applied after those of an earlier one.
        seeds: every combination is run with each.
        kind: "run" or "plan".
        common: overrides of all points, applied first.
        labels: what all points are called besides.
    """
    names, choices = tuple(axes), [list(axis) for axis in axes.values()]
    return tuple(
        Point(
            (*labels.items(), *zip(names, chosen, strict=True)),
            scenario,
            (*common, *(each for axis, name in zip(names, chosen, strict=True) for each in axes[axis][name])),
            seed,
            kind,
        )
        for seed in seeds
        for chosen in product(*choices)
    )

"""Families of rows: what one file of ``benchmarks/rows`` offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.row import Row


@dataclass(frozen=True)
class Setting:
    """How to measure.

    Attributes:
        repeats: how often everything is measured, in turns.
        quick: less of everything, to see that it works; the numbers mean little.
        cache: folder of environments and tasks.
        limit_s: longest that a script may take.
        tell: says what is going on.
    """

    repeats: int
    quick: bool
    cache: Path
    limit_s: float
    tell: Callable[[str], None]


@dataclass(frozen=True)
class Family:
    """Rows that are measured together.

    Attributes:
        name: for ``--only``.
        summary: what they show.
        measure: yields the rows as they come.
    """

    name: str
    summary: str
    measure: Callable[[Setting], Iterator[Row]]

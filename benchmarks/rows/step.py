"""A local step of one client against the rate of the machine's matrix products: how much there is to gain at all.

The example of a family: a script that prints a line of JSON, repeated by the harness, and a row of its figures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.family import Family, Setting
from benchmarks.row import Row, measured
from benchmarks.script import Figures, figures

_NAMES = {"stock": "MKL", "tuned": "oneDNN"}


def measure(setting: Setting) -> Iterator[Row]:
    """A row for each form of the step."""
    command = [sys.executable, "-m", "benchmarks.step_rate"]
    told = [figures(command, setting.limit_s) for _ in range(setting.repeats)]
    yield from (_row(numerics, library, told) for numerics, library in _NAMES.items())


def _row(numerics: str, library: str, told: list[Figures]) -> Row:
    steps_ms = [1e3 * figures[f"{numerics}_s"] for figures in told]
    least_ms = [1e3 * figures["operations"] / figures[f"{numerics}_flops"] for figures in told]
    rate = max(figures[f"{numerics}_flops"] for figures in told) / 1e9
    floor = f"{told[0]['operations'] / 1e9:.2f} Gflop at {rate:.0f} Gflop/s fp32 by {library}"
    return measured(f"local step of 4 x 40 tokens, {numerics}", "ms CPU", steps_ms, floor, least_ms)


FAMILY = Family("step", "a local step against the machine's matrix products", measure)

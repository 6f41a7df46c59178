"""The table, as text and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.row import Row, Spread

_HEAD = ("what", "costs", "floor", "ratio", "aim", "note")


def text(families: Mapping[str, Sequence[Row]]) -> str:
    """A Markdown table a family."""
    return "\n\n".join(f"## {name}\n\n{_table(rows)}" for name, rows in families.items() if rows)


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def _table(rows: Sequence[Row]) -> str:
    lines = [_HEAD, ("---",) * len(_HEAD), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    floor = f"{row.floor_name}: {_spread(row.floor, row.unit)}" if row.floor else ""
    return row.name, _spread(row.value, row.unit), floor, _spread(row.ratio, "x"), _aim(row), row.note


def _spread(spread: Spread | None, unit: str) -> str:
    """Median and range, to three digits."""
    if spread is None:
        return ""
    gap = "" if unit == "x" else " "
    around = "" if spread.low == spread.high else f" ({_number(spread.low)} .. {_number(spread.high)})"
    return f"{_number(spread.median)}{gap}{unit}{around}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _aim(row: Row) -> str:
    if row.at_most is None:
        return ""
    return f"<= {row.at_most:g}x {'met' if row.met else 'missed'}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as opened:
            return next(line.partition(":")[2].strip() for line in opened if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()

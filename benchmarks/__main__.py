"""One command that measures and prints the table of ratios.

python -m benchmarks [--only FAMILY ...] [--repeats 3] [--quick] [--json OUT] [--cache DIR]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import table
from benchmarks.family import Family, Setting
from benchmarks.row import Row
from benchmarks.rows import families


def main() -> None:
    """Measure, print, write."""
    asked = _arguments()
    setting = Setting(asked.repeats, asked.quick, asked.cache, asked.limit_s, _tell)
    asked.cache.mkdir(parents=True, exist_ok=True)
    about, found = {**table.machine(), "repeats": asked.repeats, "quick": asked.quick}, dict[str, list[Row]]()
    for name in asked.only or families():
        found[name] = list(_rows(families()[name], setting))
        _write(asked.json, about, found)
    print(table.text(found))


def _rows(family: Family, setting: Setting) -> Iterator[Row]:
    """The rows of a family as far as they come; one that breaks leaves a row that says so."""
    begun_s = time.perf_counter()
    try:
        for row in family.measure(setting):
            _tell(f"{family.name}: {row.name}")
            yield row
    except Exception as error:
        yield Row.absent(family.name, f"{type(error).__name__}: {error}")
    _tell(f"{family.name} took {time.perf_counter() - begun_s:.0f} s")


def _write(path: Path, about: dict[str, object], found: dict[str, list[Row]]) -> None:
    rows = {name: [row.to_json() for row in rows] for name, rows in found.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")


def _tell(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = families()
    parser.epilog = "families:\n" + "\n".join(f"  {name:12}{family.summary}" for name, family in known.items())
    parser.add_argument("--only", nargs="+", choices=known, metavar="FAMILY", help="these families (default: all)")
    parser.add_argument("--repeats", type=_positive, default=3, help="how often everything is measured (default: 3)")
    parser.add_argument("--quick", action="store_true", help="less of everything: shows that it works")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks.json"), help="where the figures go")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/pwffsim-benchmarks", help="environments")
    parser.add_argument("--limit-s", type=float, default=300.0, help="longest that a script may take (default: 300)")
    return parser.parse_args()


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    main()

"""``pwffsim report RUN``: write report.html anew."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory, for instance runs/latest")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="where to write (default: report.html in the run directory)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out."""
    from pwffsim.runs.load import load
    from reports import html

    print(html.write(load(arguments.run), arguments.out or arguments.run / "report.html"))
    return 0

"""``pwffsim paper``: the paper's grid, its figures, and a verdict on each of its claims."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pwffsim.paper.document import Document

_OUT = Path("runs") / "paper"
_SAID = (3, 4)
"""Columns that are printed: code, claim, verdict; preset and savings. The rest is in the report."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--quick", action="store_true", help="two seeds and fewer rounds, for a first look")
    parser.add_argument("--out", type=Path, default=_OUT, metavar="DIR", help=f"folder of the study ({_OUT})")
    parser.add_argument("--workers", type=_workers, default=0, metavar="N", help="points at once (one a core)")
    parser.add_argument(
        "--scenarios",
        type=Path,
        default=None,
        metavar="DIR",
        help="presets tiny_*.yaml and paper_*.yaml (scenarios/paper)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out; points that failed are listed in the report and make no other exit code."""
    from pwffsim.commands.backend import cores
    from pwffsim.commands.study_progress import StudyProgress
    from pwffsim.paper.grid import FULL, QUICK, SCENARIOS, points
    from pwffsim.paper.report import report
    from pwffsim.simulation import interruption
    from pwffsim.studies.series import carry_out

    interruption.listen()
    asked = points(arguments.scenarios or SCENARIOS, QUICK if arguments.quick else FULL)
    with StudyProgress() as progress:
        outcomes = carry_out(asked, arguments.out, arguments.workers or cores(), progress.tell)
    _say(report(outcomes, arguments.out))
    for outcome in outcomes:
        if not outcome.done:
            print(f"{outcome.point}: {outcome.ending.status}: {outcome.ending.message}", file=sys.stderr)
    print(f"report: {arguments.out / 'paper.html'}")
    return 0


def _say(document: Document) -> None:
    """The verdicts and the savings."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for section, columns in zip(document.sections[:2], _SAID, strict=True):
        first = section.tables[0]
        shown = Table(*first.head[:columns], box=SIMPLE, title=first.title, title_justify="left")
        for row in first.rows:
            shown.add_row(*row[:columns])
        console.print(shown)


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)

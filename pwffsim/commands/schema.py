"""``pwffsim schema``: the JSON Schema of scenarios."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "print the JSON Schema of scenarios, for editors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to a file instead of the terminal")


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out."""
    from pwffsim.scenario.json_schema import text

    if arguments.out is None:
        sys.stdout.write(text())
    else:
        arguments.out.write_text(text(), encoding="utf-8")
    return 0

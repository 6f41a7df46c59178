"""``pwffsim run SCENARIO``: run it, record it, report it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pwffsim.commands.arguments import add_scenario
from pwffsim.commands.backend import add_backend, backend_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_scenario(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="run directory (default: a new one below runs/)")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="training results shared by runs (default: store beside it)"
    )
    add_backend(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out."""
    from pwffsim.scenario.loader import load
    from pwffsim.simulation import interruption

    interruption.listen()
    loaded = load(arguments.scenario, arguments.set)

    from pwffsim.commands.progress import Progress
    from pwffsim.simulation.preparation import prepare
    from pwffsim.simulation.run import run as play

    prepared = prepare(loaded)
    backend = backend_of(arguments, prepared.blueprint.policy.width)
    outcome = play(prepared, arguments.out, arguments.store, Progress, backend)
    if outcome.message:
        print(f"pwffsim: {outcome.message}", file=sys.stderr)
    print(f"run directory: {outcome.path}")
    print(f"report: {outcome.path / 'report.html'}")
    return outcome.code

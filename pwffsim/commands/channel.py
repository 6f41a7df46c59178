"""``pwffsim channel SCENARIO``: what a radio engineer checks first. Nothing is trained, and the world does not run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pwffsim.commands.arguments import add_scenario

if TYPE_CHECKING:
    from pwffsim.survey.survey import Effort

_PICTURES = (".html", ".svg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_scenario(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--out", type=_picture, metavar="FILE", help="also draw it: a page (.html) or a picture (.svg)")
    parser.add_argument(
        "--transfers", type=_count, default=200, metavar="N", help="simulated for each client and payload"
    )
    parser.add_argument(
        "--blocks", type=_count, default=4000, metavar="N", help="blocks of fading drawn for each client"
    )
    parser.add_argument("--clients", type=_count, default=16, metavar="N", help="clients looked at, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the times at which transfers start")
    parser.add_argument("--window", type=_seconds, metavar="S", help="simulated seconds looked at, for what moves")
    parser.add_argument("--bytes", type=_count, metavar="N", help="payload of every transfer, in place of the method's")


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out."""
    import json

    from pwffsim.scenario.loader import load
    from pwffsim.survey.document import document
    from pwffsim.survey.doubts import doubts
    from pwffsim.survey.survey import survey

    seen = survey(load(arguments.scenario, arguments.set).scenario, _effort(arguments))
    found = doubts(seen)
    if arguments.out is not None:
        from pwffsim.survey.page import write

        write(seen, found, arguments.out)
    if arguments.json:
        print(json.dumps(document(seen, found), indent=2, allow_nan=False))
        return 0
    from pwffsim.survey.tables import show

    show(seen, found)
    return 0


def _effort(arguments: argparse.Namespace) -> Effort:
    from pwffsim.survey.survey import Effort

    return Effort(
        transfers=arguments.transfers,
        blocks=arguments.blocks,
        clients=arguments.clients,
        seed=arguments.seed,
        window_s=arguments.window,
        payload_bytes=arguments.bytes,
    )


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix not in _PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} must end in {' or '.join(_PICTURES)}")
    return path


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value

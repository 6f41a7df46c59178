"""``pwffsim pretrain``: make a base model, the paper's centralised first phase."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pwffsim.exit_codes import Exit

_SHAPE = ("layers", "width", "heads", "positions", "vocabulary")
_SCHEDULE = ("steps", "rows", "batch_size", "max_length")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command; what is left out is as for the shipped model."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the model: new or empty")
    parser.add_argument("--seed", type=int, default=0, help="root of all randomness")
    parser.add_argument(
        "--corpus", nargs="+", default=[], metavar="FILE", help="text files or Alpaca-format JSONL (default: embedded)"
    )
    parser.add_argument("--learning-rate", type=float, help="peak learning rate")
    for name in (*_SHAPE, *_SCHEDULE):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N")


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out."""
    import json

    from pwffsim.learning.pretrain import Architecture, pretrain

    given = {name: value for name, value in vars(arguments).items() if value is not None}
    schedule = {name: given[name] for name in (*_SCHEDULE, "learning_rate") if name in given}
    try:
        shape = Architecture(**{name: given[name] for name in _SHAPE if name in given})
    except ValueError as error:
        print(f"pwffsim: {error}", file=sys.stderr)
        return Exit.INVALID
    print(json.dumps(pretrain(arguments.out, arguments.seed, architecture=shape, corpus=arguments.corpus, **schedule)))
    return 0

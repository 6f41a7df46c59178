"""``pwffsim pretrain``: make a base model, the paper's centralised first phase."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the model; must not exist yet"
    )
    parser.add_argument("--seed", type=int, default=0, help="root of all randomness")


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out."""
    from pwffsim.learning.pretrain import pretrain

    print(pretrain(arguments.out, seed=arguments.seed))
    return 0

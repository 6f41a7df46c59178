"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """The scenario file and its overrides."""
    parser.add_argument("scenario", type=Path, metavar="SCENARIO", help="scenario file (YAML)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a key, for instance radio.mean_snr_db=10; may be repeated",
    )

"""``pwffsim plan SCENARIO``: what will happen when, in how many bytes and joules. Nothing is trained."""

from __future__ import annotations

import argparse

from pwffsim.commands.arguments import add_scenario


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_scenario(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out."""
    import gc
    import json

    from pwffsim.scenario.loader import load
    from pwffsim.simulation.plan import plan
    from pwffsim.simulation.preparation import prepare_plan

    gc.freeze()  # imports are never garbage: the first full collection takes 60 ms less
    planned = plan(prepare_plan(load(arguments.scenario, arguments.set)))
    if arguments.json:
        print(json.dumps({**planned.summary, "fingerprints": {"network": planned.network_fingerprint}}, indent=2))
        return 0
    from pwffsim.commands.timetable import show

    show(planned)
    return 0

"""``pwffsim validate SCENARIO``: everything that is wrong with a scenario, or a short digest of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pwffsim.commands.arguments import add_scenario

if TYPE_CHECKING:
    from pwffsim.scenario import LoadedScenario, Scenario

HELP = "check a scenario and say everything that is wrong with it"
_INVALID = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_scenario(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out; 0 for a valid scenario, 2 for one with errors, which go to stderr."""
    from pwffsim.scenario import ScenarioErrors, load

    try:
        loaded = load(arguments.scenario, arguments.set)
    except ScenarioErrors as errors:
        count = len(errors.problems)
        print(errors.render(), file=sys.stderr)
        print(f"{arguments.scenario}: {count} error{'s' if count > 1 else ''}", file=sys.stderr)
        return _INVALID
    print("\n".join(_digest(loaded)))
    return 0


def _digest(loaded: LoadedScenario) -> Iterator[str]:
    scenario = loaded.scenario
    yield f"ok: {scenario.name} ({loaded.path}), sha256 {loaded.sha256[:12]}"
    idle = sum(override.idle for override in scenario.clients.overrides)
    yield f"  clients: {scenario.clients.count}{f', {idle} of them idle' if idle else ''}; method {scenario.method}"
    yield from _stages(scenario)
    yield f"  radio: preset {scenario.radio.preset}, {scenario.radio.bandwidth_hz:g} Hz, {scenario.radio.sharing}"


def _stages(scenario: Scenario) -> Iterator[str]:
    from pwffsim.scenario.payloads import upload_bytes

    sizes = upload_bytes(scenario)
    for name in ("instruction", "reward", "alignment"):
        settings = getattr(scenario.stages, name)
        if settings is not None:
            size = "known once the model is here" if sizes is None else _span(sizes[name])
            yield f"  {name}: {settings.rounds} rounds of {settings.local_steps} steps; upload {size}"


def _span(sizes: list[int]) -> str:
    """One size, or the smallest and the largest of the tiers."""
    low, high = min(sizes), max(sizes)
    return f"{low:,} bytes" if low == high else f"{low:,} to {high:,} bytes by tier"

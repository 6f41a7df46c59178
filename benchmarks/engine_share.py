"""What engine and radio cost of a run: the world without training, the same world with it, and a bare SimPy loop.

    python -m benchmarks.engine_share [SCENARIO] [--set KEY=VALUE] ...

All in one process; the training world begins with an empty store. The loop waits as often as the world has events.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import simpy

from pwffsim.compute.backend import Backend
from pwffsim.compute.dry import DryCompute
from pwffsim.compute.recipe import Compute
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.scenario.loader import load
from pwffsim.simulation.fusion import fusion
from pwffsim.simulation.preparation import Prepared, prepare
from pwffsim.world.world import World


def played(prepared: Prepared, compute: Compute) -> tuple[float, World, str]:
    """Processor seconds of the world over a compute back-end, the world, and the network fingerprint."""
    recorder, begun = MemoryRecorder(), time.process_time()
    world = World(prepared.blueprint, compute, recorder)
    world.run()
    return time.process_time() - begun, world, recorder.fingerprints["network"]


def trained(prepared: Prepared) -> tuple[float, str]:
    """Processor seconds of the world with its training, and the network fingerprint."""
    with tempfile.TemporaryDirectory() as folder:
        compute = Backend().scheduler(Path(folder), fusion(prepared.blueprint), lambda: None)
        seconds, _, fingerprint = played(prepared, compute)
        compute.close()
    return seconds, fingerprint


def simpy_loop(events: int) -> float:
    """Processor seconds of a SimPy process that waits so often."""
    env, begun = simpy.Environment(), time.process_time()
    env.run(env.process(_waiting(env, events)))
    return time.process_time() - begun


def _waiting(env: simpy.Environment, events: int) -> Generator[Any, Any, None]:
    for _ in range(events):
        yield env.timeout(1)


def main() -> None:
    """Print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="scenarios/quickstart.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides of the scenario")
    asked = parser.parse_args()
    prepared = prepare(load(asked.scenario, asked.set))
    played(prepared, DryCompute())
    world_s, world, planned = played(prepared, DryCompute())
    run_s, ran = trained(prepared)
    assert planned == ran, "the plan must be the run's timeline"
    events = world.kernel.events
    told = {"events": events, "world_s": world_s, "simpy_s": simpy_loop(events), "run_s": run_s}
    print(json.dumps(told | {"share": world_s / run_s}))


if __name__ == "__main__":
    main()

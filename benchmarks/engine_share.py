"""What engine and radio cost of a run: the world without training against the world with it, side by side.

    python benchmarks/engine_share.py [SCENARIO]

Both play the same scenario in one process; the second trains, with an empty store.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from pwffsim.compute.dry import DryCompute
from pwffsim.compute.recipe import Compute
from pwffsim.compute.serial import SerialCompute
from pwffsim.compute.store import Store
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.scenario.loader import load
from pwffsim.simulation.preparation import Prepared, prepare
from pwffsim.world.world import World


def seconds_of(prepared: Prepared, compute: Compute) -> tuple[float, str]:
    """Wall seconds of the world over a compute back-end, and the network fingerprint."""
    recorder, begun = MemoryRecorder(), time.perf_counter()
    World(prepared.blueprint, compute, recorder).run()
    return time.perf_counter() - begun, recorder.fingerprints["network"]


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="scenarios/quickstart.yaml")
    prepared = prepare(load(parser.parse_args().scenario))
    seconds_of(prepared, DryCompute())
    dry_s, planned = seconds_of(prepared, DryCompute())
    with tempfile.TemporaryDirectory() as folder:
        trained_s, ran = seconds_of(prepared, SerialCompute(Store(Path(folder)), lambda: None))
    assert planned == ran, "the plan must be the run's timeline"
    told = {"engine_and_radio_s": round(dry_s, 3), "run_s": round(trained_s, 1), "share": round(dry_s / trained_s, 5)}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()

"""One run of a scenario in a process of its own, as JSON: seconds, memory of all processes, recipes, fingerprints.

python -m benchmarks.one_run SCENARIO [--set KEY=VALUE ...] [--workers N] [--executor NAME] [--store DIR] [--memory]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import psutil

from pwffsim.commands.backend import add_backend, backend_of
from pwffsim.scenario.loader import load
from pwffsim.simulation.preparation import prepare
from pwffsim.simulation.run import run


class Watch:
    """Notes when the world starts: libraries are loaded and workers are called by then."""

    begun_s = 0.0

    @contextmanager
    def __call__(self, world: Any, compute: Any) -> Iterator[None]:
        self.begun_s = time.perf_counter()
        yield


def main() -> None:
    """Run once, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--store", type=Path)
    parser.add_argument("--memory", action="store_true", help="look at memory all the time, which slows the run")
    add_backend(parser)
    given = parser.parse_args()
    with TemporaryDirectory() as folder, memory_watched() if given.memory else nullcontext([0]) as peak:
        told = figures(given, Path(folder))
    print(json.dumps({**told, "peak_bytes": peak[0]}), flush=True)


def figures(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Play a scenario out.

    Raises:
        RuntimeError: when the run does not end well.
    """
    watch, called_s = Watch(), time.perf_counter()
    prepared = prepare(load(given.scenario, given.set))
    prepared_s = time.perf_counter()
    backend = backend_of(given, prepared.blueprint.policy.width)
    outcome = run(prepared, folder / "run", given.store or folder / "store", watch, backend)
    ended_s = time.perf_counter()
    if outcome.message:
        raise RuntimeError(outcome.message)
    manifest = json.loads((outcome.path / "manifest.json").read_text())
    return {
        "prepare_s": prepared_s - called_s,
        "setup_s": watch.begun_s - prepared_s,
        "run_s": ended_s - watch.begun_s,
        "recipes": manifest["recipes"],
        "fingerprints": manifest["fingerprints"],
    }


@contextmanager
def memory_watched(every_s: float = 0.05) -> Iterator[list[int]]:
    """A list whose one entry is the largest memory so far of this process and its children together (PSS, bytes)."""
    peak, over = [0], Event()

    def watch() -> None:
        while not over.wait(every_s):
            peak[0] = max(peak[0], _family_bytes())

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _family_bytes() -> int:
    own = psutil.Process()
    return sum(_bytes(process) for process in (own, *own.children(recursive=True)))


def _bytes(process: psutil.Process) -> int:
    """Pages that processes share count once."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


if __name__ == "__main__":
    main()

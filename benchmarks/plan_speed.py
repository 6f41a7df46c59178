"""How long a plan takes: `pwffsim plan`, from the scenario's file to the printed tables, without imports and training.

    python -m benchmarks.plan_speed              100 clients x 200 rounds, packet and fluid fidelity
    python -m benchmarks.plan_speed --large      and 10,000 clients x 100 rounds at fluid fidelity (5 GB of memory)

The scenario is scenarios/quickstart.yaml with the instruction stage alone: a private band for every client in both
directions, Rayleigh blocks of 50 ms, outage, three repeats. Each row is the least CPU time of its repeats on one
thread, divided into parts; ``loop`` is the CPU time of ten million turns of an empty Python loop, by which machines may
be compared. ``events`` has the world of events play the same scenario (and checks that the fingerprints agree).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pandas  # noqa: F401 - plans are timed after imports
import pyarrow.compute  # noqa: F401

from pwffsim.commands.timetable import show
from pwffsim.compute.dry import DryCompute
from pwffsim.runs.laws import check
from pwffsim.runs.pages import PageRecorder
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.runs.summary import summarise
from pwffsim.scenario.loader import load
from pwffsim.simulation.assumptions import assumptions
from pwffsim.simulation.plan import Plan
from pwffsim.simulation.preparation import prepare_plan
from pwffsim.simulation.run import physics
from pwffsim.world.abreast.world import AbreastWorld
from pwffsim.world.world import World

SCENARIO = Path(__file__).parents[1] / "scenarios" / "quickstart.yaml"
"""Packets, losses, repeats, and a downlink."""

PAPER = SCENARIO.parent / "paper" / "tiny_consistent.yaml"
"""The paper's radio: a fluid that loses nothing, and no downlink."""

_TURNS = 10_000_000


class Laps:
    """CPU seconds by part."""

    def __init__(self) -> None:
        self.parts_s: dict[str, float] = {}
        self._last_s = process_time()

    def __call__(self, part: str) -> None:
        now_s = process_time()
        self.parts_s[part] = now_s - self._last_s
        self._last_s = now_s

    @property
    def total_s(self) -> float:
        """All parts."""
        return sum(self.parts_s.values())


def overrides(clients: int, rounds: int, fidelity: str) -> list[str]:
    """What the scenario is, beside quickstart."""
    return [*sizes(clients, rounds), f"radio.fidelity={fidelity}"]


def sizes(clients: int, rounds: int) -> list[str]:
    """The instruction stage alone, on devices that take time."""
    return [f"clients={clients}", f"stages={{instruction: {{rounds: {rounds}}}}}", "devices.compute_time=declared"]


def plan_in_parts(changes: list[str], scenario: Path = SCENARIO) -> tuple[Laps, str]:
    """What `pwffsim plan` does, lap by lap, and the network fingerprint."""
    lap = Laps()
    loaded = load(scenario, changes)
    prepared = prepare_plan(loaded)
    lap("prepare")
    recorder = PageRecorder()
    AbreastWorld(prepared.blueprint, recorder).run()
    lap("world")
    book = recorder.close()
    run, fingerprint = book.run(physics(prepared.blueprint), loaded.resolved), book.network_fingerprint()
    lap("records")
    check(run)
    lap("laws")
    planned = Plan(run, summarise(run), assumptions(prepared), fingerprint)
    lap("summary")
    with contextlib.redirect_stdout(io.StringIO()):
        show(planned)
    lap("print")
    return lap, fingerprint


def warm_up(fidelity: str) -> None:
    """A small plan, so that everything is imported, and left out of garbage collections as ``pwffsim plan`` does."""
    plan_in_parts(overrides(2, 1, fidelity))
    gc.collect()
    gc.freeze()


def by_events(changes: list[str]) -> tuple[float, str]:
    """CPU seconds of the world of events alone, and its network fingerprint."""
    prepared, recorder = prepare_plan(load(SCENARIO, changes)), MemoryRecorder()
    begun_s = process_time()
    World(prepared.blueprint, DryCompute(), recorder).run()
    return process_time() - begun_s, recorder.fingerprints["network"]


def empty_loop_s() -> float:
    """CPU seconds of ten million turns."""
    begun_s = process_time()
    for _ in range(_TURNS):
        pass
    return process_time() - begun_s


def best(measure: Callable[[], tuple[Laps, str]], repeats: int) -> tuple[Laps, str]:
    """The quickest of some repeats."""
    return min((measure() for _ in range(repeats)), key=lambda found: found[0].total_s)


def rows(large: bool) -> Iterator[tuple[int, int, str]]:
    """Clients, rounds, fidelity."""
    yield from ((100, 200, "packet"), (100, 200, "fluid"))
    if large:
        yield 10_000, 100, "fluid"


def main(arguments: list[str] | None = None) -> None:
    """Print a line a scenario."""
    options = parse(arguments)
    warm_up("packet")
    print(f"loop {empty_loop_s():.3f} s")
    for clients, rounds, fidelity in rows(options.large):
        changes = overrides(clients, rounds, fidelity)
        repeats = 1 if clients > 1000 else options.repeats
        lap, fingerprint = best(lambda changes=changes: plan_in_parts(changes), repeats)  # type: ignore[misc]
        parts = "  ".join(f"{part} {part_s:.3f}" for part, part_s in lap.parts_s.items())
        print(f"{clients} x {rounds} {fidelity}: {lap.total_s:.3f} s  ({parts})  {fingerprint}")
        if options.events and clients <= 1000:
            played_s, expected = by_events(changes)
            assert fingerprint == expected, f"the world of events has fingerprint {expected}"
            print(f"    by events {played_s:.3f} s, {played_s / lap.parts_s['world']:.1f} times the world's")


def parse(arguments: list[str] | None) -> Any:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="10,000 clients x 100 rounds too")
    parser.add_argument("--events", action="store_true", help="play the smaller ones by events too")
    parser.add_argument("--repeats", type=int, default=5, help="of the smaller ones")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

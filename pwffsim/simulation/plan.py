"""A plan: the same world over a compute back-end that trains nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pwffsim.compute.dry import DryCompute
from pwffsim.runs.laws import check
from pwffsim.runs.load import Run
from pwffsim.runs.pages import PageRecorder
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.runs.summary import summarise
from pwffsim.simulation.assumptions import assumptions
from pwffsim.simulation.preparation import Prepared
from pwffsim.simulation.run import physics
from pwffsim.world.abreast.terms import NotAbreastError
from pwffsim.world.abreast.world import AbreastWorld
from pwffsim.world.world import World


@dataclass(frozen=True)
class Plan:
    """What will happen.

    Attributes:
        run: the records, as of a run.
        summary: totals, with units in the names.
        assumptions: what the durations rest on.
        network_fingerprint: of the timeline; a run of the same scenario has the same.
    """

    run: Run
    summary: dict[str, Any]
    assumptions: list[dict[str, Any]]
    network_fingerprint: str


def plan(prepared: Prepared) -> Plan:
    """Play a scenario out without training.

    Where clients never meet, rounds are told as vectors over clients; elsewhere the world of events tells the same, to
    the bit.

    Raises:
        ComputeError: when the timeline depends on what is learnt.
    """
    try:
        recorded, fingerprint = _abreast(prepared)
    except NotAbreastError:
        recorded, fingerprint = _by_events(prepared)
    check(recorded)
    return Plan(recorded, summarise(recorded), assumptions(prepared), fingerprint)


def _abreast(prepared: Prepared) -> tuple[Run, str]:
    """Records and network fingerprint. Raises NotAbreastError for a world that only events can tell."""
    recorder = PageRecorder()
    AbreastWorld(prepared.blueprint, recorder).run()
    book = recorder.close()
    return book.run(physics(prepared.blueprint), prepared.loaded.resolved), book.network_fingerprint()


def _by_events(prepared: Prepared) -> tuple[Run, str]:
    recorder = MemoryRecorder()
    World(prepared.blueprint, DryCompute(), recorder).run()
    recorded = recorder.run(physics(prepared.blueprint), prepared.loaded.resolved)
    return recorded, recorder.fingerprints["network"]

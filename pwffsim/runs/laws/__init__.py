"""Conservation laws that every finished run obeys, checked exactly on the recorded integers.

Each law is a function of a run that returns how many things it checked and raises LawBroken, naming the law, the actor
and the records, at the first breach; RunDamaged if the manifest does not give what the law holds the records against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pwffsim.runs.laws.cells import bands, handovers, held
from pwffsim.runs.laws.on_air import air_time, both_ends, energy
from pwffsim.runs.laws.payloads import bytes_kept, packets_counted, tensors_declared, transmissions
from pwffsim.runs.laws.rounds import staleness, versions, weights
from pwffsim.runs.laws.rows import rows
from pwffsim.runs.laws.timeline import channels, clock, tiling
from pwffsim.runs.laws.updates import applied_once, arrival, updates_accounted
from pwffsim.runs.laws.watts import power, radio_power
from pwffsim.runs.laws.wires import backhaul

if TYPE_CHECKING:
    from pwffsim.runs.load import Run

Law = Callable[["Run"], int]

LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        clock,
        tiling,
        rows,
        bytes_kept,
        tensors_declared,
        packets_counted,
        transmissions,
        air_time,
        energy,
        power,
        radio_power,
        both_ends,
        handovers,
        held,
        channels,
        bands,
        backhaul,
        updates_accounted,
        applied_once,
        arrival,
        versions,
        staleness,
        weights,
    )
}


def check(run: Run) -> dict[str, int]:
    """Law -> how many things were checked. Raises LawBroken at the first breach, RunDamaged as the laws do."""
    return {name: law(run) for name, law in LAWS.items()}

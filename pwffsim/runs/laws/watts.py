"""The law of power: a joule is a watt for a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs.errors import RunDamaged
from pwffsim.runs.laws import declared
from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.views import of_clients
from pwffsim.runs.records import SpanKind

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run

SENDING = (SpanKind.UPLOAD, SpanKind.RETRANSMIT)
COMPUTING = (SpanKind.COMPUTE, SpanKind.EVALUATE)


def power(run: Run) -> int:
    """The energy of a span is power x time, rounded to a nanojoule: a client draws the manifest's uplink power while it
    sends, its own compute power while it computes, nothing while it waits; the server and the cell draw nothing that
    is counted. What downloads cost is left to ``energy``."""
    spans, mine = run.spans, of_clients(run.spans)
    held = spans[~(mine & (spans.kind == SpanKind.DOWNLOAD))]
    expected_nj = np.rint(_drawn_w(held, declared.power(run.manifest)) * held.duration_ns).astype(np.int64)
    refuse("power", held, held.energy_nj != expected_nj, "its energy is not power x time")
    return len(held)


def _drawn_w(spans: DataFrame, watts: declared.Power) -> Series:
    """What the actor of each span draws meanwhile."""
    mine = of_clients(spans)
    sending, computing = mine & spans.kind.isin(list(SENDING)), mine & spans.kind.isin(list(COMPUTING))
    strangers = set(spans.actor[computing]) - set(watts.compute_w)
    if strangers:
        raise RunDamaged(f"the manifest gives no compute power of {', '.join(sorted(strangers))} (power_w)")
    idle_w = spans.duration_ns * 0.0
    return idle_w.mask(sending, watts.uplink_w).mask(computing, spans.actor.map(watts.compute_w))

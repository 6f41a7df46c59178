"""Laws of time: it runs forward, clients' days are full, and the band is not overfull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs.laws import declared
from pwffsim.runs.laws.breach import breach, refuse
from pwffsim.runs.laws.views import of_clients
from pwffsim.runs.records import SpanKind

if TYPE_CHECKING:
    from pwffsim.runs.load import Run


def clock(run: Run) -> int:
    """Nothing is negative and the clock never goes back: span durations, air times, and along the records each client's
    span starts and the aggregations' times."""
    spans, messages, rounds = run.spans, run.messages, run.rounds
    refuse("clock", spans, (spans.start_ns < 0) | (spans.duration_ns < 0), "a negative time")
    refuse("clock", messages, (messages.sent_ns < 0) | (messages.received_ns < messages.sent_ns), "time runs back")
    refuse("clock", run.metrics, run.metrics.time_ns < 0, "a negative time")
    clients = spans[of_clients(spans)]
    back = clients.groupby("actor").start_ns.diff() < 0
    refuse("clock", clients, back, "it starts before the span recorded before it")
    refuse("clock", rounds, (rounds.time_ns < 0) | (rounds.time_ns.diff() < 0), "it comes before the one before it")
    return len(spans) + len(messages) + len(run.metrics) + len(rounds)


def tiling(run: Run) -> int:
    """Each client's spans cover the time from its first start to the end of the run without gap or overlap."""
    spans = run.spans
    ends = spans.start_ns + spans.duration_ns
    last_ns = int(ends.max()) if len(spans) else 0
    lasting = spans.assign(end_ns=ends)[of_clients(spans) & (spans.duration_ns > 0)]
    for actor, own in lasting.sort_values("start_ns", kind="stable").groupby("actor", sort=False):
        starts, stops = own.start_ns.to_numpy(), own.end_ns.to_numpy()
        torn = np.flatnonzero(starts[1:] != stops[:-1])
        if len(torn):
            what = "gap" if starts[torn[0] + 1] > stops[torn[0]] else "overlap"
            breach("tiling", str(actor), f"{what} between two spans", own.iloc[torn[0] : torn[0] + 2])
        if stops[-1] != last_ns:
            breach("tiling", str(actor), f"its last span does not end with the run at {last_ns} ns", own.tail(1))
    idle_from_birth = set(spans.actor[of_clients(spans)]) - set(lasting.actor)
    for actor in sorted(idle_from_birth):
        own = spans[spans.actor == actor]
        if int(own.start_ns.min()) != last_ns:
            breach("tiling", actor, f"nothing is recorded of it up to the end of the run at {last_ns} ns", own)
    return len(lasting)


def channels(run: Run) -> int:
    """Never more clients' uplink transfers on air at once than the cell has channels (``channels`` in the manifest);
    so air time <= elapsed time x channels."""
    limit = declared.channels(run.manifest)
    spans = run.spans
    going_up = spans.kind.isin([SpanKind.UPLOAD, SpanKind.RETRANSMIT])
    air = spans[of_clients(spans) & going_up & (spans.duration_ns > 0)]
    starts, ends = air.start_ns.to_numpy(), (air.start_ns + air.duration_ns).to_numpy()
    begun = np.searchsorted(np.sort(starts), starts, side="right")
    ended = np.searchsorted(np.sort(ends), starts, side="right")
    refuse("channels", air, begun - ended > limit, f"more than {limit} on air at once")
    return len(air)

"""Laws of time: it runs forward, clients' days are full, and the band is not overfull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs.in_turn import in_turn
from pwffsim.runs.laws import declared
from pwffsim.runs.laws.breach import breach, refuse
from pwffsim.runs.laws.views import actors_of, of_clients
from pwffsim.runs.records import SpanKind, is_client

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

    from pwffsim.runs.load import Run

    IntArray = NDArray[np.int64]


def clock(run: Run) -> int:
    """Nothing is negative and the clock never goes back: span durations, air times, and along the records each client's
    span starts and the aggregations' times."""
    spans, messages, rounds = run.spans, run.messages, run.rounds
    refuse("clock", spans, (spans.start_ns < 0) | (spans.duration_ns < 0), "a negative time")
    refuse("clock", messages, (messages.sent_ns < 0) | (messages.received_ns < messages.sent_ns), "time runs back")
    refuse("clock", run.metrics, run.metrics.time_ns < 0, "a negative time")
    back = of_clients(run) & (spans.start_ns.groupby(actors_of(run)[0]).diff() < 0)
    refuse("clock", spans, back, "it starts before the span recorded before it")
    refuse("clock", rounds, (rounds.time_ns < 0) | (rounds.time_ns.diff() < 0), "it comes before the one before it")
    return len(spans) + len(messages) + len(run.metrics) + len(rounds)


def tiling(run: Run) -> int:
    """Each client's spans cover the time from its first start to the end of the run without gap or overlap."""
    spans = run.spans
    ends = (spans.start_ns + spans.duration_ns).to_numpy()
    last_ns = int(ends.max()) if len(spans) else 0
    actors, names = actors_of(run)
    lasting = np.flatnonzero(of_clients(run) & (spans.duration_ns > 0))
    order = lasting[in_turn(actors[lasting], spans.start_ns.to_numpy()[lasting])]
    _refuse_torn(spans, order, actors, last_ns)
    busy = {names[number] for number in np.unique(actors[lasting])}
    idle_from_birth = set(filter(is_client, names)) - busy
    for actor in sorted(idle_from_birth):
        own = spans[spans.actor == actor]
        if int(own.start_ns.min()) != last_ns:
            breach("tiling", actor, f"nothing is recorded of it up to the end of the run at {last_ns} ns", own)
    return len(lasting)


def _refuse_torn(spans: DataFrame, order: IntArray, actors: IntArray, last_ns: int) -> None:
    """Breach unless each actor's spans, in this order one actor after another, join, and the last ends with the run."""
    actor, starts = actors[order], spans.start_ns.to_numpy()[order]
    stops = starts + spans.duration_ns.to_numpy()[order]
    is_last = np.append(actor[1:] != actor[:-1], True)[: actor.size]
    for at in np.flatnonzero(~is_last[:-1] & (starts[1:] != stops[:-1]))[:1]:
        what = "gap" if starts[at + 1] > stops[at] else "overlap"
        own = spans.iloc[order[at : at + 2]]
        breach("tiling", str(own.actor.iloc[0]), f"{what} between two spans", own)
    for at in np.flatnonzero(is_last & (stops != last_ns))[:1]:
        own = spans.iloc[order[at : at + 1]]
        breach("tiling", str(own.actor.iloc[0]), f"its last span does not end with the run at {last_ns} ns", own)


def channels(run: Run) -> int:
    """Never more clients' uplink transfers on air at once than the cell has channels (``channels`` in the manifest);
    so air time <= elapsed time x channels."""
    limit = declared.channels(run.manifest)
    spans = run.spans
    going_up = spans.kind.isin([SpanKind.UPLOAD, SpanKind.RETRANSMIT])
    air = np.flatnonzero(of_clients(run) & going_up & (spans.duration_ns > 0))
    starts = spans.start_ns.to_numpy()[air]
    ends = starts + spans.duration_ns.to_numpy()[air]
    begun = np.searchsorted(np.sort(starts), starts, side="right")
    ended = np.searchsorted(np.sort(ends), starts, side="right")
    overfull = np.zeros(len(spans), dtype=np.bool_)
    overfull[air] = begun - ended > limit
    refuse("channels", spans, overfull, f"more than {limit} on air at once")
    return len(air)

"""The law of rows: actors do what their kind of actor does, and those that are no clients one thing at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs import network
from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.views import actors_of, of_clients
from pwffsim.runs.network import Role
from pwffsim.runs.records import SpanKind

if TYPE_CHECKING:
    from pwffsim.runs.load import Run

DOES: dict[Role, frozenset[SpanKind]] = {
    Role.SERVER: frozenset({SpanKind.AGGREGATE, SpanKind.EVALUATE}),
    Role.CELL: frozenset({SpanKind.UPLOAD}),
    Role.WIRE: frozenset({SpanKind.BACKHAUL}),
    Role.JAMMER: frozenset({SpanKind.JAM}),
    Role.CLIENT: frozenset(SpanKind) - {SpanKind.AGGREGATE, SpanKind.BACKHAUL, SpanKind.JAM},
}
"""What each kind of actor does when it is not idle."""


def rows(run: Run) -> int:
    """Only the server aggregates, only clients compute, receive, wait and change cells, cells show uploads, wires carry
    and jammers jam; on rows that are no client's (those tile), nothing begins before the span before it is over."""
    spans, roles = run.spans, network.roles(run)
    own, actors = actors_of(run)
    done, kinds = spans.kind.factorize()
    strange = [[kind not in {SpanKind.IDLE, *DOES[roles[actor]]} for kind in kinds] for actor in actors]
    refuse(
        "rows", spans, np.array(strange, dtype=np.bool_).ravel()[own * len(kinds) + done], "that is not what it does"
    )
    others = spans[~of_clients(run)].sort_values(["actor", "start_ns"], kind="stable")
    ends_ns = (others.start_ns + others.duration_ns).groupby(others.actor)
    over_ns = ends_ns.cummax().groupby(others.actor).shift()
    refuse("rows", others, others.start_ns < over_ns, "it begins before the span before it is over")
    return len(spans)

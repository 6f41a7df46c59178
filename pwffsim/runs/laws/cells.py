"""Laws of cells: who changes them, who waits meanwhile, and who has a cell's band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pwffsim.runs import network
from pwffsim.runs.laws.breach import breach, refuse
from pwffsim.runs.laws.transfers import transfers
from pwffsim.runs.laws.views import UPWARD, air_ns, client_of, uploads
from pwffsim.runs.network import Role
from pwffsim.runs.records import SpanKind

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run

HOLDS = (SpanKind.QUEUE, SpanKind.HANDOVER)
"""What a message may be held for once its first bit has been on air."""


def handovers(run: Run) -> int:
    """A message ends in a cell that there is; it changed cells as often as its update's handover spans, up and down
    together, say, each as long as the manifest says (``handover_s``; spans of no time are not recorded)."""
    messages, spans, length_ns = run.messages, run.spans, network.interruption_ns(run.manifest)
    refuse("handovers", messages, ~messages.cell.isin(network.cells(run.manifest)), "there is no such cell")
    refuse("handovers", messages, messages.handovers < 0, "fewer handovers than none")
    changes = spans[spans.kind == SpanKind.HANDOVER]
    refuse("handovers", changes, changes.duration_ns != length_ns, f"a handover lasts {length_ns} ns")
    if length_ns is None:
        refuse("handovers", messages, messages.handovers > 0, "there are no handovers in this network")
    if length_ns:
        _refuse_uneven(messages, client_of(run), changes)
    return len(messages)


def held(run: Run) -> int:
    """A message is held, from its first bit to its last, for as long as its client then was between cells or in a
    queue."""
    messages, spans = run.messages, run.spans
    waits = spans[spans.kind.isin(list(HOLDS)) & (spans["update"] >= 0)]
    sent = messages[["update", "sent_ns", "received_ns"]].assign(actor=client_of(run), message=messages.index)
    facts = sent[sent["update"].isin(waits["update"])].merge(
        waits[["actor", "update", "start_ns", "duration_ns"]], on=["actor", "update"]
    )
    within = facts[(facts.start_ns >= facts.sent_ns) & (facts.start_ns < facts.received_ns)]
    waited_ns = within.groupby("message").duration_ns.sum().reindex(messages.index, fill_value=0)
    refuse("held", messages, messages.held_ns != waited_ns, "held for another time than its client waited")
    return len(messages)


def bands(run: Run) -> int:
    """Where one client at a time has a cell's band, the cells' own rows show it: every upload, by its client, for as
    long as it was on air, the end of it in the cell that its message names. Elsewhere they show none."""
    spans = run.spans
    sites = [actor for actor, role in network.roles(run).items() if role is Role.CELL]
    taken = spans[spans.actor.isin(sites) & (spans.kind == SpanKind.UPLOAD)]
    if taken.empty:
        return 0
    up, air = uploads(run), transfers(run).air
    _refuse_other_times(taken, air[air.kind.isin(UPWARD)])
    shown = pd.MultiIndex.from_arrays([taken.actor, taken["update"], taken.start_ns + taken.duration_ns])
    told = pd.MultiIndex.from_arrays([up.cell, up["update"], up.received_ns])
    missing = ~told.isin(shown) & (air_ns(up) > 0)
    refuse("bands", up, missing, "its cell's row does not show the end of it")
    return len(taken)


def _refuse_uneven(messages: DataFrame, client: Series, changes: DataFrame) -> None:
    """Breach unless each update has as many handover spans as its messages tell of."""
    told = messages.handovers.groupby([client.rename("actor"), messages["update"]]).sum()
    shown = changes.groupby(["actor", "update"]).size()
    both = told.index.union(shown.index)
    told, shown = told.reindex(both, fill_value=0), shown.reindex(both, fill_value=0)
    for actor, update in both[told.to_numpy() != shown.to_numpy()][:1]:
        found = f"messages of update {update} tell of {told[actor, update]} handovers, spans of {shown[actor, update]}"
        breach("handovers", str(actor), found, messages[messages["update"] == update])


def _refuse_other_times(taken: DataFrame, air: DataFrame) -> None:
    """Breach unless clients were on air for as long as they had the band."""
    had_ns: Series = taken.duration_ns.groupby([taken.note.rename("actor"), taken["update"]]).sum()
    was_ns = air.groupby(["actor", "update"]).duration_ns.sum()
    both = had_ns.index.union(was_ns.index)
    had_ns, was_ns = had_ns.reindex(both, fill_value=0), was_ns.reindex(both, fill_value=0)
    for actor, update in both[had_ns.to_numpy() != was_ns.to_numpy()][:1]:
        found = f"update {update} had the band for {had_ns[actor, update]} ns, on air {was_ns[actor, update]} ns"
        breach("bands", str(actor), found, taken[taken["update"] == update])

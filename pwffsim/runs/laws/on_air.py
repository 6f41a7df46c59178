"""Laws of what is on air: messages and spans tell of the same transfers, seconds and joules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs.ends import other_ends
from pwffsim.runs.laws.breach import breach, refuse
from pwffsim.runs.laws.transfers import transfers
from pwffsim.runs.laws.views import air_ns, client_of
from pwffsim.runs.records import SERVER

if TYPE_CHECKING:
    from pandas import Series

    from pwffsim.runs.load import Run


def air_time(run: Run) -> int:
    """Messages are on air exactly as long as the upload, retransmission and download spans of their update say: from
    the first bit to the last, less what they were held on the way."""
    return _same_sums("air_time", "ns on air", run, air_ns(run.messages), "duration_ns")


def energy(run: Run) -> int:
    """The energy of a client's transfers is the energy of its spans on air; no energy is negative."""
    spans, messages = run.spans, run.messages
    refuse("energy", spans, spans.energy_nj < 0, "negative energy")
    refuse("energy", messages, messages.energy_nj < 0, "negative energy")
    return _same_sums("energy", "nJ", run, messages.energy_nj, "energy_nj")


def both_ends(run: Run) -> int:
    """Every message goes between the server and a client with records of its own, and has its span on air."""
    messages, spans = run.messages, run.spans
    client, other = client_of(run), other_ends(messages)
    refuse("both_ends", messages, ~client.isin(spans.actor.unique()), "its client has no spans")
    refuse("both_ends", messages, other != SERVER, "its other end is not the server")
    silent = transfers(run).spans_of_messages() == 0
    refuse("both_ends", messages, silent & (messages.received_ns > messages.sent_ns), "no span shows it on air")
    return len(messages)


def _same_sums(law: str, unit: str, run: Run, of_messages: Series, column: str) -> int:
    found = transfers(run)
    left, right = found.sums_of_messages(of_messages), found.sums_of_spans(column)
    for transfer in np.flatnonzero(left != right)[:1]:
        actor, update, way = found.told(transfer)
        what = f"messages {way} of update {update}: {left[transfer]} {unit}, spans: {right[transfer]} {unit}"
        breach(law, actor, what, run.messages[run.messages["update"] == update])
    return len(found)

"""Laws of what is on air: messages and spans tell of the same transfers, seconds and joules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pwffsim.runs.laws.breach import breach, refuse
from pwffsim.runs.laws.views import air_ns, client_of, on_air, transfers
from pwffsim.runs.records import SERVER, Direction

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run


def air_time(run: Run) -> int:
    """Messages are on air exactly as long as the upload, retransmission and download spans of their update say: from
    the first bit to the last, less what they were held on the way."""
    messages = run.messages
    return _same_sums("air_time", "ns on air", run, _by_transfer(messages, air_ns(messages)), "duration_ns")


def energy(run: Run) -> int:
    """The energy of a client's transfers is the energy of its spans on air; no energy is negative."""
    spans, messages = run.spans, run.messages
    refuse("energy", spans, spans.energy_nj < 0, "negative energy")
    refuse("energy", messages, messages.energy_nj < 0, "negative energy")
    return _same_sums("energy", "nJ", run, _by_transfer(messages, messages.energy_nj), "energy_nj")


def both_ends(run: Run) -> int:
    """Every message goes between the server and a client with records of its own, and has its span on air."""
    messages, spans = run.messages, run.spans
    client, other = client_of(messages), messages.target.where(messages.direction == Direction.UP, messages.source)
    refuse("both_ends", messages, ~client.isin(spans.actor.unique()), "its client has no spans")
    refuse("both_ends", messages, other != SERVER, "its other end is not the server")
    air = on_air(spans)
    silent = ~transfers(messages, client).isin(transfers(air, air.actor))
    refuse("both_ends", messages, silent & (messages.received_ns > messages.sent_ns), "no span shows it on air")
    return len(messages)


def _by_transfer(messages: DataFrame, values: Series) -> Series:
    return values.groupby([client_of(messages).rename("actor"), messages["update"], messages.direction]).sum()


def _same_sums(law: str, unit: str, run: Run, of_messages: Series, column: str) -> int:
    of_spans = on_air(run.spans).groupby(["actor", "update", "direction"])[column].sum()
    both = of_messages.index.union(of_spans.index)
    left, right = of_messages.reindex(both, fill_value=0), of_spans.reindex(both, fill_value=0)
    for key in left.index[left.to_numpy() != right.to_numpy()][:1]:
        actor, update, direction = key
        found = f"messages {direction} of update {update}: {left[key]} {unit}, spans: {right[key]} {unit}"
        of_update = run.messages[run.messages["update"] == update]
        breach(law, str(actor), found, of_update)
    return len(left)

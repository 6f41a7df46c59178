"""The law of wires: messages pass them hop by hop, each hop whole before the next one begins.

A hop without a note carries one message. A hop that notes a cell carries the copy from which that cell sends to all its
clients, and has the number of the update whose client asked for it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from pwffsim.runs import network
from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.views import used_updates
from pwffsim.runs.network import Wire
from pwffsim.runs.records import SERVER, Direction, SpanKind

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run

_CONTENT = ["stage", "version", "payload"]
"""What tells apart what the server sends: for which stage, of which version, which tensors."""

_WAY = ["update", "direction", "note"]
"""What tells ways apart: a client that moves on may ask for a copy in one cell after another."""

_ROUNDING_NS = 1
"""A hop ends when its last bit was sent; rounding that and the delay apart may cost so much."""


def backhaul(run: Run) -> int:
    """What a client was sent came over wires from the server to a cell, and what it sent went on from the cell that
    its message names to the server: the payload down, up what was delivered, unchanged from hop to hop, each hop
    after the one before it was over, and applied only after the last. What came down without a way of its own came from
    its cell's copy, of which there is one for each content. Without wires nothing passes any."""
    wires, hops = network.wires(run.manifest), run.spans[run.spans.kind == SpanKind.BACKHAUL]
    refuse("backhaul", hops, ~hops.actor.isin(list(wires)), "the manifest tells of no such wire")
    if not wires:
        return 0
    loads = _loads(run.messages)
    way = _with_messages(_placed(hops, wires), loads)
    _refuse_wrong_loads(way, loads)
    _refuse_second_copies(way)
    _refuse_unsupplied(way, loads)
    _refuse_detours(way, network.cells(run.manifest))
    _refuse_haste(way)
    _refuse_early_use(way, used_updates("backhaul", run))
    return len(way)


def _loads(messages: DataFrame) -> DataFrame:
    """Messages with the bytes that wires had to carry."""
    up = messages.direction == Direction.UP
    loads = messages.assign(load_bytes=messages.delivered_bytes.where(up, messages.payload_bytes))
    return loads[["source", "update", "direction", "sent_ns", "received_ns", "cell", "load_bytes", *_CONTENT]]


def _placed(hops: DataFrame, wires: dict[str, Wire]) -> DataFrame:
    """Hops with the nodes that they join and when they are over."""
    ends_ns = hops.start_ns + hops.duration_ns
    found: Series = hops.actor.map(wires)
    return hops.assign(
        at=[wire.source for wire in found],
        to=[wire.target for wire in found],
        arrival_ns=ends_ns + [wire.delay_ns for wire in found] - _ROUNDING_NS,
    )


def _with_messages(hops: DataFrame, loads: DataFrame) -> DataFrame:
    """Hops with the message that they carried, in order: up what came after the upload, down everything before."""
    up = loads[loads.direction == Direction.UP]
    uploaded_ns = hops["update"].map(dict(zip(up["update"], up.received_ns, strict=True)))
    after = hops.start_ns >= uploaded_ns.fillna(float("inf"))
    ways = pd.Series([str(Direction.UP if late else Direction.DOWN) for late in after], hops.index, dtype="str")
    directed = hops.assign(direction=ways)
    met = directed.merge(loads.drop(columns=["source", "stage", "version"]), on=["update", "direction"], how="left")
    refuse("backhaul", met, met.load_bytes.isna(), "no message was carried")
    return met.sort_values([*_WAY, "start_ns"], kind="stable", ignore_index=True)


def _refuse_wrong_loads(way: DataFrame, loads: DataFrame) -> None:
    refuse("backhaul", way, way.bytes != way.load_bytes, "its bytes are not those of the message")
    missing = ~_has_own_way(loads, way) & (loads.direction == Direction.UP)
    refuse("backhaul", loads, missing & (loads.load_bytes > 0), "no wire carried it")


def _refuse_second_copies(way: DataFrame) -> None:
    """Breach where a content comes to a cell twice."""
    starts = way[_for_all(way) & _is_first(way)]
    second = starts.duplicated([*_CONTENT, "note"])
    refuse("backhaul", starts, second, "its cell has a copy already, or one on its way")


def _refuse_unsupplied(way: DataFrame, loads: DataFrame) -> None:
    """Breach unless what came down without a way of its own was in its cell by then."""
    shared = way[_for_all(way)].groupby([*_CONTENT, "note"], as_index=False).arrival_ns.max()
    down = loads[~_has_own_way(loads, way) & (loads.direction == Direction.DOWN) & (loads.load_bytes > 0)]
    supplied = down.merge(shared.rename(columns={"note": "cell"}), on=[*_CONTENT, "cell"], how="left")
    refuse("backhaul", supplied, supplied.arrival_ns.isna(), "no wire carried it")
    refuse("backhaul", supplied, supplied.arrival_ns > supplied.sent_ns, "on air before it came over the wires")


def _refuse_detours(way: DataFrame, cells: list[str]) -> None:
    """Breach unless every way leads from node to node, between the server and a cell."""
    up, first, last = way.direction == Direction.UP, _is_first(way), _is_first(way[::-1])[::-1]
    torn = ~first & (way["at"] != way["to"].shift())
    refuse("backhaul", way, torn, "it does not begin where the hop before it ended")
    start = way.cell.where(up, SERVER)
    refuse("backhaul", way, first & (way["at"] != start), "its way does not begin where the message is")
    arrived = (way["to"] == SERVER).where(up, way["to"].isin(cells))
    arrived = arrived.where(~_for_all(way), way["to"] == way.note)
    refuse("backhaul", way, last & ~arrived.astype(bool), "its way does not lead to the end")


def _refuse_haste(way: DataFrame) -> None:
    early = ~_is_first(way) & (way.start_ns < way.arrival_ns.shift())
    refuse("backhaul", way, early, "it begins before the hop before it is over")
    down = way.direction == Direction.DOWN
    refuse("backhaul", way, down & (way.arrival_ns > way.sent_ns), "on air before it came over the wires")


def _refuse_early_use(way: DataFrame, used: DataFrame) -> None:
    up = way[way.direction == Direction.UP].groupby("update").arrival_ns.max()
    arrival_ns = used.updates.map(up)
    refuse("backhaul", used, used.time_ns < arrival_ns, "applied before it had come over the wires", "clients")


def _is_first(way: DataFrame) -> Series:
    """Whether each row is the first of its way."""
    return ~way.duplicated(_WAY)


def _for_all(way: DataFrame) -> Series:
    """Whether each hop carries a cell's copy."""
    return way.note != ""


def _has_own_way(loads: DataFrame, way: DataFrame) -> Any:
    """Whether hops carried each message for itself, bool[n]."""
    passed = pd.MultiIndex.from_frame(way.loc[~_for_all(way), ["update", "direction"]])
    return pd.MultiIndex.from_frame(loads[["update", "direction"]]).isin(passed)

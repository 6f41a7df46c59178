"""Parts of a run's tables that several laws look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.records import CLIENT_PREFIX, Direction, SpanKind

if TYPE_CHECKING:
    from pandas import DataFrame, MultiIndex, Series

DIRECTIONS = {
    SpanKind.UPLOAD: Direction.UP,
    SpanKind.RETRANSMIT: Direction.UP,
    SpanKind.DOWNLOAD: Direction.DOWN,
}
"""Span kinds during which a client is on air, and which way it goes."""


def of_clients(spans: DataFrame) -> Series:
    """Whether each span is a client's."""
    return spans.actor.str.startswith(CLIENT_PREFIX).astype(bool)


def uploads(messages: DataFrame) -> DataFrame:
    """The messages to the server."""
    return messages[messages.direction == Direction.UP]


def client_of(messages: DataFrame) -> Series:
    """The end of each message's link that is not the server."""
    return messages.source.where(messages.direction == Direction.UP, messages.target)


def on_air(spans: DataFrame) -> DataFrame:
    """Clients' spans on air, with their direction."""
    air = spans[of_clients(spans) & spans.kind.isin(list(DIRECTIONS))]
    return air.assign(direction=air.kind.map({str(kind): str(way) for kind, way in DIRECTIONS.items()}))


def air_ns(messages: DataFrame) -> Series:
    """How long each message was on air: from its first bit to its last, less what it was held on the way."""
    return messages.received_ns - messages.sent_ns - messages.held_ns


def transfers(frame: DataFrame, client: Series) -> MultiIndex:
    """(client, update, direction) of each message, or of each span on air."""
    return pd.MultiIndex.from_arrays([client, frame["update"], frame.direction], names=["actor", "update", "direction"])


def used_updates(law: str, rounds: DataFrame) -> DataFrame:
    """A row an update that an aggregation used, with what the aggregation says of it. LawBroken, in the name of
    ``law``, if the aggregation's lists do not belong together."""
    members = ["updates", "clients", "weights", "staleness"]
    lengths_differ = rounds[members].map(len).nunique(axis=1) > 1
    refuse(law, rounds, lengths_differ, "updates, clients, weights and staleness differ in number")
    used = rounds[["time_ns", "stage", "round", "version", *members]].explode(members)
    return used.dropna(subset=["updates"]).astype({"updates": "int64", "staleness": "int64"})

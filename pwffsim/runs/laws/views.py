"""Parts of a run's tables that several laws look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.records import CLIENT_PREFIX, Direction

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def of_clients(spans: DataFrame) -> Series:
    """Whether each span is a client's."""
    return spans.actor.str.startswith(CLIENT_PREFIX).astype(bool)


def uploads(messages: DataFrame) -> DataFrame:
    """The messages to the server."""
    return messages[messages.direction == Direction.UP]


def client_of(messages: DataFrame) -> Series:
    """The end of each message's link that is not the server."""
    return messages.source.where(messages.direction == Direction.UP, messages.target)


def used_updates(law: str, rounds: DataFrame) -> DataFrame:
    """A row an update that an aggregation used, with what the aggregation says of it. LawBroken, in the name of
    ``law``, if the aggregation's lists do not belong together."""
    members = ["updates", "clients", "weights", "staleness"]
    lengths_differ = rounds[members].map(len).nunique(axis=1) > 1
    refuse(law, rounds, lengths_differ, "updates, clients, weights and staleness differ in number")
    used = rounds[["time_ns", "stage", "round", "version", *members]].explode(members)
    return used.dropna(subset=["updates"]).astype({"updates": "int64", "staleness": "int64"})

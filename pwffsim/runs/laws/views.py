"""Parts of a run's tables that several laws look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pwffsim.runs.ends import client_ends
from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.once import once
from pwffsim.runs.records import Direction, SpanKind, is_client

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run

IntArray = NDArray[np.int64]

DIRECTIONS = {
    SpanKind.UPLOAD: Direction.UP,
    SpanKind.RETRANSMIT: Direction.UP,
    SpanKind.DOWNLOAD: Direction.DOWN,
}
"""Span kinds during which a client is on air, and which way it goes."""

UPWARD = [kind for kind, way in DIRECTIONS.items() if way is Direction.UP]
"""Those that go up."""


@once
def actors_of(run: Run) -> tuple[IntArray, Sequence[str]]:
    """The actor of each span as a number, int64[n], and the actors' names."""
    own, actors = run.spans.actor.factorize()
    return own, [str(actor) for actor in actors]


@once
def of_clients(run: Run) -> Series:
    """Whether each span is a client's."""
    own, actors = actors_of(run)
    return pd.Series(np.array([is_client(actor) for actor in actors], dtype=np.bool_)[own], run.spans.index)


@once
def uploads(run: Run) -> DataFrame:
    """The messages to the server."""
    return run.messages[run.messages.direction == Direction.UP]


@once
def client_of(run: Run) -> Series:
    """The end of each message's link that is not the server."""
    return client_ends(run.messages)


def on_air(run: Run) -> DataFrame:
    """Clients' spans on air."""
    spans = run.spans
    return spans.loc[
        of_clients(run) & spans.kind.isin(list(DIRECTIONS)),
        ["actor", "kind", "start_ns", "duration_ns", "energy_nj", "update"],
    ]


def air_ns(messages: DataFrame) -> Series:
    """How long each message was on air: from its first bit to its last, less what it was held on the way."""
    return messages.received_ns - messages.sent_ns - messages.held_ns


def used_updates(law: str, run: Run) -> DataFrame:
    """A row an update that an aggregation used, with what the aggregation says of it. LawBroken, in the name of
    ``law``, if the aggregation's lists do not belong together."""
    rounds = run.rounds
    lengths = np.array([rounds[name].map(len).to_numpy(dtype=np.int64) for name in _MEMBERS])
    refuse(law, rounds, (lengths != lengths[0]).any(axis=0), "updates, clients, weights and staleness differ in number")
    return _used(run)


@once
def _used(run: Run) -> DataFrame:
    rounds = run.rounds
    about = rounds[["time_ns", "stage", "round", "version"]]
    used = about.loc[about.index.repeat(rounds.updates.map(len).to_numpy(dtype=np.int64))]
    return used.assign(**{name: _joined(rounds[name], kind) for name, kind in _MEMBERS.items()})


_MEMBERS = {"updates": np.int64, "clients": np.object_, "weights": np.float64, "staleness": np.int64}


def _joined(lists: Series, kind: type[np.generic]) -> Any:
    """The entries of all lists in a row."""
    entries = np.concatenate([np.empty(0, dtype=kind), *lists])
    return pd.array(entries, dtype="str") if kind is np.object_ else entries.astype(kind)


def by_update(table: DataFrame, column: str) -> Series:
    """Update -> what the last row of it says in a column."""
    return table.drop_duplicates("update", keep="last").set_index("update")[column]

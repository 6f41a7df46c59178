"""Transfers as messages and as spans on air: which of them belong together, found once for all laws of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pwffsim.runs.laws.once import once
from pwffsim.runs.laws.views import UPWARD, client_of, on_air
from pwffsim.runs.records import Direction

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from pwffsim.runs.load import Run

IntArray = NDArray[np.int64]

_WAYS = tuple(Direction)


@dataclass(frozen=True, eq=False)
class Transfers:
    """All (client, update, direction) of which a message or a span on air tells.

    Attributes:
        air: clients' spans on air.
        of_messages, of_spans: number of the transfer of each message and each span on air, int64[n].
    """

    air: DataFrame
    of_messages: IntArray
    of_spans: IntArray
    _actors: Any
    _keys: IntArray

    def __len__(self) -> int:
        return len(self._keys)

    def sums_of_messages(self, values: Series) -> IntArray:
        """The exact sum by transfer of an integer a message."""
        return _sums(self.of_messages, values, len(self))

    def sums_of_spans(self, column: str) -> IntArray:
        """The exact sum by transfer of a column of the spans on air."""
        return _sums(self.of_spans, self.air[column], len(self))

    def spans_of_messages(self) -> IntArray:
        """How many spans show each message on air."""
        return np.bincount(self.of_spans, minlength=len(self))[self.of_messages]

    def told(self, transfer: int) -> tuple[str, int, str]:
        """Client, update and direction of a transfer."""
        rest, way = divmod(int(self._keys[transfer]), len(_WAYS))
        update, actor = divmod(rest, len(self._actors))
        return str(self._actors[actor]), update - _LEAST_UPDATE, str(_WAYS[way])


_LEAST_UPDATE = 1
"""Updates count from -1."""


@once
def transfers(run: Run) -> Transfers:
    """Of a run."""
    air, messages = on_air(run), run.messages
    clients = pd.concat([client_of(run), air.actor])
    codes, actors = clients.factorize()
    updates = np.concatenate([messages["update"], air["update"]]) + _LEAST_UPDATE
    ups = np.concatenate([messages.direction == Direction.UP, air.kind.isin(UPWARD)])
    of_rows, keys = pd.factorize((updates * len(actors) + codes) * len(_WAYS) + np.where(ups, 0, 1), sort=True)
    return Transfers(air, of_rows[: len(messages)], of_rows[len(messages) :], actors, keys)


def _sums(numbers: IntArray, values: Series, size: int) -> IntArray:
    totals = np.zeros(size, dtype=np.int64)
    np.add.at(totals, numbers, values.to_numpy())
    return totals

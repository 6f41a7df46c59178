"""Sums by name: which of some names each row of a table bears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import Series

IntArray = NDArray[np.int64]

NO_NAME = -1


@dataclass(frozen=True, eq=False)
class Labels:
    """A label for each row of a table.

    Attributes:
        names: what rows may be labelled with.
        codes: int64[rows], the place of a row's label among the names; -1 where it has none.
    """

    names: Sequence[str]
    codes: IntArray

    def where(self, chosen: Any) -> Labels:
        """The labels of the chosen rows alone, bool[rows]."""
        return replace(self, codes=np.where(np.asarray(chosen, dtype=np.bool_), self.codes, NO_NAME))

    def sums(self, values: Series) -> list[int]:
        """The exact sum of integers by name."""
        totals, labelled_ = np.zeros(len(self.names), dtype=np.int64), self.codes != NO_NAME
        np.add.at(totals, self.codes[labelled_], values.to_numpy()[labelled_])
        return [int(total) for total in totals]

    def sums_by(self, others: Labels, values: Series) -> IntArray:
        """The exact sum of integers by name and by another label of the rows, int64[names, other names]."""
        totals = np.zeros(len(self.names) * len(others.names), dtype=np.int64)
        chosen, places = self._pairs(others)
        np.add.at(totals, places, values.to_numpy()[chosen])
        return totals.reshape(len(self.names), len(others.names))

    def counts_by(self, others: Labels) -> IntArray:
        """How many rows bear each name and another label, int64[names, other names]."""
        places = self._pairs(others)[1]
        found = np.bincount(places, minlength=len(self.names) * len(others.names))
        return found.reshape(len(self.names), len(others.names))

    def _pairs(self, others: Labels) -> tuple[NDArray[np.bool_], IntArray]:
        """Which rows bear both labels, and the place of each pair in a table of names and other names."""
        chosen = (self.codes != NO_NAME) & (others.codes != NO_NAME)
        return chosen, self.codes[chosen] * len(others.names) + others.codes[chosen]


def labelled(values: Series, names: Sequence[str]) -> Labels:
    """Each row labelled with its value, if that is among the names."""
    own, met = values.factorize()
    places = pd.Index(names).get_indexer(met) if len(met) and len(names) else np.full(len(met), NO_NAME)
    return Labels(names, np.append(places, NO_NAME)[own].astype(np.int64))

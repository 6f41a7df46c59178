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

NO_NAME = -1


@dataclass(frozen=True, eq=False)
class Labels:
    """A label for each row of a table.

    Attributes:
        names: what rows may be labelled with.
        codes: int64[rows], the place of a row's label among the names; -1 where it has none.
    """

    names: Sequence[str]
    codes: NDArray[np.int64]

    def where(self, chosen: Any) -> Labels:
        """The labels of the chosen rows alone, bool[rows]."""
        return replace(self, codes=np.where(np.asarray(chosen, dtype=np.bool_), self.codes, NO_NAME))

    def sums(self, values: Series) -> list[int]:
        """The exact sum of integers by name."""
        totals, labelled_ = np.zeros(len(self.names), dtype=np.int64), self.codes != NO_NAME
        np.add.at(totals, self.codes[labelled_], values.to_numpy()[labelled_])
        return [int(total) for total in totals]

    def counts(self) -> list[int]:
        """How many rows bear each name."""
        found = np.bincount(self.codes[self.codes != NO_NAME], minlength=len(self.names))
        return [int(number) for number in found]


def labelled(values: Series, names: Sequence[str]) -> Labels:
    """Each row labelled with its value, if that is among the names."""
    own, met = values.factorize()
    places = pd.Index(names).get_indexer(met) if len(met) and len(names) else np.full(len(met), NO_NAME)
    return Labels(names, np.append(places, NO_NAME)[own].astype(np.int64))

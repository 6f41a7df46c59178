"""Rows of one table that come together, a column a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Words:
    """A column of text: each row's word by its code, int64[n], or one code for all rows."""

    vocabulary: Sequence[str]
    codes: IntArray | int


Column = Words | NDArray[Any] | int | float | bool


@dataclass(frozen=True, eq=False)
class Page:
    """Rows of a table: columns by name (a single value stands for all rows), and places int64[n] among all records.

    All pages of a table take the words of a column from one vocabulary.
    """

    table: str
    places: IntArray
    columns: Mapping[str, Column]

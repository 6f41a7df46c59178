"""Records that come in columns: the same tables and network fingerprint as if they had come one by one.

A page holds rows of one table, a column a field, each row with its place among all records. Pages are for worlds whose
rounds are told as vectors; who has one record at a time takes a ``Recorder``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pwffsim.kernel.fingerprint import Fingerprint, packed
from pwffsim.runs.errors import RecordInvalid
from pwffsim.runs.page import Column, Page, Words
from pwffsim.runs.payloads import Payloads
from pwffsim.runs.prints import layout, network_row
from pwffsim.runs.records import Record, Tensors
from pwffsim.runs.tables import TABLES, TableBuffer, column_types

if TYPE_CHECKING:
    from pwffsim.runs.load import Run

IntArray = NDArray[np.int64]
Texts = NDArray[np.object_]

_ROWS_A_FOLD = 2**13


class PageRecorder:
    """Takes pages, and single records with their places, in any order; the places count up from 0 without a gap."""

    def __init__(self) -> None:
        self._pages: dict[str, list[Page]] = {}
        self._records: dict[str, list[tuple[int, Record]]] = {}
        self._payloads = Payloads()

    def payload(self, tensors: Tensors) -> str:
        """The digest by which a message's row names its tensors."""
        return self._payloads.digest(tensors)

    def write(self, page: Page) -> None:
        """Take a page. Raises RecordInvalid if its columns are not those of its table."""
        if page.columns.keys() != column_types(TABLES[page.table]).keys():
            raise RecordInvalid(f"a page of {page.table} has the columns {', '.join(page.columns)}")
        self._pages.setdefault(page.table, []).append(page)

    def record(self, table: str, place: int, record: Record) -> None:
        """Take one record of a table that has no pages."""
        self._records.setdefault(table, []).append((place, record))

    def close(self) -> Book:
        """All that was taken."""
        sheets = [_Sheet(name, pages) for name, pages in self._pages.items()]
        lists = [_List(name, sorted(found, key=lambda entry: entry[0])) for name, found in self._records.items()]
        return Book(sheets, lists, self._payloads.tensors)


class Book:
    """All records of a world that was told in pages."""

    def __init__(self, sheets: Sequence[_Sheet], lists: Sequence[_List], payloads: Mapping[str, Tensors]) -> None:
        self._parts: list[_Sheet | _List] = [*sheets, *lists]
        self._payloads = dict(payloads)

    def network_fingerprint(self) -> str:
        """As of a ``Recorder`` that took the records one by one."""
        fingerprint = Fingerprint()
        total = sum(part.places.size for part in self._parts)
        for first in range(0, total, _ROWS_A_FOLD):
            stop = min(first + _ROWS_A_FOLD, total)
            fingerprint.fold_packed(stop - first, _packed_rows(self._parts, first, stop))
        return fingerprint.hexdigest()

    def run(self, manifest: dict[str, Any], scenario: dict[str, Any]) -> Run:
        """The records as ``load`` would give them."""
        from pwffsim.runs.load import Run
        from pwffsim.runs.sources import MemorySource

        batches: dict[str, list[Any]] = {name: [] for name in TABLES}
        for part in self._parts:
            batches[part.table].append(part.arrow())
        return Run(MemorySource(batches, self._payloads, manifest, scenario))


def _packed_rows(parts: Sequence[_Sheet | _List], first: int, stop: int) -> bytes:
    """The packed records from one place to another."""
    within = [slice(*np.searchsorted(part.places, (first, stop))) for part in parts]
    pieces = np.zeros(stop - first + 1, dtype=np.int64)
    for part, rows in zip(parts, within, strict=True):
        pieces[part.places[rows] - first + 1] = part.pieces
    starts = pieces.cumsum()
    written = np.empty(int(starts[-1]), dtype=np.object_)
    for part, rows in zip(parts, within, strict=True):
        begin = starts[part.places[rows] - first]
        for number, texts in enumerate(part.packed(rows)):
            written[begin + number] = texts
    return b"".join(written.tolist())


class _List:
    """A table whose records came one by one, in order."""

    pieces = 1

    def __init__(self, table: str, records: Sequence[tuple[int, Record]]) -> None:
        self.table = table
        self.places = np.array([place for place, _ in records], dtype=np.int64)
        self._buffer = TableBuffer(TABLES[table])
        self._rows = [self._buffer.append(record) for _, record in records]

    def packed(self, rows: slice) -> list[Texts]:
        """The pieces of each record's packed row: one."""
        return [_texts([network_row(self.table, row) for row in self._rows[rows]])]

    def arrow(self) -> Any:
        """The rows as a pyarrow.Table."""
        return self._buffer.arrow()


class _Sheet:
    """All pages of a table, their rows in order."""

    pieces = 3

    def __init__(self, table: str, pages: Sequence[Page]) -> None:
        self.table = table
        places = np.concatenate([page.places for page in pages])
        order = np.argsort(places, kind="stable")
        self.places = places[order]
        self._types = column_types(TABLES[table])
        sizes = [page.places.size for page in pages]
        self._columns = {name: _in_order([p.columns[name] for p in pages], sizes, order) for name in self._types}
        self._words = {
            name: column.vocabulary for name, column in pages[0].columns.items() if isinstance(column, Words)
        }
        self._layout = layout(table)
        self._heads, self._tails, self._ending = self._endings()

    def packed(self, rows: slice) -> list[Texts]:
        """The pieces of each record's packed row: head, numbers, and all texts."""
        numbers = np.stack([self._columns[name][rows] for name in self._layout.numbers], axis=1).astype("<i8")
        blobs = numbers.view(f"V{8 * len(self._layout.numbers)}").ravel().tolist()
        ending = self._ending[rows]
        return [self._heads[ending], _texts(blobs), self._tails[ending]]

    def arrow(self) -> Any:
        """The rows as a pyarrow.Table."""
        import pyarrow as pa

        return pa.table({name: self._arrow(name) for name in self._types})

    def _arrow(self, name: str) -> Any:
        import pyarrow as pa

        if name not in self._words:
            return pa.array(self._columns[name])
        words = pa.array([str(word) for word in self._words[name]], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(self._columns[name].astype(np.int32)), words).cast(pa.string())

    def _endings(self) -> tuple[Texts, Texts, IntArray]:
        """What rows begin and end with: heads (which tell of the whole length) and packed texts by number, and each
        row's number int64[n]. Few rows' texts differ."""
        import pandas as pd

        names = self._layout.texts
        sizes = tuple(len(self._words[name]) for name in names)
        ending, met = pd.factorize(np.ravel_multi_index([self._columns[name] for name in names], sizes))
        words = [[packed(word) for word in self._words[name]] for name in names]
        codes = (column.tolist() for column in np.unravel_index(met, sizes))
        texts = ([own[code] for code in of] for own, of in zip(words, codes, strict=True))
        tails = [b"".join(row) for row in zip(*texts, strict=True)]
        width = len(self._layout.head) + 8 * len(self._layout.numbers)
        heads = [b"(1:b%d:" % (width + len(tail)) + self._layout.head for tail in tails]
        return _texts(heads), _texts(tails), ending


def _in_order(columns: Sequence[Column], sizes: Sequence[int], order: IntArray) -> NDArray[Any]:
    """A column of all pages of so many rows (codes, where it is text), in the order of places."""
    values = [column.codes if isinstance(column, Words) else column for column in columns]
    if not any(isinstance(value, np.ndarray) for value in values):
        return np.repeat(np.array(values), sizes)[order]
    return np.concatenate([_whole(value, size) for value, size in zip(values, sizes, strict=True)])[order]


def _whole(value: Any, size: int) -> NDArray[Any]:
    return value if isinstance(value, np.ndarray) else np.full(size, value)


def _texts(values: Sequence[bytes]) -> Texts:
    found = np.empty(len(values), dtype=np.object_)
    found[:] = values
    return found

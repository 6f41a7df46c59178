"""The tables of a run: which record goes into which folder, with which columns."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, get_type_hints

from pwffsim.runs.columns import Column, column_for
from pwffsim.runs.errors import RecordInvalid
from pwffsim.runs.records import Aggregation, Message, Metric, Record, Span, UpdateFate

TABLES: dict[str, type] = {
    "spans": Span,
    "messages": Message,
    "rounds": Aggregation,
    "updates": UpdateFate,
    "metrics": Metric,
}
"""Folder name -> record type."""

TENSORS = "tensors"
PAYLOAD = "payload"
"""A message's ``tensors`` are stored once, in payloads.json; its row holds their digest in this column."""


@cache
def column_types(record_type: type) -> dict[str, Any]:
    """Column name -> annotation, in the order of the record's fields."""
    hints = get_type_hints(record_type)
    kept = {field.name: hints[field.name] for field in fields(record_type) if field.name != TENSORS}
    return kept | ({PAYLOAD: str} if len(kept) < len(fields(record_type)) else {})


class TableBuffer:
    """The rows of one table that are not on disk yet."""

    def __init__(self, record_type: type) -> None:
        self._types = column_types(record_type)
        self._name = record_type.__name__
        self._getter = attrgetter(*(name for name in self._types if name != PAYLOAD))
        self.clear()

    def __len__(self) -> int:
        return self._rows

    def clear(self) -> None:
        """Forget all rows."""
        self._columns: dict[str, Column] = {name: column_for(kind) for name, kind in self._types.items()}
        self._rows = 0

    def append(self, record: Record, *extra: str) -> tuple[Any, ...]:
        """Add a record and return its row. Raises RecordInvalid, having added nothing, if a value does not fit."""
        row = (*self._getter(record), *extra)
        try:
            for column, value in zip(self._columns.values(), row, strict=True):
                column.append(value)
        except (TypeError, ValueError, OverflowError) as error:
            for column in self._columns.values():
                column.truncate(self._rows)
            raise RecordInvalid(f"{self._name} cannot be recorded ({error}): {record}") from error
        self._rows += 1
        return row

    def arrow(self) -> Any:
        """The rows as a pyarrow.Table."""
        import pyarrow as pa

        return pa.table({name: column.arrow() for name, column in self._columns.items()})


def empty(name: str) -> Any:
    """A pyarrow.Table of this name without rows."""
    return TableBuffer(TABLES[name]).arrow()

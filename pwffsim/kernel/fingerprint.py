"""One short hash for a long, ordered history. Standard library only."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from hashlib import blake2b
from typing import SupportsIndex

DIGEST_BYTES = 16

Field = SupportsIndex | str | bytes


class Fingerprint:
    """Folds records into a BLAKE2b hash; the same records in another order give another hash.

    A record is a tuple of integers, strings and bytes, each written with its type and length, so that no two
    different sequences of records share an encoding.
    """

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=DIGEST_BYTES)
        self._records = 0

    @property
    def records(self) -> int:
        """How many records have been folded."""
        return self._records

    def fold(self, *fields: Field) -> None:
        """Fold one record. Raises TypeError for floats (use ``float.hex()``) and anything else."""
        self._hash.update(packed(*fields))
        self._records += 1

    def fold_packed(self, records: int, data: bytes) -> None:
        """Fold so many records that ``packed`` has written, one behind the other."""
        self._hash.update(data)
        self._records += records

    def hexdigest(self) -> str:
        """The hash of all records so far; folding may go on."""
        return self._hash.hexdigest()


def packed(*fields: Field) -> bytes:
    """The canonical bytes of one record; also a field itself, where a record holds a list."""
    return b"(%d:" % len(fields) + b"".join(map(_encoded, fields))


def packed_integers(values: Sequence[SupportsIndex]) -> bytes:
    """``packed`` of integers alone, all at once."""
    return b"(%d:" % len(values) + b"i%d;" * len(values) % tuple(map(operator.index, values))


def _encoded(field: Field) -> bytes:
    if isinstance(field, str):
        data = field.encode()
        return b"s%d:" % len(data) + data
    if isinstance(field, bytes):
        return b"b%d:" % len(field) + field
    return b"i%d;" % operator.index(field)

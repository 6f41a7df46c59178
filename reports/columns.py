"""Columns of numbers, packed small enough to live inside a page.

Integers are zig-zag coded (0, -1, 1, -2 ... become 0, 1, 2, 3 ...), optionally after taking differences, and
byte-shuffled: all lowest bytes first, then all second bytes, and so on, so that the rarely used high bytes become
long runs of zeros. All columns of all tables are joined, deflated at level 6 (level 9 is many times slower for 3 %),
and written in base64. ``assets/columns.js`` is the reader.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Coding = Literal["code", "integer", "delta", "float"]

COMPRESSION_LEVEL = 6


@dataclass(frozen=True)
class Column:
    """One column: ``code`` (0..255), ``integer``, ``delta`` (integer, differences kept) or ``float``.

    A float keeps ``bits`` of the 23 mantissa bits of a 32-bit float, rounded: relative error at most 2 ** -(bits + 1).
    """

    values: ArrayLike
    coding: Coding = "integer"
    bits: int = 23


@dataclass(frozen=True)
class Packed:
    """``directory`` says what lies where (JSON); ``payload`` is base64 of the deflated bytes."""

    directory: dict[str, Any]
    payload: str


def zigzag(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Maps signed to unsigned integers so that small magnitudes stay small."""
    return ((values << 1) ^ (values >> 63)).view(np.uint64)


def shuffled(values: NDArray[np.uint64]) -> tuple[bytes, int]:
    """Byte planes of ``values``, lowest first, and how many planes are needed."""
    top = int(values.max()) if values.size else 0
    width = max(1, (top.bit_length() + 7) // 8)
    planes = values.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
    return np.ascontiguousarray(planes.T).tobytes(), width


def rounded(values: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """Floats whose lowest ``23 - bits`` mantissa bits are zero, rounded half up; nan and infinities stay."""
    if bits >= 23:
        return values
    drop = np.uint32(23 - bits)
    raw = values.view(np.uint32)
    kept = ((raw + (np.uint32(1) << (drop - np.uint32(1)))) >> drop) << drop
    return np.where(np.isfinite(values), kept, raw).astype(np.uint32).view(np.float32)


def encode(column: Column) -> tuple[bytes, int]:
    """Bytes of a column and their width a row."""
    values = np.asarray(column.values)
    if column.coding == "float":
        planes = rounded(values.astype("<f4"), column.bits).view(np.uint8).reshape(-1, 4)
        return np.ascontiguousarray(planes.T).tobytes(), 4
    whole = values.astype(np.int64)
    if column.coding == "code":
        if whole.size and (whole.min() < 0 or whole.max() > 255):
            raise ValueError(f"a code column holds 0..255, got {whole.min()}..{whole.max()}")
        return whole.astype(np.uint8).tobytes(), 1
    return shuffled(zigzag(np.diff(whole, prepend=0) if column.coding == "delta" else whole))


def pack(tables: Mapping[str, Mapping[str, Column]]) -> Packed:
    """Packs named tables of equally long columns.

    Raises:
        ValueError: columns of one table differ in length, or a code is outside 0..255.
    """
    directory: dict[str, Any] = {}
    blob = bytearray()
    for table, columns in tables.items():
        lengths = {name: len(np.asarray(column.values)) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of table {table!r} differ in length: {lengths}")
        entries: list[list[Any]] = []
        for name, column in columns.items():
            data, width = encode(column)
            entries.append([name, column.coding, width])
            blob += data
        directory[table] = {"rows": next(iter(lengths.values()), 0), "columns": entries}
    packed = base64.b64encode(zlib.compress(bytes(blob), COMPRESSION_LEVEL)).decode("ascii")
    return Packed(directory, packed)

"""The two fingerprints of a run, folded record by record in the order in which they happened."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from pwffsim.kernel.fingerprint import Fingerprint, packed, packed_integers
from pwffsim.runs.tables import PAYLOAD, TABLES, column_types

OF_LEARNING_ALONE = frozenset({"metrics"})
"""Tables that the network fingerprint leaves out."""

NOT_OF_THE_NETWORK = frozenset({"weights", "digest", "note", PAYLOAD})
"""Columns that it leaves out, beside those of floats."""

Row = tuple[Any, ...]
Encode = Callable[[Row], bytes]


class RunFingerprints:
    """``network``: who did what when, and how many bytes and joules it took; exact integers and names only, no learned
    value, so that a plan, a run and a run on another machine agree. ``full``: every value of every record."""

    def __init__(self) -> None:
        self._network = Fingerprint()
        self._full = Fingerprint()
        self._encoders = {name: _encoders(name) for name in TABLES}

    def fold(self, table: str, row: Row) -> None:
        """Fold one row of a table."""
        of_network, of_rest = self._encoders[table]
        shared = of_network(row)
        if table not in OF_LEARNING_ALONE:
            self._network.fold(shared)
        self._full.fold(shared + of_rest(row))

    def hexdigests(self) -> dict[str, str]:
        """``{"network": ..., "full": ...}`` of all records so far."""
        return {"network": self._network.hexdigest(), "full": self._full.hexdigest()}


@dataclass(frozen=True)
class Layout:
    """How the network fingerprint writes a row of a table: ``head``, the numbers as int64, then each text packed."""

    head: bytes
    numbers: tuple[str, ...]
    texts: tuple[str, ...]


def layout(table: str) -> Layout:
    """Of a table without lists."""
    types = column_types(TABLES[table])
    kept = [name for name, kind in types.items() if kind is not float and name not in NOT_OF_THE_NETWORK]
    numbers = tuple(name for name in kept if types[name] in (int, bool))
    return Layout(packed(table), numbers, tuple(name for name in kept if name not in numbers))


def network_row(table: str, row: Row) -> bytes:
    """What the network fingerprint folds of a row."""
    return packed(_encoders(table)[0](row))


@cache
def _encoders(table: str) -> tuple[Encode, Encode]:
    """What turns a row into the network's bytes, which begin with the table's name, and into all others."""
    types = list(column_types(TABLES[table]).items())
    kinds = [kind for _, kind in types]
    kept = {index for index, (name, kind) in enumerate(types) if kind is not float and name not in NOT_OF_THE_NETWORK}
    left_out = set(range(len(kinds))) - kept
    return _encoder(packed(table), kinds, sorted(kept)), _encoder(b"", kinds, sorted(left_out))


def _encoder(prefix: bytes, kinds: list[Any], indices: list[int]) -> Encode:
    """Bytes of these columns of a row: integers as int64, everything else with its length."""
    whole = [index for index in indices if kinds[index] in (int, bool)]
    other = [(index, _ENCODE.get(_element(kinds[index]), _text)) for index in indices if index not in whole]
    pack = struct.Struct(f"<{len(whole)}q").pack

    def encode(row: Row) -> bytes:
        return b"".join([prefix, pack(*[row[index] for index in whole]), *[code(row[index]) for index, code in other]])

    return encode


def _element(kind: Any) -> Any:
    return tuple(kind.__args__[:1]) if hasattr(kind, "__args__") else kind


@lru_cache(maxsize=4096)
def _text(word: str) -> bytes:
    return packed(str(word))


def _hex(value: float) -> bytes:
    return packed(float(value).hex())


def _list_of(text: Callable[[Any], Any]) -> Callable[[Iterable[Any]], bytes]:
    return lambda values: packed(*map(text, values))


_ENCODE: dict[Any, Callable[[Any], bytes]] = {
    float: _hex,
    (int,): packed_integers,
    (str,): _list_of(str),
    (float,): _list_of(lambda value: float(value).hex()),
}

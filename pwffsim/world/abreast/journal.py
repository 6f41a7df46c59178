"""Everybody's diaries: spans, messages and fates as pages, in the order in which events would have written them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pwffsim.runs.page import Column, Page, Words
from pwffsim.runs.records import (
    CELL,
    NO_UPDATE,
    NO_VERSION,
    SERVER,
    Aggregation,
    Direction,
    Fate,
    Record,
    SpanKind,
    Tensors,
)

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_TURN_BITS, _STEPS = 40, 8

KINDS, DIRECTIONS, FATES = tuple(SpanKind), tuple(Direction), tuple(Fate)


class Book(Protocol):
    """Where pages go."""

    def write(self, page: Page) -> None: ...
    def record(self, table: str, place: int, record: Record) -> None: ...
    def payload(self, tensors: Tensors) -> str: ...


@dataclass(frozen=True, eq=False)
class Moment:
    """When something is written: at times int64[n] ns; what is written at one time comes by order, then by whose turn
    it is, int64[n], and then by step."""

    at_ns: IntArray
    order: int
    turn: IntArray
    step: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of a table that have no places yet."""

    table: str
    moment: Moment
    columns: Mapping[str, Column]

    def write(self, book: Book, places: IntArray) -> None:
        book.write(Page(self.table, places, self.columns))


@dataclass(frozen=True, eq=False)
class _Versions:
    """Global versions that have no places yet."""

    moment: Moment
    records: Sequence[Aggregation]

    def write(self, book: Book, places: IntArray) -> None:
        for place, record in zip(places.tolist(), self.records, strict=True):
            book.record("rounds", place, record)


_Entry = _Rows | _Versions


class Journal:
    """Gathers what some rounds write, and puts it in order when they are over.

    Args:
        book: where pages go.
        names: of all clients, by number.
        stages: names of the stages.
    """

    def __init__(self, book: Book, names: tuple[str, ...], stages: tuple[str, ...]) -> None:
        self._book = book
        self._actors = (*names, SERVER, CELL)
        self._stages = ("", *stages)
        self._notes = ("",)
        self._payloads: dict[str, int] = {}
        self._digests: list[str] = []
        self._entries: list[_Entry] = []
        self._place = 0
        self.server, self.cell = len(names), len(names) + 1

    def payload(self, tensors: Tensors) -> int:
        """The code of a payload."""
        digest = self._book.payload(tensors)
        if digest not in self._payloads:
            self._payloads[digest] = len(self._digests)
            self._digests.append(digest)
        return self._payloads[digest]

    def payloads(self, codes: IntArray) -> Words:
        """Payloads by code."""
        return Words(self._digests, codes)

    def stages(self, names: Sequence[str], repeats: int) -> Words:
        """Stages, each for so many rows."""
        return Words(self._stages, np.repeat([self._stages.index(name) for name in names], repeats))

    def spans(
        self,
        moment: Moment,
        actors: IntArray | int,
        kind: SpanKind,
        start_ns: IntArray,
        end_ns: IntArray,
        energy_nj: IntArray | int = 0,
        about: Mapping[str, Column] | None = None,
        size_bytes: IntArray | int = 0,
    ) -> None:
        """Spans of clients by number, of ``server`` or of ``cell``, left out where they have no length; ``about``: the
        tasks that they belong to."""
        what: dict[str, Column] = {"bytes": size_bytes, "energy_nj": energy_nj, **(about or self._idle)}
        rows = _Rows("spans", moment, self._span(actors, kind, start_ns, end_ns - start_ns) | what)
        self._add(rows, end_ns > start_ns)

    def instants(self, moment: Moment, actor: int, kind: SpanKind, about: Mapping[str, Column]) -> None:
        """Spans without length."""
        what: dict[str, Column] = {"bytes": 0, "energy_nj": 0, **about}
        self._entries.append(_Rows("spans", moment, self._span(actor, kind, moment.at_ns, 0) | what))

    @property
    def _idle(self) -> dict[str, Column]:
        """Of no task."""
        return {"stage": Words(self._stages, 0), "round": 0, "version": NO_VERSION, "update": NO_UPDATE}

    def _span(
        self, actors: IntArray | int, kind: SpanKind, start_ns: IntArray, duration_ns: IntArray | int
    ) -> dict[str, Column]:
        return {
            "actor": Words(self._actors, actors),
            "kind": Words(KINDS, KINDS.index(kind)),
            "start_ns": start_ns,
            "duration_ns": duration_ns,
            "note": Words(self._notes, 0),
        }

    def messages(self, moment: Moment, clients: IntArray, direction: Direction, columns: Mapping[str, Column]) -> None:
        """Messages from or to clients by number."""
        ends = Words(self._actors, clients), Words(self._actors, self.server)
        source, target = ends if direction is Direction.UP else ends[::-1]
        whole = {
            "source": source,
            "target": target,
            "direction": Words(DIRECTIONS, DIRECTIONS.index(direction)),
            "cell": Words(self._actors, self.cell),
            "handovers": 0,
            "held_ns": 0,
            **columns,
        }
        self._entries.append(_Rows("messages", moment, whole))

    def fates(
        self, moment: Moment, clients: IntArray, fate: Fate, about: Mapping[str, Column], chosen: BoolArray
    ) -> None:
        """What becomes of the chosen ones of updates of clients by number."""
        mine = {"client": Words(self._actors, clients), "fate": Words(FATES, FATES.index(fate))}
        self._add(_Rows("updates", moment, {**mine, **about}), chosen)

    def versions(self, moment: Moment, records: Sequence[Aggregation]) -> None:
        """New global versions."""
        self._entries.append(_Versions(moment, records))

    def close(self) -> None:
        """These rounds are over: what was written is put in order."""
        if not self._entries:
            return
        places = self._place + _ranks([entry.moment for entry in self._entries])
        self._place += places.size
        ends = np.cumsum([entry.moment.at_ns.size for entry in self._entries])
        for entry, own in zip(self._entries, np.split(places, ends[:-1]), strict=True):
            entry.write(self._book, own)
        self._entries = []

    def _add(self, rows: _Rows, kept: BoolArray) -> None:
        if kept.any():
            self._entries.append(rows if kept.all() else _where(rows, kept))


def _where(rows: _Rows, kept: BoolArray) -> _Rows:
    moment = rows.moment
    left = Moment(moment.at_ns[kept], moment.order, moment.turn[kept], moment.step)
    return _Rows(rows.table, left, {name: _kept(column, kept) for name, column in rows.columns.items()})


def _kept(column: Any, kept: BoolArray) -> Any:
    if isinstance(column, Words):
        return Words(column.vocabulary, _kept(column.codes, kept))
    return column[kept] if isinstance(column, np.ndarray) else column


def _ranks(moments: Sequence[Moment]) -> IntArray:
    """Places of all rows: by time, order, turn and step."""
    sizes = [moment.at_ns.size for moment in moments]
    at_ns = np.concatenate([moment.at_ns for moment in moments])
    turn = np.concatenate([moment.turn for moment in moments])
    order = np.repeat([moment.order << _TURN_BITS for moment in moments], sizes)
    step = np.repeat([moment.step for moment in moments], sizes)
    sequence = np.lexsort(((order | turn) * _STEPS + step, at_ns))
    ranks = np.empty(sequence.size, dtype=np.int64)
    ranks[sequence] = np.arange(sequence.size)
    return ranks

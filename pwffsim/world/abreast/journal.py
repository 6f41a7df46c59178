"""Everybody's diaries: spans, messages and fates as pages, in the order in which events would have written them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pwffsim.kernel.order import Order
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

_CLIENT_BITS, _STEPS = 40, 8

KINDS, DIRECTIONS, FATES = tuple(SpanKind), tuple(Direction), tuple(Fate)


class Book(Protocol):
    """Where pages go."""

    def write(self, page: Page) -> None: ...
    def record(self, table: str, place: int, record: Record) -> None: ...
    def payload(self, tensors: Tensors) -> str: ...


@dataclass(frozen=True, eq=False)
class Moment:
    """When something is written: at times int64[n] ns, in the clients' turn of an order, an entry a client; ``step``
    tells apart what a client writes at one time."""

    at_ns: IntArray
    order: Order
    step: int


@dataclass(frozen=True, eq=False)
class _Entry:
    """Rows that have no places yet."""

    table: str
    moment: Moment
    clients: IntArray
    columns: Mapping[str, Column]


class Journal:
    """Gathers what a round writes, and puts it in order when the round is over.

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

    def actors(self, codes: IntArray | int) -> Words:
        """Clients by number, ``server`` and ``cell``."""
        return Words(self._actors, codes)

    def stage(self, name: str) -> Words:
        """A stage, or none."""
        return Words(self._stages, self._stages.index(name))

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

    def spans(
        self,
        moment: Moment,
        clients: IntArray,
        kind: SpanKind,
        start_ns: IntArray,
        end_ns: IntArray,
        energy_nj: IntArray,
        about: Mapping[str, Column] | None = None,
        size_bytes: IntArray | int = 0,
    ) -> None:
        """A span a client, left out where it has no length; ``about``: the task that it belongs to."""
        columns = self._span(clients, kind, start_ns, end_ns - start_ns, about) | {
            "bytes": size_bytes,
            "energy_nj": energy_nj,
        }
        self._add(_Entry("spans", moment, clients, columns), end_ns > start_ns)

    def _single(
        self, kind: SpanKind, actor: int, start_ns: int, end_ns: int, about: Mapping[str, Column] | None
    ) -> None:
        columns = self._span(actor, kind, start_ns, end_ns - start_ns, about)
        self._book.write(Page("spans", self._next(1), columns | {"bytes": 0, "energy_nj": 0}))

    def _span(
        self,
        actor: IntArray | int,
        kind: SpanKind,
        start_ns: IntArray | int,
        duration_ns: IntArray | int,
        about: Mapping[str, Column] | None,
    ) -> dict[str, Column]:
        return {
            "actor": self.actors(actor),
            "kind": Words(KINDS, KINDS.index(kind)),
            "start_ns": start_ns,
            "duration_ns": duration_ns,
            "note": Words(self._notes, 0),
            **(about or {"stage": self.stage(""), "round": 0, "version": NO_VERSION, "update": NO_UPDATE}),
        }

    def messages(self, moment: Moment, clients: IntArray, direction: Direction, columns: Mapping[str, Column]) -> None:
        """A message a client."""
        mine, server = self.actors(clients), self.actors(self.server)
        source, target = (mine, server) if direction is Direction.UP else (server, mine)
        whole = {
            "source": source,
            "target": target,
            "direction": Words(DIRECTIONS, DIRECTIONS.index(direction)),
            "cell": self.actors(self.cell),
            "handovers": 0,
            "held_ns": 0,
            **columns,
        }
        self._entries.append(_Entry("messages", moment, clients, whole))

    def turn(self) -> None:
        """The clients' part of the round is over: what they wrote is put in order."""
        if not self._entries:
            return
        places = self._place + _ranks(self._entries)
        self._place += places.size
        first = 0
        for entry in self._entries:
            last = first + entry.clients.size
            self._book.write(Page(entry.table, places[first:last], entry.columns))
            first = last
        self._entries = []

    def fates(self, clients: IntArray, fate: Fate, about: Mapping[str, Column]) -> None:
        """Fates of updates, in the order given."""
        if clients.size:
            mine = {"client": self.actors(clients), "fate": Words(FATES, FATES.index(fate))}
            self._book.write(Page("updates", self._next(clients.size), {**mine, **about}))

    def row(
        self, kind: SpanKind, actor: int, start_ns: int, end_ns: int, about: Mapping[str, Column] | None = None
    ) -> None:
        """A span of an actor that is no client."""
        if end_ns > start_ns:
            self._single(kind, actor, start_ns, end_ns, about)

    def instant(self, kind: SpanKind, actor: int, at_ns: int, about: Mapping[str, Column]) -> None:
        """A span without length of an actor that is no client."""
        self._single(kind, actor, at_ns, at_ns, about)

    def aggregation(self, record: Aggregation) -> None:
        """A new global version."""
        self._book.record("rounds", self._place, record)
        self._place += 1

    def _next(self, rows: int) -> IntArray:
        self._place += rows
        return np.arange(self._place - rows, self._place)

    def _add(self, entry: _Entry, kept: BoolArray) -> None:
        if kept.all():
            self._entries.append(entry)
        elif kept.any():
            self._entries.append(_where(entry, kept))


def _where(entry: _Entry, kept: BoolArray) -> _Entry:
    moment = Moment(entry.moment.at_ns[kept], entry.moment.order, entry.moment.step)
    columns = {name: _kept(column, kept) for name, column in entry.columns.items()}
    return _Entry(entry.table, moment, entry.clients[kept], columns)


def _kept(column: Any, kept: BoolArray) -> Any:
    if isinstance(column, Words):
        return Words(column.vocabulary, _kept(column.codes, kept))
    return column[kept] if isinstance(column, np.ndarray) else column


def _ranks(entries: list[_Entry]) -> IntArray:
    """Places of the rows of all entries: by time, order, client and step."""
    sizes = [entry.clients.size for entry in entries]
    at_ns = np.concatenate([entry.moment.at_ns for entry in entries])
    client = np.concatenate([entry.clients for entry in entries])
    order = np.repeat([int(entry.moment.order) << _CLIENT_BITS for entry in entries], sizes)
    step = np.repeat([entry.moment.step for entry in entries], sizes)
    sequence = np.lexsort(((order | client) * _STEPS + step, at_ns))
    ranks = np.empty(sequence.size, dtype=np.int64)
    ranks[sequence] = np.arange(sequence.size)
    return ranks

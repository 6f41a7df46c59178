"""YAML 1.2 text -> a tree of values that know their line and column.

Plain scalars are read by the YAML 1.2 core schema (``1e6`` is a float, ``no`` and ``12:30:00`` are strings, ``0777``
is 777). Refused with their place: duplicate keys, keys without a value, tags, keys that are no words, several
documents, aliases that multiply beyond measure, nesting beyond measure. libyaml does the lexical work; no object is
ever constructed by tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from pwffsim.scenario.errors import Loc, Place, Problem, ScenarioErrors, Source, dotted

NO_VALUE = "has no value; write null for nothing, or {} for a section of defaults"
MAX_DEPTH = 32
MAX_ALIASED = 100_000
"""Values that aliases may add to those that are written out."""

_MAX_DIGITS = 400
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Node:
    """A value and where it stands.

    Attributes:
        value: a dict of :class:`Entry`, a list of :class:`Node`, or a scalar.
        place: where the value begins.
        size: values in it, itself included, aliases counted each time.
    """

    value: Any
    place: Place
    size: int = 1


@dataclass(slots=True)
class Entry:
    """What a mapping holds under a key: the key's place, and the value."""

    place: Place
    node: Node


def plain(node: Node) -> Any:
    """The bare values: dicts, lists, scalars."""
    if isinstance(node.value, dict):
        return {key: plain(entry.node) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def core_scalar(text: str) -> Any:
    """A plain scalar by the YAML 1.2 core schema: null, bool, int, float or str.

    Raises:
        ValueError: for a number that is too large to hold.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise ValueError(f"a number of {len(text)} digits is too large")
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise ValueError(f"{text[:40]} is too large for a number")
        return number
    return _rare_number(text)


def _rare_number(text: str) -> Any:
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if infinite := _INFINITE.fullmatch(text):
        return float(f"{infinite[1]}inf")
    return text


def parse(text: str, source: Source) -> tuple[Node, list[Problem]]:
    """The one document in `text`, and what is wrong with it that reading could go on behind.

    An empty text is a null.

    Raises:
        ScenarioErrors: for text that is not YAML, or that cannot be read on.
    """
    if bad := _UNPRINTABLE.search(text):
        line = len(Source("", text[: bad.start()]).lines) - 1
        column = len(Source("", text[: bad.start()]).lines[-1])
        _refuse(Place(source, line, column), f"not YAML: control character {bad[0]!r}")
    builder = _Builder(source, text)
    return builder.document(), builder.problems


def _refuse(place: Place, message: str, loc: Loc = ()) -> NoReturn:
    raise ScenarioErrors([Problem(dotted(loc), message, place)])


@dataclass
class _Builder:
    """Turns libyaml's events into nodes."""

    source: Source
    text: str
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    aliased: int = 0

    def document(self) -> Node:
        events = self._events()
        if isinstance(next(events), yaml.StreamEndEvent):
            return Node(None, Place(self.source, 0, 0))
        root = self._node(next(events), events, ())
        next(events)
        after = next(events)
        if isinstance(after, yaml.DocumentStartEvent):
            _refuse(self._place(after), "a second document begins here; a scenario is one document")
        return root

    def _events(self) -> Iterator[Any]:
        """Events without the stream's start; syntax errors with their place."""
        try:
            events = yaml.parse(self.text, Loader=yaml.CSafeLoader)
            next(events)
            yield from events
        except yaml.MarkedYAMLError as error:
            unfinished = error.problem == "found unexpected end of stream"
            mark = error.context_mark if unfinished else error.problem_mark
            place = Place(self.source, mark.line, mark.column) if mark else Place(self.source, 0, 0)
            _refuse(place, self._syntax(error, place))

    def _syntax(self, error: yaml.MarkedYAMLError, place: Place) -> str:
        if "\t" in self.source.line(place.line)[: place.column + 1]:
            return "not YAML: a tab cannot indent; use spaces"
        return f"not YAML: {error.problem} {error.context or ''}".rstrip()

    def _place(self, event: Any) -> Place:
        return Place(self.source, event.start_mark.line, event.start_mark.column)

    def _problem(self, place: Place, message: str, loc: Loc) -> None:
        self.problems.append(Problem(dotted(loc), message, place))

    def _node(self, event: Any, events: Iterator[Any], loc: Loc) -> Node:
        place = self._place(event)
        if len(loc) > MAX_DEPTH:
            _refuse(place, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place, loc)
        self._check_tag(event, place, loc)
        if not event.anchor:
            return self._content(event, events, loc, place)
        self.open_anchors.add(event.anchor)
        self.anchors[event.anchor] = self._content(event, events, loc, place)
        self.open_anchors.discard(event.anchor)
        return self.anchors[event.anchor]

    def _content(self, event: Any, events: Iterator[Any], loc: Loc, place: Place) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return Node(self._scalar(event, place, loc), place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, loc, place)
        return self._mapping(events, loc, place)

    def _check_tag(self, event: Any, place: Place, loc: Loc) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._problem(place, f"tag {tag!r} has no meaning here; quote a value to make it a string", loc)

    def _alias(self, anchor: str, place: Place, loc: Loc) -> Node:
        if anchor in self.open_anchors:
            _refuse(place, f"alias '*{anchor}' stands inside its own anchor", loc)
        if anchor not in self.anchors:
            _refuse(place, f"alias '*{anchor}' has no anchor '&{anchor}' before it", loc)
        node = self.anchors[anchor]
        self.aliased += node.size
        if self.aliased > MAX_ALIASED:
            _refuse(place, f"aliases stand for more than {MAX_ALIASED} values", loc)
        return node

    def _scalar(self, event: Any, place: Place, loc: Loc) -> Any:
        if not event.implicit[0]:
            return event.value
        if event.value == "":
            self._problem(place, NO_VALUE, loc)
        try:
            return core_scalar(event.value)
        except ValueError as error:
            self._problem(place, str(error), loc)
            return event.value

    def _list(self, events: Iterator[Any], loc: Loc, place: Place) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, (*loc, len(items))))
        return Node(items, place, 1 + sum(item.size for item in items))

    def _mapping(self, events: Iterator[Any], loc: Loc, place: Place) -> Node:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key_place = self._place(event)
            key = self._key(event, key_place, loc)
            node = self._node(next(events), events, (*loc, key))
            if first := entries.get(key):
                where = f"line {first.place.line + 1}, column {first.place.column + 1}"
                self._problem(key_place, f"key {key!r} is given twice; first in {where}", (*loc, key))
            else:
                entries[key] = Entry(key_place, node)
        return Node(entries, place, 1 + sum(entry.node.size for entry in entries.values()))

    def _key(self, event: Any, place: Place, loc: Loc) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            _refuse(place, "a key must be a word", loc)
        if event.implicit[0] and event.value == "<<":
            _refuse(place, "merge keys ('<<') are no part of YAML 1.2; write the keys out", loc)
        if event.implicit[0] and not isinstance(self._scalar(event, place, loc), str):
            self._problem(place, f"a key must be a word, and {event.value!r} is not one", loc)
        return event.value

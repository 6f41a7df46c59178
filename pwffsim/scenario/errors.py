"""Errors of a scenario: all at once, each with its place, the offending line, and a caret under what must change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

Loc = tuple[str | int, ...]
"""Where a value is in a scenario: keys and list positions from the top."""

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_WIDTH = 110


@dataclass(frozen=True)
class Source:
    """A text with its name: a file, or one ``--set`` argument (which has no line numbers)."""

    name: str
    text: str
    numbered: bool = True
    order: int = 0

    @cached_property
    def lines(self) -> list[str]:
        """The text by lines, broken where YAML breaks them."""
        return _BREAK.split(self.text)

    def line(self, number: int) -> str:
        """A line, from 0; empty beyond the end."""
        return self.lines[number] if number < len(self.lines) else ""


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a source; line and column count from 0."""

    source: Source
    line: int
    column: int

    def __str__(self) -> str:
        """``file:line:column`` counting from 1, or ``--set[1]``."""
        return f"{self.source.name}:{self.line + 1}:{self.column + 1}" if self.source.numbered else self.source.name

    @property
    def order(self) -> tuple[int, int, int]:
        """Sort key: the file before the overrides, then line and column."""
        return (self.source.order, self.line, self.column)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: the key it concerns, dotted as in ``--set``; empty for the file as a whole.
        message: what is wrong and what would be right.
        place: where it stands; None when the file could not be read at all.
    """

    path: str
    message: str
    place: Place | None

    def render(self) -> str:
        """``file:line:column: path: message``, the line, and a caret."""
        head = f"{self.place}: " if self.place else ""
        head += f"{self.path}: " if self.path else ""
        return "\n".join([head + _printable(self.message), *(_excerpt(self.place) if self.place else [])])


class ScenarioErrors(Exception):  # noqa: N818 (it is several)
    """Everything that is wrong with a scenario, in the order in which it stands there.

    Attributes:
        problems: at least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = sorted(problems, key=lambda p: p.place.order if p.place else (0, 0, 0))
        super().__init__(self.render())

    def render(self) -> str:
        """The text for a terminal or a log; no colours."""
        return "\n".join(problem.render() for problem in self.problems)


def dotted(loc: Sequence[str | int]) -> str:
    """``("clients", "overrides", 0, "tier")`` -> ``"clients.overrides[0].tier"``."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _excerpt(place: Place) -> list[str]:
    """The line, cut to a window around the place, and the caret; nothing for a line without text."""
    line = _printable(place.source.line(place.line))
    if not line.strip():
        return []
    start = 0 if len(line) <= _WIDTH else max(0, place.column - 2 * _WIDTH // 3)
    end = start + _WIDTH
    left, right = "..." if start else "", "..." if end < len(line) else ""
    return [f"    {left}{line[start:end]}{right}", " " * (4 + len(left) + place.column - start) + "^"]


def _printable(text: str) -> str:
    """Tabs and control characters as one space or question mark each, so that the caret stays in its column."""
    return "".join(c if c.isprintable() or c == "\n" else " " if c == "\t" else "?" for c in text)

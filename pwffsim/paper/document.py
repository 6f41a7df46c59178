"""The report before it is a page: sections with words, tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A titled table of texts; every row is as long as the head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: its heading.
        words: paragraphs.
        tables: below them.
        plots: drawings, each the inside of an SVG.
        picture: file name of the plots together, where they are written on their own.
    """

    title: str
    words: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[str, ...] = ()
    picture: str = ""


@dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    words: tuple[str, ...]
    sections: tuple[Section, ...]

"""The report as Markdown: the same tables, with the pictures as files beside it."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.paper.document import Document, Section, Table

_ESCAPED = {"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "*": "\\*", "_": "\\_", "`": "\\`", "\n": " "}


def markdown(document: Document) -> str:
    """The text."""
    lines = [f"# {_text(document.title)}", *_paragraphs(document.words)]
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {_text(section.title)}")
    yield from _paragraphs(section.words)
    if section.picture:
        yield from ("", f"![{_text(section.title)}]({section.picture})")
    for table in section.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"**{_text(table.title)}**", "")
    yield _row(table.head)
    yield "|" + "---|" * len(table.head)
    yield from (_row(row) for row in table.rows)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_text(cell) for cell in cells) + " |"


def _paragraphs(words: tuple[str, ...]) -> Iterator[str]:
    for paragraph in words:
        yield from ("", _text(paragraph))


def _text(text: str) -> str:
    """Nothing in a text is markup."""
    return "".join(_ESCAPED.get(character, character) for character in text)

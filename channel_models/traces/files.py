"""Reading of foreign files in bounded memory and time."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from channel_models.traces.errors import TraceError

MAX_BYTES = 100_000_000
MAX_LINES = 20_000_000
MAX_LINE_BYTES = 4096

_SHOWN_CHARACTERS = 60
_GZIP_MAGIC = b"\x1f\x8b"
_CUT = "cut it into shorter files"


@dataclass(frozen=True)
class TraceFile:
    """A file of at most 100 MB. path: where it lies."""

    path: Path

    def refusal(self, line: int | None, problem: str, remedy: str) -> TraceError:
        """The error that names this file and a line of it (counted from 1)."""
        return TraceError(self.path, line, problem, remedy)

    def lines(self) -> Iterator[tuple[int, str]]:
        """(number from 1, text without blanks at its ends) of every line; empty ones may only end the file.

        Raises TraceError for no file, no line, more than 100 MB, 20 million lines or 4096 bytes a line, and bytes
        that are not UTF-8 text.
        """
        number, last_text = 0, 0
        for number, raw in enumerate(self._raw_lines(), start=1):
            text = self._decoded(number, raw)
            if not text:
                continue
            if number != last_text + 1:
                raise self.refusal(last_text + 1, "empty line", "remove it")
            last_text = number
            yield number, text
        if not last_text:
            raise self.refusal(None, "the file is empty", "give a file with a recording in it")

    def number(self, line: int | None, text: str, what: str, least: float, most: float = inf) -> float:
        """The finite number that a text spells, within bounds. Raises TraceError naming the line."""
        try:
            value = float(text) if "_" not in text else inf
        except ValueError:
            value = inf
        if not isfinite(value):
            raise self.refusal(line, f"{what} must be a finite number, got {shown(text)}", "correct or remove the line")
        if not least <= value <= most:
            problem = f"{what} must be at least {least:g} and at most {most:g}, got {shown(text)}"
            raise self.refusal(line, problem, "correct or remove the line")
        return value

    def document(self) -> Any:
        """The JSON value that the file holds, gzipped or not.

        Raises TraceError for no file, more than 100 MB (uncompressed), broken compression, broken JSON and NaN.
        """
        data = self._uncompressed()
        if len(data) > MAX_BYTES:
            raise self.refusal(None, f"more than {MAX_BYTES} bytes of JSON", _CUT)
        try:
            return json.loads(data, parse_constant=self._refuse_constant)
        except json.JSONDecodeError as broken:
            raise self.refusal(broken.lineno, f"broken JSON ({broken.msg})", "give the file as published") from broken
        except TraceError:
            raise
        except (ValueError, RecursionError) as broken:
            problem = f"not JSON text ({type(broken).__name__})"
            raise self.refusal(None, problem, "give the file as published") from broken

    def _refuse_constant(self, word: str) -> NoReturn:
        raise self.refusal(None, f"the number {word} in JSON", "give finite numbers")

    def _uncompressed(self) -> bytes:
        with self._opened() as stream:
            packed = stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            stream.seek(0)
            try:
                return (gzip.GzipFile(fileobj=stream) if packed else stream).read(MAX_BYTES + 1)
            except (OSError, EOFError, zlib.error) as broken:
                raise self.refusal(None, f"broken gzip ({broken})", "fetch the file again") from broken

    def _raw_lines(self) -> Iterator[bytes]:
        with self._opened() as stream:
            for number in range(1, MAX_LINES + 2):
                raw = stream.readline(MAX_LINE_BYTES + 1)
                if not raw:
                    return
                if len(raw) > MAX_LINE_BYTES:
                    raise self.refusal(number, f"line of more than {MAX_LINE_BYTES} bytes", "give a text recording")
                yield raw
        raise self.refusal(MAX_LINES + 1, f"more than {MAX_LINES} lines", _CUT)

    def _opened(self) -> BinaryIO:
        if not self.path.is_file():
            raise self.refusal(None, "no such file", "correct the path")
        if self.path.stat().st_size > MAX_BYTES:
            raise self.refusal(None, f"more than {MAX_BYTES} bytes", _CUT)
        return self.path.open("rb")

    def _decoded(self, number: int, raw: bytes) -> str:
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as broken:
            raise self.refusal(number, "not text", "uncompress the file, or give a text recording") from broken
        if "\x00" in text:
            raise self.refusal(number, "not text (a NUL byte)", "give a text recording")
        return text


def shown(text: object) -> str:
    """A value as an error may show it: quoted, cut."""
    return repr(text if not isinstance(text, str) else text[:_SHOWN_CHARACTERS])[: 2 * _SHOWN_CHARACTERS]

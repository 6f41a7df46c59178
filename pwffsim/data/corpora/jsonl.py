"""Local files: Alpaca-format instruction JSONL and hh-rlhf preference JSONL, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pwffsim.data.corpora.pool import Pairs, deal
from pwffsim.data.corpora.records import Reading, UnusableError, alpaca, hh_rlhf, name_topics, parse
from pwffsim.data.errors import DataError
from pwffsim.data.federated import FederatedData, ShardSize
from pwffsim.data.population import Client
from pwffsim.data.rows import OBJECTIVES, Instruction
from pwffsim.data.spec import DataSpec, Files


class Jsonl:
    """Rows out of the spec's ``files``."""

    name = "jsonl"

    def build(self, spec: DataSpec, clients: Sequence[Client]) -> FederatedData:
        rows, pairs, report = read_files(spec.files)
        return deal(spec, clients, rows, pairs, {"corpus": self.name, **report})

    def census(self, spec: DataSpec, clients: Sequence[Client]) -> list[ShardSize]:
        return self.build(spec, clients).sizes

    def row_counts(self, spec: DataSpec) -> dict[str, int] | None:
        rows, pairs, _ = read_files(spec.files)
        return {"instructions": len(rows), **{name: len(p) for name, p in pairs.items()}}


def read_files(files: Files) -> tuple[list[Instruction], Pairs, dict[str, Any]]:
    """Instruction rows, pairs by objective, and the report (``files``: path -> what became of its lines)."""
    report: dict[str, Any] = {}
    rows = name_topics(_read("instructions", files.instructions, alpaca, report))
    pairs = {name: _read(name, getattr(files, name), hh_rlhf, report) for name in OBJECTIVES}
    return rows, pairs, {"files": report}


def read_lines(path: str, reader: Any, reading: Reading, seen: set[str]) -> list[Any]:
    """Rows of one file by one of the record readers. DataError for a file that cannot be read."""
    return parse(_lines(resolve(path)), reader, reading, seen)


def resolve(path: str) -> Path:
    """The file of a path, variables filled in. DataError for an unset variable or a missing file."""
    filled = os.path.expanduser(os.path.expandvars(path))
    unset = re.search(r"\$\{?(\w+)\}?", filled)
    if unset:
        raise DataError(f"{path}: the environment variable {unset[1]} is not set; {_remedy(unset[1])}")
    file = Path(filled)
    if not file.is_file():
        raise DataError(f"{filled}: no such file; {_remedy('PWFFSIM_DATA')}")
    return file


def _remedy(variable: str) -> str:
    return f"set {variable} to the folder that holds the data, or correct the path under data.files"


def _read(what: str, paths: Sequence[str], reader: Any, report: dict[str, Any]) -> list[Any]:
    if not paths:
        raise DataError(f"corpus jsonl needs at least one file under data.files.{what}")
    rows: list[Any] = []
    seen: set[str] = set()
    for path in paths:
        reading = Reading(path)
        rows += read_lines(path, reader, reading, seen)
        reading.require_some("give a file with rows in the expected format")
        report[path] = reading.summary()
    return rows


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    """(file:line, record) of every line; a broken one is an UnusableError."""
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield f"{file.name}:{number}", _record(line)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{file}: cannot be read ({error}); is the file whole, and gzipped if it ends in .gz?"
        ) from error


def _record(line: bytes) -> Any:
    if not line.strip():
        return UnusableError("empty line")
    try:
        return json.loads(line)
    except UnicodeDecodeError:
        return UnusableError("not UTF-8")
    except ValueError:
        return UnusableError("broken JSON")

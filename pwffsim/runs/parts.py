"""Parquet parts: a table in files of some ten thousand rows, each whole or absent."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from pwffsim.runs.atomic import replacing
from pwffsim.runs.errors import RunDamaged, TornPart

PART_NAME = re.compile(r"part-(\d{6})\.parquet")


def part_paths(folder: Path) -> list[Path]:
    """The parts in a folder, in order; an absent folder has none."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if PART_NAME.fullmatch(path.name))


def write_part(folder: Path, index: int, table: Any) -> Path:
    """Write part number ``index``: zstd, deltas for integers, split bytes for floats."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"part-{index:06d}.parquet"
    encodings = {field.name: _ENCODINGS[str(field.type)] for field in table.schema if str(field.type) in _ENCODINGS}
    words: Any = [field.name for field in table.schema if str(field.type) == "string"]
    with replacing(path) as file:
        pq.write_table(table, file, compression="zstd", use_dictionary=words, column_encoding=encodings)
    return path


_ENCODINGS = {"int64": "DELTA_BINARY_PACKED", "double": "BYTE_STREAM_SPLIT"}


def read_parts(folder: Path, like: Any, *, finished: bool) -> Any:
    """All readable rows as a pyarrow.Table with the columns of ``like``.

    A part that cannot be read is left out with a TornPart warning, or raises RunDamaged in a ``finished`` run.
    """
    import pyarrow as pa

    tables = [like]
    for path in part_paths(folder):
        try:
            tables.append(_read_part(path, like.schema))
        except (pa.ArrowException, OSError, EOFError, KeyError) as error:
            if finished:
                raise RunDamaged(f"{path}: cannot be read ({error}), though the run was finished") from error
            warnings.warn(f"{path}: left out, cannot be read ({error})", TornPart, stacklevel=2)
    return pa.concat_tables(tables)


def _read_part(path: Path, schema: Any) -> Any:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return file.read().select(schema.names).cast(schema)

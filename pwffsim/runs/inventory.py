"""Whether a finished run still has the files that its manifest lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pwffsim.runs.errors import RunDamaged
from pwffsim.runs.parts import part_paths
from pwffsim.runs.payloads import FILE_NAME as PAYLOADS
from pwffsim.runs.sources import RESOLVED, SCENARIO, SUMMARY
from pwffsim.runs.tables import TABLES

DOCUMENTS = (PAYLOADS, SUMMARY, SCENARIO, RESOLVED)


def verify(directory: Path, manifest: Mapping[str, Any]) -> None:
    """Hold the tables, payloads, summary and scenario of a finished run against the manifest's ``files``, by size; what
    is written about a run afterwards (its report, a trace) is nobody's loss.

    Raises RunDamaged, naming the file, if one is missing, has another size or is a part of a table that is not listed.
    """
    listed = _listed(directory, manifest)
    for name, size in listed.items():
        path = directory / name
        if not path.is_file():
            raise RunDamaged(f"{path}: is missing, though the run was finished")
        if path.stat().st_size != size:
            raise RunDamaged(f"{path}: has {path.stat().st_size} bytes, it had {size} when the run was finished")
    for path in (path for table in TABLES for path in part_paths(directory / table)):
        if path.relative_to(directory).as_posix() not in listed:
            raise RunDamaged(f"{path}: is not among the files of the run when it was finished")


def _listed(directory: Path, manifest: Mapping[str, Any]) -> dict[str, int]:
    """Name -> bytes of the files that are part of the run."""
    try:
        sizes = {str(entry["path"]): int(entry["bytes"]) for entry in manifest["files"]}
    except (KeyError, TypeError, ValueError) as error:
        raise RunDamaged(f"{directory}: the manifest of this finished run has no list of its files") from error
    return {name: size for name, size in sizes.items() if name in DOCUMENTS or name.partition("/")[0] in TABLES}

"""Where a run's tables come from: a directory, or memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from pwffsim.runs.errors import RunDamaged, RunNotFound
from pwffsim.runs.parts import read_parts
from pwffsim.runs.payloads import FILE_NAME as PAYLOADS
from pwffsim.runs.records import Tensors
from pwffsim.runs.tables import empty

MANIFEST = "manifest.json"
SUMMARY = "summary.json"
SCENARIO = "scenario.yaml"
RESOLVED = "scenario.resolved.json"
SCHEMA_VERSION = 2
DONE = "done"


class Source(Protocol):
    """Gives a run's raw contents."""

    @property
    def path(self) -> Path | None:
        """The run directory; None for a run in memory."""
        ...

    def table(self, name: str) -> Any:
        """A pyarrow.Table of all rows of a table."""
        ...

    def payloads(self) -> dict[str, Tensors]:
        """Digest -> tensors."""
        ...

    def document(self, name: str) -> dict[str, Any]:
        """A JSON document; {} if it is not there."""
        ...


class MemorySource:
    """A run that was never written."""

    path: Path | None = None

    def __init__(
        self,
        batches: dict[str, list[Any]],
        tensors: dict[str, Tensors],
        manifest: dict[str, Any],
        scenario: dict[str, Any],
    ) -> None:
        self._batches = {name: list(tables) for name, tables in batches.items()}
        self._tensors = tensors
        self._documents = {MANIFEST: manifest, RESOLVED: scenario}

    def table(self, name: str) -> Any:
        """A pyarrow.Table of all rows of a table."""
        import pyarrow as pa

        return pa.concat_tables([empty(name), *self._batches[name]])

    def payloads(self) -> dict[str, Tensors]:
        """Digest -> tensors."""
        return self._tensors

    def document(self, name: str) -> dict[str, Any]:
        """A JSON document; {} if it is not there."""
        return self._documents.get(name, {})


class DirectorySource:
    """A run directory. Raises RunNotFound if ``path`` is none."""

    def __init__(self, path: Path) -> None:
        if not (path / MANIFEST).is_file():
            raise RunNotFound(_not_found(path))
        self.path: Path = path.resolve()
        self._finished = self.document(MANIFEST).get("status") == DONE

    def table(self, name: str) -> Any:
        """A pyarrow.Table of all rows of a table."""
        return read_parts(self.path / name, empty(name), finished=self._finished)

    def payloads(self) -> dict[str, Tensors]:
        """Digest -> tensors."""
        stored = self.document(PAYLOADS)
        return {digest: tuple((name, size) for name, size in tensors) for digest, tensors in stored.items()}

    def document(self, name: str) -> dict[str, Any]:
        """A JSON document; {} if it is not there. Raises RunDamaged if it cannot be read."""
        path = self.path / name
        if not path.is_file():
            return {}
        try:
            value = json.loads(path.read_bytes())
        except ValueError as error:
            raise RunDamaged(f"{path}: not valid JSON ({error})") from error
        if not isinstance(value, dict):
            raise RunDamaged(f"{path}: expected a JSON object, found {type(value).__name__}")
        return value


def _not_found(path: Path) -> str:
    if not path.exists():
        return f"{path}: no such run directory{_beside(path.parent)}"
    return f"{path}: not a run directory (it has no {MANIFEST}){_beside(path)}"


def _beside(folder: Path) -> str:
    found = (manifest.parent for manifest in folder.glob(f"*/{MANIFEST}"))
    runs = sorted(run.name for run in found if not run.is_symlink())
    return f"; {folder} holds {', '.join(runs[-5:])}" if runs else ""

"""The directory in which one run is recorded."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pwffsim.runs.atomic import TEMPORARY_SUFFIX, write_bytes, write_json
from pwffsim.runs.environment import environment
from pwffsim.runs.errors import RunExists
from pwffsim.runs.sources import MANIFEST, RESOLVED, SCENARIO, SCHEMA_VERSION, SUMMARY

RUNS = Path("runs")
LATEST = "latest"
RUNNING = "running"
STATUSES = (RUNNING, "done", "interrupted", "diverged", "failed")
_HASH_CHARACTERS = 6
_CHUNK_BYTES = 1 << 20


class RunDirectory:
    """A run directory that is being written. Made by ``create``."""

    def __init__(self, path: Path, fields: dict[str, Any], created: datetime) -> None:
        self.path = path
        self._fields = fields
        self._created = created

    def scenario(self, source: bytes, resolved: dict[str, Any]) -> None:
        """Keep the scenario: the bytes that the user gave, and what they meant."""
        write_bytes(self.path / SCENARIO, source)
        write_json(self.path / RESOLVED, resolved)

    def summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json."""
        write_json(self.path / SUMMARY, summary)

    def manifest(self, status: str, *, now_utc: datetime | None = None, **fields: Any) -> dict[str, Any]:
        """Merge ``fields`` into manifest.json, and once the run is over its end, wall time and files' hashes.

        Returns the whole manifest. Raises ValueError for an unknown status.
        """
        if status not in STATUSES:
            raise ValueError(f"status {status!r} is not one of {', '.join(STATUSES)}")
        self._fields |= fields | {"status": status}
        if status != RUNNING:
            self._finish(now_utc or datetime.now(UTC))
            self._fields |= {"files": files(self.path)}
        write_json(self.path / MANIFEST, self._fields)
        return dict(self._fields)

    def _finish(self, now_utc: datetime) -> None:
        """The first end counts: what is written afterwards is about the run, not part of it."""
        if "finished_utc" not in self._fields:
            wall_s = (now_utc - self._created).total_seconds()
            self._fields |= {"finished_utc": _utc(now_utc), "wall_s": wall_s}


def create(out: Path | None, name: str, scenario_hash: str, now_utc: datetime) -> RunDirectory:
    """Make a run directory, its manifest with status ``running`` first.

    With ``out`` None it is ``runs/<YYYYmmdd-HHMMSS>_<name>_<first 6 of the hash>`` (a number is added if another run
    has the name) and ``runs/latest`` points to it. Otherwise it is ``out``; RunExists if something is there already.
    Raises ValueError if ``now_utc`` carries no time zone.
    """
    if now_utc.tzinfo is None:
        raise ValueError(f"now_utc needs a time zone: {now_utc}")
    stem = f"{now_utc:%Y%m%d-%H%M%S}_{_slug(name)}_{scenario_hash[:_HASH_CHARACTERS]}"
    path = _fresh(RUNS, stem) if out is None else _claimed(Path(out))
    fields = {
        "schema_version": SCHEMA_VERSION,
        "run_id": stem if out is not None else path.name,
        "name": name,
        "status": RUNNING,
        "scenario_sha256": scenario_hash,
        "created_utc": _utc(now_utc),
        **environment(),
    }
    run = RunDirectory(path, fields, now_utc)
    run.manifest(RUNNING)
    if out is None:
        _point_latest(path)
    return run


def files(directory: Path) -> list[dict[str, Any]]:
    """``{path, bytes, sha256}`` of each file below a run directory, but for the manifest that holds this list."""
    found = (path for path in sorted(directory.rglob("*")) if path.is_file() and path != directory / MANIFEST)
    return [
        {"path": path.relative_to(directory).as_posix(), "bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in found
        if not path.name.endswith(TEMPORARY_SUFFIX)
    ]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _fresh(folder: Path, stem: str) -> Path:
    link = folder / LATEST
    if link.exists() and not link.is_symlink():
        raise RunExists(f"{link} is not a link to a run: move it away, the name is needed")
    path, number = folder / stem, 1
    while True:
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1
            path = folder / f"{stem}-{number}"
        else:
            return path


def _claimed(path: Path) -> Path:
    if path.is_file() or path.is_symlink() or (path.is_dir() and any(path.iterdir())):
        raise RunExists(
            f"{path} already exists and is not empty; a recorded run is never overwritten: "
            "give --out another directory, or leave --out away, or remove it yourself"
        )
    path.mkdir(parents=True, exist_ok=True)
    return path


def _point_latest(path: Path) -> None:
    temporary = path.parent / f".{LATEST}-{path.name}{TEMPORARY_SUFFIX}"
    temporary.symlink_to(path.name, target_is_directory=True)
    temporary.replace(path.parent / LATEST)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:60] or "run"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")

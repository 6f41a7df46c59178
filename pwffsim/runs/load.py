"""Recorded runs as DataFrames, without torch or SimPy."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwffsim.runs.errors import RunDamaged
from pwffsim.runs.inventory import verify
from pwffsim.runs.records import Tensors
from pwffsim.runs.sources import DONE, MANIFEST, RESOLVED, SCHEMA_VERSION, SUMMARY, DirectorySource, Source

if TYPE_CHECKING:
    from pandas import DataFrame

NANO = 1e9


class Run:
    """A recorded run; each table is read when it is first asked for.

    Beside each ``*_ns`` column stands ``*_s``, beside ``energy_nj`` stands ``energy_j``. A run that is still in
    progress, or was interrupted, shows what has been written.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def path(self) -> Path | None:
        """The run directory; None for a run in memory."""
        return self._source.path

    @cached_property
    def spans(self) -> DataFrame:
        """What each actor did when; see ``records.Span``."""
        return self._frame("spans")

    @cached_property
    def messages(self) -> DataFrame:
        """The transfers; see ``records.Message``; ``payload`` is a key of ``payloads``."""
        return self._frame("messages")

    @cached_property
    def rounds(self) -> DataFrame:
        """One row per aggregation; see ``records.Aggregation``."""
        return self._frame("rounds")

    @cached_property
    def updates(self) -> DataFrame:
        """What became of each update; see ``records.UpdateFate``."""
        return self._frame("updates")

    @cached_property
    def metrics(self) -> DataFrame:
        """Measured values in long form; see ``records.Metric``."""
        return self._frame("metrics")

    @cached_property
    def payloads(self) -> dict[str, Tensors]:
        """Digest -> ((tensor name, bytes), ...)."""
        return self._source.payloads()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """manifest.json: how, where and from what the run was made, and whether it is done."""
        return self._source.document(MANIFEST)

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario, defaults and overrides applied."""
        return self._source.document(RESOLVED)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json; computed from the records where it has not been written."""
        from pwffsim.runs.summary import summarise

        return self._source.document(SUMMARY) or summarise(self)

    def reread(self) -> Run:
        """The same records, with manifest and summary as they stand now."""
        for document in ("manifest", "summary"):
            self.__dict__.pop(document, None)
        return self

    def _frame(self, name: str) -> DataFrame:
        frame: DataFrame = self._source.table(name).to_pandas()
        for column in list(frame.columns):
            unit = {"_ns": "_s", "_nj": "_j"}.get(column[-3:])
            if unit:
                frame[column[:-3] + unit] = frame[column] / NANO
        return frame


def load(path: str | os.PathLike[str]) -> Run:
    """Open a run directory (``runs/latest`` works).

    Raises RunNotFound if there is none at ``path``, RunDamaged if it cannot be understood, or is done and lacks a file
    or has one of another size than its manifest lists. Parts that cannot be read are left out with a TornPart warning
    as long as the run is not done.
    """
    source = DirectorySource(Path(path))
    run = Run(source)
    version = run.manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise RunDamaged(f"{path}: written in format {version!r}, this version reads format {SCHEMA_VERSION}")
    if run.manifest.get("status") == DONE:
        verify(source.path, run.manifest)
    return run

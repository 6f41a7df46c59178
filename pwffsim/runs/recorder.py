"""The recorder: the world appends records here; they end up in Parquet parts, or stay in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pwffsim.runs.errors import RecordInvalid, RunExists
from pwffsim.runs.parts import part_paths, write_part
from pwffsim.runs.payloads import Payloads
from pwffsim.runs.prints import RunFingerprints
from pwffsim.runs.records import Aggregation, Message, Metric, Record, Span, UpdateFate
from pwffsim.runs.tables import TABLES, TableBuffer

if TYPE_CHECKING:
    from pwffsim.runs.load import Run

ROWS_A_PART = 65_536


class Sink(Protocol):
    """Where full buffers go."""

    def write(self, table: str, rows: Any, payloads: Payloads) -> None:
        """Take a pyarrow.Table of rows that follow those taken before."""
        ...


class PartSink:
    """Writes each batch as the next Parquet part below a directory."""

    def __init__(self, directory: Path) -> None:
        taken = next((name for name in TABLES if part_paths(directory / name)), None)
        if taken is not None:
            raise RunExists(f"{directory} already holds records ({taken}/): record into a new directory")
        self._directory = directory
        self._parts = dict.fromkeys(TABLES, 0)

    def write(self, table: str, rows: Any, payloads: Payloads) -> None:
        """Write a part, after the payloads that its rows refer to."""
        payloads.write(self._directory)
        write_part(self._directory / table, self._parts[table], rows)
        self._parts[table] += 1


class MemorySink:
    """Keeps the batches."""

    def __init__(self) -> None:
        self.batches: dict[str, list[Any]] = {name: [] for name in TABLES}

    def write(self, table: str, rows: Any, payloads: Payloads) -> None:
        """Keep a batch."""
        self.batches[table].append(rows)


class Recorder:
    """Takes records in the order in which they happen, folds them into the fingerprints, and writes them in parts.

    A part is written every ``rows_a_part`` rows of a table, and with ``flush``; a killed process loses at most what was
    not flushed. Raises RunExists where records already lie, RecordInvalid for a value that a table cannot take.
    """

    def __init__(self, directory: Path, *, rows_a_part: int = ROWS_A_PART) -> None:
        self._start(PartSink(Path(directory)), rows_a_part)

    def _start(self, sink: Sink, rows_a_part: int) -> None:
        self._sink = sink
        self._rows_a_part = rows_a_part
        self._buffers = {name: TableBuffer(record_type) for name, record_type in TABLES.items()}
        self._counts = dict.fromkeys(TABLES, 0)
        self._payloads = Payloads()
        self._prints = RunFingerprints()
        self._closed = False

    def span(self, record: Span) -> None:
        """Record what an actor did."""
        self._record("spans", record)

    def message(self, record: Message) -> None:
        """Record a transfer."""
        self._record("messages", record, self._payloads.digest(record.tensors))

    def aggregation(self, record: Aggregation) -> None:
        """Record a new global version."""
        self._record("rounds", record)

    def fate(self, record: UpdateFate) -> None:
        """Record what became of an update."""
        self._record("updates", record)

    def metric(self, record: Metric) -> None:
        """Record a measured value."""
        self._record("metrics", record)

    @property
    def fingerprints(self) -> dict[str, str]:
        """``{"network": hex, "full": hex}`` of all records so far."""
        return self._prints.hexdigests()

    @property
    def counts(self) -> dict[str, int]:
        """Records so far, by table."""
        return dict(self._counts)

    def flush(self) -> None:
        """Write what is buffered."""
        for name in TABLES:
            self._write(name)

    def close(self) -> None:
        """Flush and take no more records; closing twice is harmless."""
        if not self._closed:
            self.flush()
            self._closed = True

    def _record(self, table: str, record: Record, *extra: str) -> None:
        if self._closed:
            raise RecordInvalid(f"the recorder is closed: {record}")
        buffer = self._buffers[table]
        self._prints.fold(table, buffer.append(record, *extra))
        self._counts[table] += 1
        if len(buffer) >= self._rows_a_part:
            self._write(table)

    def _write(self, table: str) -> None:
        buffer = self._buffers[table]
        if len(buffer):
            self._sink.write(table, buffer.arrow(), self._payloads)
            buffer.clear()


class MemoryRecorder(Recorder):
    """A recorder that writes nothing and gives its records back as a Run: for plans and tests."""

    def __init__(self, *, rows_a_part: int = ROWS_A_PART) -> None:
        self._memory = MemorySink()
        self._start(self._memory, rows_a_part)

    def run(self, manifest: dict[str, Any] | None = None, scenario: dict[str, Any] | None = None) -> Run:
        """All records so far, as ``load`` would give them."""
        from pwffsim.runs.load import Run
        from pwffsim.runs.sources import MemorySource

        self.flush()
        return Run(MemorySource(self._memory.batches, dict(self._payloads.tensors), manifest or {}, scenario or {}))

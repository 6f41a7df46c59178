"""A small lawful run, written by hand: two clients, two stages, every fate, a retransmission, a loss, a queue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pwffsim.runs.load import Run
from pwffsim.runs.recorder import MemoryRecorder, Recorder
from pwffsim.runs.records import (
    CELL,
    SERVER,
    Aggregation,
    Direction,
    Fate,
    Message,
    Metric,
    Record,
    Span,
    SpanKind,
    UpdateFate,
)

C0, C1 = "client-00", "client-01"
TENSORS = (("h.0.adapter.down.weight", 60), ("h.0.adapter.up.weight", 40))
DOWN_NJ, AIR_W = 3, 2
COMPUTE_W = {C0: 0.25, C1: 0.125}
END_NS = 175
MANIFEST = {
    "schema_version": 1,
    "channels": 1,
    "power_w": {"uplink": AIR_W, "compute": COMPUTE_W},
    "retransmissions": 1,
    "residual_loss": "discard",
}


def transfer(
    update: int, client: str, direction: Direction, start_ns: int, end_ns: int, about: Any, **more: Any
) -> Message:
    """100 bytes in 4 packets, all delivered unless said otherwise."""
    ends = (client, SERVER) if direction == Direction.UP else (SERVER, client)
    energy_nj = AIR_W * (end_ns - start_ns) if direction == Direction.UP else DOWN_NJ
    facts: dict[str, Any] = {"delivered_bytes": 100, "lost_bytes": 0, "transmissions": 4, "complete": True} | more
    return Message(
        update, *ends, direction, start_ns, end_ns, *about, payload_bytes=100, packets=4, energy_nj=energy_nj,
        mean_snr_db=5.0, mean_rate_bps=1e6, tensors=TENSORS, **facts,
    )  # fmt: skip


def task(update: int, client: str, about: Any, times: tuple[int, ...], again_ns: int = 0, **more: Any) -> list[Record]:
    """Download, compute, queue and upload between these times, then ``again_ns`` of retransmission."""
    down, work, wait, air, end = times

    def span(kind: SpanKind, start_ns: int, end_ns: int, **facts: Any) -> Span:
        return Span(client, kind, start_ns, end_ns - start_ns, *about, update=update, **facts)

    records: list[Record] = [
        span(SpanKind.DOWNLOAD, down, work, bytes=100, energy_nj=DOWN_NJ),
        transfer(update, client, Direction.DOWN, down, work, about),
        span(SpanKind.COMPUTE, work, wait, energy_nj=round(COMPUTE_W[client] * (wait - work))),
        span(SpanKind.QUEUE, wait, air),
        span(SpanKind.UPLOAD, air, end, bytes=100, energy_nj=AIR_W * (end - air)),
        span(SpanKind.RETRANSMIT, end, end + again_ns, energy_nj=AIR_W * again_ns),
        Span(CELL, SpanKind.UPLOAD, air, end + again_ns - air, *about, update=update, note=client),
        transfer(update, client, Direction.UP, air, end + again_ns, about, **more),
    ]
    return [record for record in records if not isinstance(record, Span) or record.duration_ns > 0]


def idle(client: str, start_ns: int, end_ns: int) -> Span:
    return Span(client, SpanKind.IDLE, start_ns, end_ns - start_ns, "", 0)


def aggregation(time_ns: int, about: Any, updates: dict[int, str], weights: tuple[float, ...]) -> list[Record]:
    stage, round_, base = about
    return [
        *(UpdateFate(update, client, stage, round_, base, Fate.APPLIED) for update, client in updates.items()),
        Span(SERVER, SpanKind.AGGREGATE, time_ns, 0, stage, round_, base + 1),
        Aggregation(
            time_ns,
            stage,
            round_,
            base + 1,
            tuple(updates),
            tuple(updates.values()),
            weights,
            (0,) * len(updates),
            f"d{base}",
        ),
    ]


ONE, TWO, THREE = ("instruction", 1, 0), ("instruction", 2, 1), ("reward", 1, 2)

RECORDS: list[Record] = [
    *task(0, C0, ONE, (0, 10, 30, 30, 50), again_ns=5, transmissions=5),
    idle(C0, 55, 70),
    *task(1, C1, ONE, (0, 12, 52, 55, 70)),
    *aggregation(70, ONE, {0: C0, 1: C1}, (0.25, 0.75)),
    Metric(70, C0, "instruction", 1, "loss", 3.0),
    Metric(70, C1, "instruction", 1, "loss", 2.5),
    *task(2, C0, TWO, (70, 80, 100, 100, 120), delivered_bytes=60, lost_bytes=40, complete=False),
    UpdateFate(2, C0, "instruction", 2, 1, Fate.LOST),
    idle(C0, 120, 130),
    *task(3, C1, TWO, (70, 82, 122, 122, 130)),
    *aggregation(130, TWO, {3: C1}, (1.0,)),
    Metric(130, C0, "instruction", 2, "loss", 1.5),
    Metric(130, C1, "instruction", 2, "loss", 2.75),
    Metric(130, SERVER, "instruction", 2, "global_accuracy", 0.5),
    *task(4, C0, THREE, (130, 140, 150, 150, 160)),
    *aggregation(160, THREE, {4: C0}, (1.0,)),
    Span(C0, SpanKind.COMPUTE, 160, 10, *THREE, energy_nj=2, update=7),
    UpdateFate(7, C0, *THREE, Fate.KEPT),
    *task(5, C1, THREE, (130, 145, 165, 165, 175)),
    UpdateFate(5, C1, *THREE, Fate.LATE),
    UpdateFate(6, C1, *THREE, Fate.SKIPPED),
    idle(C0, 170, END_NS),
]


def write(recorder: Recorder, records: Iterable[Record]) -> None:
    """Give each record to the method of its type."""
    methods = {
        Span: recorder.span,
        Message: recorder.message,
        Aggregation: recorder.aggregation,
        UpdateFate: recorder.fate,
        Metric: recorder.metric,
    }
    for record in records:
        methods[type(record)](record)


def remember(records: Iterable[Record], **manifest: Any) -> Run:
    """A run in memory; ``manifest`` changes what MANIFEST declares."""
    return remember_with(MANIFEST | manifest, records)


def remember_with(manifest: dict[str, Any], records: Iterable[Record]) -> Run:
    """A run in memory that declares this and nothing else."""
    recorder = MemoryRecorder()
    write(recorder, records)
    return recorder.run(manifest)


def where(record_type: type, /, **fields: Any) -> int:
    """The place in RECORDS of the first record of this type with these fields."""
    return next(
        index
        for index, record in enumerate(RECORDS)
        if isinstance(record, record_type) and all(getattr(record, name) == value for name, value in fields.items())
    )


def changed(index: int, **changes: Any) -> list[Record]:
    """RECORDS with one record changed."""
    return [*RECORDS[:index], replace(RECORDS[index], **changes), *RECORDS[index + 1 :]]


def without(index: int) -> list[Record]:
    """RECORDS with one record missing."""
    return [*RECORDS[:index], *RECORDS[index + 1 :]]

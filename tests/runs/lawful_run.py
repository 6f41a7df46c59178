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
UPLINK_W = 0.5
RADIO = {
    "amplifier_efficiency": 0.5,
    "circuit_power_w": 1.0,
    "receive_power_w": 0.3,
    "tail_power_w": 0.75,
    "tail_s": 5e-9,
    "idle_power_w": 0.25,
    "idle_s": 10e-9,
    "sleep_power_w": 0.125,
}
AIR_W = UPLINK_W / RADIO["amplifier_efficiency"] + RADIO["circuit_power_w"]
"""2 W from start to end of an upload that has the air to itself."""
COMPUTE_W = {C0: 0.25, C1: 0.125}
END_NS = 175
MANIFEST = {
    "schema_version": 2,
    "channels": 1,
    "power_w": {"uplink": UPLINK_W, "compute": COMPUTE_W, "radio": RADIO},
    "retransmissions": 1,
    "residual_loss": "discard",
}
ACTIVE = (SpanKind.UPLOAD, SpanKind.RETRANSMIT, SpanKind.DOWNLOAD)


def transfer(
    update: int, client: str, direction: Direction, start_ns: int, end_ns: int, about: Any, **more: Any
) -> Message:
    """100 bytes in 4 packets, all delivered and without a break unless said otherwise."""
    ends = (client, SERVER) if direction == Direction.UP else (SERVER, client)
    air_ns = end_ns - start_ns - more.get("held_ns", 0)
    facts: dict[str, Any] = {
        "delivered_bytes": 100, "lost_bytes": 0, "transmissions": 4, "complete": True, "cell": CELL, "handovers": 0,
        "held_ns": 0, "on_air_ns": air_ns, "full_power_ns": air_ns,
        "energy_nj": round((AIR_W if direction == Direction.UP else RADIO["receive_power_w"]) * air_ns),
    } | more  # fmt: skip
    return Message(
        update, *ends, direction, start_ns, end_ns, *about, payload_bytes=100, packets=4,
        mean_snr_db=5.0, mean_rate_bps=1e6, tensors=TENSORS, **facts,
    )  # fmt: skip


def task(update: int, client: str, about: Any, times: tuple[int, ...], again_ns: int = 0, **more: Any) -> list[Record]:
    """Download, compute, queue and upload between these times, then ``again_ns`` of retransmission."""
    down, work, wait, air, end = times

    def span(kind: SpanKind, start_ns: int, end_ns: int, **facts: Any) -> Span:
        return Span(client, kind, start_ns, end_ns - start_ns, *about, update=update, **facts)

    records: list[Record] = [
        span(SpanKind.DOWNLOAD, down, work, bytes=100),
        transfer(update, client, Direction.DOWN, down, work, about),
        span(SpanKind.COMPUTE, work, wait),
        span(SpanKind.QUEUE, wait, air),
        span(SpanKind.UPLOAD, air, end, bytes=100),
        span(SpanKind.RETRANSMIT, end, end + again_ns),
        Span(CELL, SpanKind.UPLOAD, air, end + again_ns - air, *about, update=update, note=client),
        transfer(update, client, Direction.UP, air, end + again_ns, about, **more),
    ]
    return [record for record in records if not isinstance(record, Span) or record.duration_ns > 0]


def rest_w(since_ns: float, active_before: bool) -> float:
    """What a radio at rest draws in the nanosecond that begins so long after its last activity, or the start."""
    tail_ns = 5 if active_before else 0
    states = ((tail_ns, "tail_power_w"), (tail_ns + 10, "idle_power_w"), (float("inf"), "sleep_power_w"))
    return next(RADIO[name] for end_ns, name in states if since_ns < end_ns)


def with_energy(records: list[Record]) -> list[Record]:
    """The records with the energy of clients' spans, nanosecond by nanosecond."""
    active_ns: dict[str, int] = {}
    found: list[Record] = []
    for record in records:
        counted = isinstance(record, Span) and record.actor in COMPUTE_W
        found.append(replace(record, energy_nj=round(drawn_nj(record, active_ns))) if counted else record)
        if counted and record.kind in ACTIVE:
            active_ns[record.actor] = record.end_ns
    return found


def drawn_nj(span: Span, active_ns: dict[str, int]) -> float:
    """Energy of a client's span; ``active_ns`` says when its radio was last active, if it was."""
    if span.kind in ACTIVE:
        return (RADIO["receive_power_w"] if span.kind == SpanKind.DOWNLOAD else AIR_W) * span.duration_ns
    work_nj = COMPUTE_W[span.actor] * span.duration_ns if span.kind == SpanKind.COMPUTE else 0.0
    since_ns = active_ns.get(span.actor, 0)
    moments = range(span.start_ns - since_ns, span.end_ns - since_ns)
    return work_nj + sum(rest_w(moment, span.actor in active_ns) for moment in moments)


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

SCRIPT: list[Record] = [
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
    Span(C0, SpanKind.COMPUTE, 160, 10, *THREE, update=7),
    UpdateFate(7, C0, *THREE, Fate.KEPT),
    *task(5, C1, THREE, (130, 145, 165, 165, 175)),
    UpdateFate(5, C1, *THREE, Fate.LATE),
    UpdateFate(6, C1, *THREE, Fate.SKIPPED),
    idle(C0, 170, END_NS),
]

RECORDS = with_energy(SCRIPT)


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


def where(record_type: type, /, records: list[Record] = RECORDS, **fields: Any) -> int:
    """The place of the first record of this type with these fields."""
    return next(
        index
        for index, record in enumerate(records)
        if isinstance(record, record_type) and all(getattr(record, name) == value for name, value in fields.items())
    )


def changed(index: int, /, records: list[Record] = RECORDS, **changes: Any) -> list[Record]:
    """The records with one of them changed."""
    return [*records[:index], replace(records[index], **changes), *records[index + 1 :]]


def without(index: int, records: list[Record] = RECORDS) -> list[Record]:
    """The records with one of them missing."""
    return [*records[:index], *records[index + 1 :]]

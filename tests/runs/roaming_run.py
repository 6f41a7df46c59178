"""A small lawful run over a network, written by hand: two cells, a hub and wires behind them, handovers, a jammer.

One client at a time has a cell's band. Client 0 changes cells while it receives and again while it sends, and then
queues; what client 1 sends is not whole. The server makes one version of what client 0 has sent.
"""

from __future__ import annotations

from typing import Any

from lawful_run import C0, C1, MANIFEST, aggregation, transfer, with_energy

from pwffsim.runs.records import Direction, Fate, Record, Span, SpanKind, UpdateFate

WEST, EAST, JAMMER = "west", "east", "truck"
ABOUT = ("instruction", 1, 0)
END_NS = 77
NETWORK = {
    "cells": [WEST, EAST],
    "channels": 2,
    "handover_s": 3e-9,
    "wires": [
        {"ends": [WEST, "hub"], "delay_s": 1e-9},
        {"ends": [EAST, "hub"], "delay_s": 1e-9},
        {"ends": ["hub", "server"], "delay_s": 2e-9},
    ],
}
DECLARED = MANIFEST | NETWORK


def span(actor: str, kind: SpanKind, start_ns: int, end_ns: int, update: int = -1, **facts: Any) -> Span:
    """What an actor does between two times, for an update or (idle, jamming) for none."""
    about = ABOUT if update >= 0 else ("", 0, -1)
    return Span(actor, kind, start_ns, end_ns - start_ns, *about, update=update, **facts)


def hop(wire: str, start_ns: int, update: int, size_bytes: int = 100) -> Span:
    """A message on a wire, 4 ns long."""
    return span(wire, SpanKind.BACKHAUL, start_ns, start_ns + 4, update, bytes=size_bytes)


TO_C0 = {"cell": EAST, "handovers": 1, "held_ns": 3}
FROM_C0 = {"cell": WEST, "handovers": 1, "held_ns": 8, "transmissions": 6}
FROM_C1 = {"cell": WEST, "delivered_bytes": 60, "lost_bytes": 40, "complete": False}

ROAMING: list[Record] = with_energy(
    [
        hop("server>hub", 0, 0),
        hop("server>hub", 4, 1),
        hop("hub>west", 6, 0),
        hop("hub>west", 10, 1),
        span(C0, SpanKind.IDLE, 0, 11),
        span(C0, SpanKind.DOWNLOAD, 11, 15, 0, bytes=100),
        span(C0, SpanKind.HANDOVER, 15, 18, 0),
        span(C0, SpanKind.DOWNLOAD, 18, 24, 0),
        transfer(0, C0, Direction.DOWN, 11, 24, ABOUT, **TO_C0),
        span(C1, SpanKind.IDLE, 0, 15),
        span(C1, SpanKind.DOWNLOAD, 15, 22, 1, bytes=100),
        transfer(1, C1, Direction.DOWN, 15, 22, ABOUT, cell=WEST),
        span(C0, SpanKind.COMPUTE, 24, 40, 0),
        span(C1, SpanKind.COMPUTE, 22, 46, 1),
        span(EAST, SpanKind.UPLOAD, 40, 50, 0, note=C0),
        span(WEST, SpanKind.UPLOAD, 46, 58, 1, note=C1),
        span(C1, SpanKind.UPLOAD, 46, 58, 1, bytes=100),
        transfer(1, C1, Direction.UP, 46, 58, ABOUT, **FROM_C1),
        hop("west>hub", 58, 1, 60),
        hop("hub>server", 63, 1, 60),
        span(WEST, SpanKind.UPLOAD, 58, 66, 0, note=C0),
        span(C0, SpanKind.UPLOAD, 40, 50, 0, bytes=100),
        span(C0, SpanKind.HANDOVER, 50, 53, 0),
        span(C0, SpanKind.QUEUE, 53, 58, 0),
        span(C0, SpanKind.UPLOAD, 58, 62, 0),
        span(C0, SpanKind.RETRANSMIT, 62, 66, 0),
        transfer(0, C0, Direction.UP, 40, 66, ABOUT, **FROM_C0),
        hop("west>hub", 66, 0),
        hop("hub>server", 71, 0),
        *aggregation(END_NS, ABOUT, {0: C0}, (1.0,)),
        UpdateFate(1, C1, *ABOUT, Fate.LOST),
        span(C0, SpanKind.IDLE, 66, END_NS),
        span(C1, SpanKind.IDLE, 58, END_NS),
        span(JAMMER, SpanKind.IDLE, 0, 5),
        span(JAMMER, SpanKind.JAM, 5, 9),
        span(JAMMER, SpanKind.IDLE, 9, END_NS),
        span("east>hub", SpanKind.IDLE, 0, END_NS),
    ]
)

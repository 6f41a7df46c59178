"""A made-up run over a network: two cells, wires through a hub, handovers, turns on the air, a jammer; all lawful."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import synthetic_run
from synthetic_run import HASH, MOMENT, NS, name

from pwffsim.runs.directory import create
from pwffsim.runs.laws import check
from pwffsim.runs.load import Run, load
from pwffsim.runs.recorder import Recorder
from pwffsim.runs.records import Aggregation, Direction, Fate, Message, Span, SpanKind, UpdateFate
from pwffsim.runs.summary import summarise

CLIENTS, ROUNDS, STAGE = 4, 5, "instruction"
CELLS, JAMMER = ("harbour", "market"), "truck"
SIZE, TURN = 80_000, 0.5
"""Bytes of a payload; the share of its air time in which an uploader transmits."""
HOP, DELAY, INTERRUPTION = 40_000_000, 5_000_000, 50_000_000
IDLE_W, CIRCUIT_W, RECEIVE_W = 0.1, 0.3, 0.2
NETWORK: dict[str, Any] = {
    "cells": list(CELLS),
    "channels": CLIENTS,
    "handover_s": INTERRUPTION / NS,
    "wires": [{"ends": [end, "hub"], "delay_s": DELAY / NS} for end in (*CELLS, "server")]
    + [{"ends": ["hub", "attic"], "delay_s": 0.0}],
    "power_w": {
        "uplink": 1.0,
        "compute": dict.fromkeys(map(name, range(CLIENTS)), 4.0),
        "radio": synthetic_run.RADIO | {"idle_power_w": IDLE_W, "circuit_power_w": CIRCUIT_W},
    },
}


class Part:
    """One client's part in one round: spans one after the other from ``at`` on."""

    def __init__(self, recorder: Recorder, client: int, update: int, number: int, version: int) -> None:
        self.recorder, self.client, self.update = recorder, client, update
        self.facts: dict[str, Any] = {"stage": STAGE, "round": number, "version": version, "update": update}
        self.cell = CELLS[client % 2]

    def hops(self, at: int, *nodes: str) -> int:
        """The message over wires, from node to node; when it is there."""
        for source, target in pairwise(nodes):
            self.recorder.span(Span(f"{source}>{target}", SpanKind.BACKHAUL, at, HOP, bytes=SIZE, **self.facts))
            at += HOP + DELAY
        return at

    def span(self, kind: SpanKind, at: int, length: int, power_w: float, size: int = 0) -> int:
        """A span of the client; when it is over."""
        energy = round(power_w * length)
        self.recorder.span(Span(name(self.client), kind, at, length, energy_nj=energy, bytes=size, **self.facts))
        return at + length

    def transfer(self, way: Direction, at: int, length: int, moves: bool) -> int:
        """On air for so long, halfway handed over to the other cell if it moves; when it is over."""
        up = way == Direction.UP
        kind, share = (SpanKind.UPLOAD, TURN) if up else (SpanKind.DOWNLOAD, 1.0)
        power_w = share * (1.0 + CIRCUIT_W) + (1 - share) * IDLE_W if up else RECEIVE_W
        end = self.span(kind, at, length // 2, power_w, SIZE)
        if moves:
            end = self.span(SpanKind.HANDOVER, end, INTERRUPTION, IDLE_W)
            self.cell = CELLS[1 - CELLS.index(self.cell)]
        end = self.span(kind, end, length // 2, power_w)
        self.post(way, at, end, share, power_w * length, INTERRUPTION if moves else 0)
        return end

    def post(self, way: Direction, at: int, end: int, share: float, energy: float, held: int) -> None:
        """The message that the spans on air belong to."""
        ends = (name(self.client), "server") if way == Direction.UP else ("server", name(self.client))
        on_air = round(share * (end - at - held))
        self.recorder.message(
            Message(
                source=ends[0], target=ends[1], direction=way, sent_ns=at, received_ns=end, payload_bytes=SIZE,
                delivered_bytes=SIZE, lost_bytes=0, packets=55, transmissions=55, energy_nj=round(energy),
                mean_snr_db=10.0 - 2 * self.client, mean_rate_bps=1e6, complete=True, cell=self.cell,
                handovers=int(held > 0), held_ns=held, on_air_ns=on_air, full_power_ns=on_air,
                tensors=(("h.0.adapter.down.weight", SIZE),), **self.facts,
            )
        )  # fmt: skip

    def live(self, at: int) -> int:
        """Download, compute and upload, sent off by the server at a time; when it is back."""
        began = self.hops(at, "server", "hub", self.cell)
        self.idle(at - self.client * NS // 10, began)
        end = self.transfer(Direction.DOWN, began, 400_000_000, moves=False)
        end = self.span(SpanKind.COMPUTE, end, 2 * NS, 4.0 + IDLE_W)
        self.free = self.transfer(Direction.UP, end, 1_000_000_000, moves=self.client >= 2)
        return self.hops(self.free + self.client * NS // 10, self.cell, "hub", "server")

    def idle(self, at: int, end: int) -> None:
        """The client has nothing to do."""
        energy = round(IDLE_W * (end - at))
        self.recorder.span(Span(name(self.client), SpanKind.IDLE, at, end - at, "", 0, energy_nj=energy))


def one_round(recorder: Recorder, number: int, at: int) -> int:
    """A round of all clients, a tenth of a second apart so that they do not meet on wires; when it is over."""
    parts = [Part(recorder, client, number * CLIENTS + client, number, number) for client in range(CLIENTS)]
    end = max(part.live(at + part.client * NS // 10) for part in parts)
    for part in parts:
        part.idle(part.free, end)
        recorder.fate(UpdateFate(part.update, name(part.client), STAGE, number, number, Fate.APPLIED))
    updates, clients = tuple(part.update for part in parts), tuple(name(part.client) for part in parts)
    weights, staleness = (1 / CLIENTS,) * CLIENTS, (0,) * CLIENTS
    recorder.aggregation(Aggregation(end, STAGE, number, number + 1, updates, clients, weights, staleness))
    recorder.span(Span(JAMMER, SpanKind.JAM, at + NS, NS // 2, "", 0))
    return end


def build(folder: Path) -> Run:
    """A whole run directory below ``folder``; its records obey the laws."""
    directory = create(folder / "run", "two cells", HASH, MOMENT)
    directory.scenario(b"name: two cells\n", synthetic_run.scenario("two cells") | {"network": {}})
    directory.manifest("running", **synthetic_run.manifest_fields(CLIENTS) | NETWORK)
    recorder, at = Recorder(directory.path), 0
    for number in range(ROUNDS):
        at = one_round(recorder, number, at)
    for actor in (*CELLS, "hub>attic"):
        recorder.span(Span(actor, SpanKind.IDLE, 0, at, "", 0))
    recorder.close()
    run = load(directory.path)
    laws = check(run)
    directory.summary(summarise(run))
    finished = MOMENT + timedelta(seconds=5)
    directory.manifest("done", now_utc=finished, invariants=laws, fingerprints=recorder.fingerprints)
    return load(directory.path)

"""The radio: one packet-exact upload of 1592 packets, and a round of very many clients, beside their random numbers."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.family import Family, Setting
from benchmarks.row import Row, measured
from benchmarks.script import Figures, figures

_BLOCK_S = 0.05
_PROCESSES = 2


def measure(setting: Setting) -> Iterator[Row]:
    """Uploads one by one and together, then whole rounds."""
    yield from _uploads(setting)
    for fidelity in ("fluid", "packet"):
        yield _round(fidelity, setting)


def _uploads(setting: Setting) -> Iterator[Row]:
    command = [sys.executable, "-m", "benchmarks.packet_engine", "--uploads", "100" if setting.quick else "600"]
    told = [figures(command, setting.limit_s) for _ in range(setting.repeats)]
    floor = [figures["draws_us"] for figures in told]
    for key, name in _UPLOADS.items():
        samples = [figures[key] for figures in told]
        yield measured(name, "us an upload", samples, "its random numbers", floor)


_UPLOADS = {
    "ours_us": "packet-exact upload, Link.transfer",
    "cohort_us": "packet-exact upload, Cohort.finish_s",
    "simpy_stdlib_us": "the same upload as a SimPy loop, a timeout a packet",
}


def _round(fidelity: str, setting: Setting) -> Row:
    clients = 10_000 if setting.quick else 300_000
    shape = ["--clients", str(clients), "--processes", str(_PROCESSES), "--fidelity", fidelity]
    command = [sys.executable, "-m", "benchmarks.million_clients", *shape]
    pairs = [(told := figures(command, setting.limit_s), _gains_us(told)) for _ in range(setting.repeats)]
    samples = [1e6 * told["seconds"] / clients for told, _ in pairs]
    name = f"uplink round of {clients:,} clients, {fidelity}"
    row = measured(name, "us wall a client", samples, "its block gains", [least for _, least in pairs])
    return row.noting(f"peak {max(told['peak_mb'] for told, _ in pairs)} MB, {_PROCESSES} processes")


def _gains_us(told: Figures) -> float:
    """Microseconds a client in which so many processes draw the gains of a mean upload's blocks."""
    clients, blocks = 2000, round(told["mean_finish_s"] / _BLOCK_S)
    begun = time.perf_counter()
    np.random.default_rng(1).exponential(size=(clients, blocks))
    return 1e6 * (time.perf_counter() - begun) / clients / _PROCESSES


FAMILY = Family("channel", "packet-exact uploads and rounds of many clients", measure)

"""Eight radios of one scenario over one store: what a sweep costs beside its first run, and how much it finds.

A synchronous scenario that loses nothing trains the same whatever the radio. Where updates are lost, or summed in the
order of their arrival, only what the radio did not change is found.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.family import Family, Setting
from benchmarks.row import Row
from benchmarks.script import ROOT, Failed, Figures, figures

_SNR_DB = (-2, 0, 2, 4, 6, 8, 10, 12)
_ALL_ARRIVE = ("radio.loss=none", "radio.retransmission=none")
_LOST: tuple[str, ...] = ()
"""The quickstart as it is."""
_AIMED = "synchronous, nothing lost"
_SCENARIOS: dict[str, tuple[str, ...]] = {
    _AIMED: _ALL_ARRIVE,
    "synchronous, updates lost": _LOST,
    "synchronous, updates lost, fusion off": (*_LOST, "compute.fusion=off"),
    "buffered": (*_ALL_ARRIVE, "aggregation.mode=buffered"),
    "buffered, fusion off": (*_ALL_ARRIVE, "aggregation.mode=buffered", "compute.fusion=off"),
}


_LONG, _SHORT = (12, 5, 4), (3, 1, 1)
"""Rounds of instruction, reward and alignment: the quickstart for what is compared in seconds, few for hit rates."""


def _measure(setting: Setting) -> Iterator[Row]:
    for name, settings in _SCENARIOS.items():
        rounds = _LONG if name == _AIMED and not setting.quick else _SHORT
        try:
            yield _row(name, _sweep(settings, rounds, setting))
        except Failed as failure:
            yield Row.absent(name, str(failure))


def _row(name: str, runs: list[Figures]) -> Row:
    seconds = [told["prepare_s"] + told["run_s"] for told in runs]
    later = [told["recipes"] for told in runs[1:]]
    reused, wanted = (
        sum(counts["reused"] for counts in later),
        sum(counts["reused"] + counts["computed"] for counts in later),
    )
    note = f"{len(runs)} radios; {reused / wanted:.0%} of the later runs' results found"
    row = Row.alone(name, "s a sweep", [sum(seconds)], note).over("its first run", [sum(seconds)], [seconds[0]])
    return row.aiming(1.1) if name == _AIMED else row


def _sweep(settings: tuple[str, ...], rounds: tuple[int, ...], setting: Setting) -> list[Figures]:
    """The runs of a sweep, in one process, over a new store."""
    points = _SNR_DB[:2] if setting.quick else _SNR_DB
    staged = (
        f"stages.{stage}.rounds={n}" for stage, n in zip(("instruction", "reward", "alignment"), rounds, strict=True)
    )
    with TemporaryDirectory() as folder:
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "benchmarks.radio_sweep",
            ROOT / "scenarios/quickstart.yaml",
            Path(folder),
        ]
        told = figures([*command, json.dumps([*settings, *staged]), *map(str, points)], setting.limit_s)
    return list(told["runs"])


FAMILY = Family("sweep", "eight radios over one store", _measure)

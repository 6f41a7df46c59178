"""A run: from a prepared scenario to a run directory that says how it ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import isfinite, isnan
from pathlib import Path
from typing import Any

from pwffsim.architecture.groups import OBJECTIVES
from pwffsim.compute.backend import Backend
from pwffsim.compute.scheduler import Scheduler
from pwffsim.exit_codes import Exit, code_of
from pwffsim.runs import directory as directories
from pwffsim.runs.directory import RunDirectory
from pwffsim.runs.errors import LawBroken
from pwffsim.runs.laws import check
from pwffsim.runs.load import Run, load
from pwffsim.runs.recorder import Recorder
from pwffsim.runs.records import CELL
from pwffsim.runs.summary import summarise
from pwffsim.scenario.schema import Network
from pwffsim.simulation import interruption
from pwffsim.simulation.assumptions import assumptions
from pwffsim.simulation.fusion import fusion
from pwffsim.simulation.preparation import Prepared
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.radio.ground import uplink_power_w
from pwffsim.world.world import World
from reports import html

Watch = Callable[[World, Scheduler], AbstractContextManager[Any]]
"""Shows progress while a world runs."""

DEFAULT = Backend()
"""This process, one thread."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        path: the run directory.
        code: the exit code.
        message: what went wrong; empty when nothing did.
    """

    path: Path
    code: Exit
    message: str


def run(prepared: Prepared, out: Path | None, store: Path | None, watch: Watch, backend: Backend = DEFAULT) -> Outcome:
    """Play a scenario out and record it. Whatever happens, the run directory is closed, marked and readable.

    Args:
        prepared: the scenario.
        out: run directory; None for a new one below ``runs``.
        store: folder of training results shared between runs; None for ``store`` beside the run directory.
        watch: shows progress.
        backend: who computes; its results are the same whoever does.

    Raises:
        RunExists: when `out` holds something already.
    """
    loaded = prepared.loaded
    place = directories.create(out, loaded.scenario.name, loaded.sha256, datetime.now(UTC))
    show = _Show(place)
    try:
        show.begin(prepared, store, backend)
        with watch(show.world, show.compute):
            show.world.run()
        interruption.check()
    except BaseException as error:
        with interruption.undisturbed():
            return _broken(show, interruption.as_it_came(error))
    with interruption.undisturbed():
        return _done(show)


class _Show:
    """What is running, as far as it has come.

    Attributes:
        place: the run directory.
        recorder, compute, world: once `begin` has made them.
    """

    recorder: Recorder
    compute: Scheduler
    world: World

    def __init__(self, place: RunDirectory) -> None:
        self.place = place

    def begin(self, prepared: Prepared, store: Path | None, backend: Backend) -> None:
        """Make everything that runs."""
        self.place.scenario(prepared.loaded.source, prepared.loaded.resolved)
        self.recorder = Recorder(self.place.path)
        together = fusion(prepared.blueprint)
        folder = store or self.place.path.parent / "store"
        self.compute = backend.scheduler(folder, together, interruption.check)
        self.place.manifest("running", **_about(prepared, backend))
        self.world = World(prepared.blueprint, self.compute, self.recorder)

    def close(self) -> dict[str, Any]:
        """Stop recording; what is known of the run, for its manifest."""
        if not hasattr(self, "world"):
            return {}
        self.recorder.close()
        self.compute.close()
        return {
            "sim_ns": self.world.written_ns,
            "events": self.world.kernel.events,
            "fingerprints": self.recorder.fingerprints,
            "recipes": asdict(self.compute.counts),
            "baselines": baselines(self.records),
        }

    @cached_property
    def records(self) -> Run:
        """What was recorded, read once when recording has stopped."""
        return load(self.place.path)


def _done(show: _Show) -> Outcome:
    facts = show.close()
    try:
        facts |= {"invariants": check(show.records)}
    except LawBroken as breach:
        return _end(show, "failed", Exit.INCONSISTENT, str(breach), facts)
    return _end(show, "done", Exit.OK, "", facts)


_STATUSES = {Exit.INTERRUPTED: "interrupted", Exit.TERMINATED: "interrupted", Exit.DIVERGED: "diverged"}
"""Exit code -> status of the run directory; every other code means failed."""


def _broken(show: _Show, error: BaseException) -> Outcome:
    """Keep what there is, mark it, and say what happened; unexpected errors go on their way afterwards."""
    code = code_of(error)
    status = _STATUSES.get(code or Exit.INTERNAL, "failed")
    message = str(error) or type(error).__name__
    outcome = _end(show, status, code or Exit.INTERNAL, message, show.close())
    if code is None:
        raise error
    return outcome


def _end(show: _Show, status: str, code: Exit, message: str, facts: dict[str, Any]) -> Outcome:
    """Mark the run directory, then add what is computed from it."""
    place = show.place
    place.manifest(status, exit_code=int(code), error=message, **facts)
    place.summary(summarise(show.records.reread()))
    html.write(show.records.reread(), place.path / "report.html")
    place.manifest(status)
    return Outcome(place.path, code, message)


def _about(prepared: Prepared, backend: Backend) -> dict[str, Any]:
    from pwffsim.learning import runtime

    loaded, blueprint = prepared.loaded, prepared.blueprint
    return {
        "argv": sys.argv,
        "overrides": list(loaded.overrides),
        "method": blueprint.method.name,
        **physics(blueprint),
        "seeds": {"root": loaded.scenario.seed},
        "numerics": runtime.facts(),
        "backend": {"executor": backend.name, "workers": backend.workers},
        "base": {"label": prepared.base.label, "untrained": prepared.base.untrained},
        "assumptions": assumptions(prepared),
        "data_report": dict(prepared.data_report),
        "clients": [
            {
                "name": profile.name,
                "tier": profile.tier.name,
                "mean_snr_db": None if isnan(profile.mean_snr_db) else profile.mean_snr_db,
                "preference_weight": profile.preference,
                "samples": shard.rows,
                "lora_modules_per_block": blueprint.lora_modules(profile),
                "idle": profile.idle,
            }
            for profile, shard in zip(blueprint.profiles, blueprint.shards, strict=True)
        ],
    }


def physics(blueprint: Blueprint) -> dict[str, Any]:
    """What the conservation laws hold a run against: channels, powers, repetitions, what a loss does."""
    scenario = blueprint.scenario
    radio = scenario.radio
    assert radio.retransmission is not None, "a resolved scenario names a model on every axis"
    sharing, attempts = radio.sharing.build(), radio.retransmission.build().attempts
    places = _places(scenario.network)
    return {
        **places,
        "channels": len(places["cells"]) if sharing.exclusive else len(blueprint.profiles),
        "power_w": {
            "uplink": uplink_power_w(scenario),
            "compute": {profile.name: profile.tier.compute_power_w for profile in blueprint.profiles},
            "radio": radio.energy.model_dump(mode="json"),
        },
        "retransmissions": attempts - 1 if isfinite(attempts) else None,
        "residual_loss": radio.residual_loss,
    }


def _places(network: Network | None) -> dict[str, Any]:
    """Cells, the wires behind them, and how long a handover takes (None: there are none)."""
    if network is None:
        return {"cells": [CELL], "wires": [], "handover_s": None}
    return {
        "cells": [cell.name for cell in network.cells],
        "wires": [
            {"ends": list(wire.ends), "delay_s": wire.build(ends=wire.ends).delay_s} for wire in network.backhaul
        ],
        "handover_s": network.handover.build().interruption_s,
    }


_BASELINES = {
    "untuned base": "accuracy",
    "majority": "majority_accuracy",
    "unigram": "unigram_accuracy",
    "bigram": "bigram_accuracy",
}
"""What an accuracy must beat -> the metric that says it, before the first round."""


def baselines(run: Run) -> dict[str, dict[str, float]]:
    """Means over clients of the trivial baselines."""
    metrics = run.metrics
    stages = metrics["stage"]
    start = metrics[(metrics["stage"] == "instruction") & (metrics["round"] == 0) & (metrics["actor"] != "server")]
    means = {str(name): float(value) for name, value in start.groupby("name")["value"].mean().items()}
    found = {label: means[name] for label, name in _BASELINES.items() if name in means}
    chance = {f"{objective}_accuracy": {"chance": 0.5} for objective in OBJECTIVES} if "reward" in set(stages) else {}
    return {**({"accuracy": found} if found else {}), **chance}

"""A run: from a prepared scenario to a run directory that says how it ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pwffsim.architecture.groups import OBJECTIVES
from pwffsim.compute.serial import SerialCompute
from pwffsim.compute.store import Store
from pwffsim.exit_codes import Exit
from pwffsim.runs import directory as directories
from pwffsim.runs.directory import RunDirectory
from pwffsim.runs.errors import LawBroken
from pwffsim.runs.laws import check
from pwffsim.runs.load import Run, load
from pwffsim.runs.recorder import Recorder
from pwffsim.runs.summary import summarise
from pwffsim.scenario.schema import Scenario
from pwffsim.simulation.assumptions import assumptions
from pwffsim.simulation.preparation import Prepared
from pwffsim.world.faults import Diverged
from pwffsim.world.world import World

Watch = Callable[[World, SerialCompute], AbstractContextManager[Any]]
"""Shows progress while a world runs."""


class Terminated(BaseException):
    """SIGTERM has come."""


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


def run(prepared: Prepared, out: Path | None, store: Path | None, watch: Watch) -> Outcome:
    """Play a scenario out and record it. Whatever happens, the run directory is closed, marked and readable.

    Args:
        prepared: the scenario.
        out: run directory; None for a new one below ``runs``.
        store: folder of training results shared between runs; None for ``store`` beside the run directory.
        watch: shows progress.

    Raises:
        RunExists: when `out` holds something already.
    """
    loaded = prepared.loaded
    place = directories.create(out, loaded.scenario.name, loaded.sha256, datetime.now(UTC))
    place.scenario(loaded.source, loaded.resolved)
    compute = SerialCompute(Store(store or place.path.parent / "store"))
    place.manifest("running", **_about(prepared))
    recorder = Recorder(place.path)
    world = World(prepared.blueprint, compute, recorder)
    try:
        with watch(world, compute):
            world.run()
    except BaseException as error:
        return _broken(place, recorder, world, compute, error)
    return _done(place, recorder, world, compute)


def _done(place: RunDirectory, recorder: Recorder, world: World, compute: SerialCompute) -> Outcome:
    facts = _close(place, recorder, world, compute)
    recorded = load(place.path)
    try:
        facts |= {"invariants": check(recorded)}
    except LawBroken as breach:
        return _end(place, "failed", Exit.INCONSISTENT, str(breach), facts)
    return _end(place, "done", Exit.OK, "", facts)


_ENDS: tuple[tuple[type[BaseException], str, Exit], ...] = (
    (KeyboardInterrupt, "interrupted", Exit.INTERRUPTED),
    (Terminated, "interrupted", Exit.TERMINATED),
    (Diverged, "diverged", Exit.DIVERGED),
    (OSError, "failed", Exit.RESOURCE),
)
"""Error -> status and exit code; whatever else there is has failed."""


def _broken(
    place: RunDirectory, recorder: Recorder, world: World, compute: SerialCompute, error: BaseException
) -> Outcome:
    """Keep what there is, mark it, and say what happened; unexpected errors go on their way afterwards."""
    status, code = next(
        ((status, code) for kind, status, code in _ENDS if isinstance(error, kind)), ("failed", Exit.INTERNAL)
    )
    message = str(error) or type(error).__name__
    outcome = _end(place, status, code, message, _close(place, recorder, world, compute))
    if code is Exit.INTERNAL:
        raise error
    return outcome


def _end(place: RunDirectory, status: str, code: Exit, message: str, facts: dict[str, Any]) -> Outcome:
    """Mark the run directory, then add what is computed from it."""
    place.manifest(status, exit_code=int(code), error=message, **facts)
    place.summary(summarise(load(place.path)))
    write_report(place.path)
    place.manifest(status)
    return Outcome(place.path, code, message)


def _close(place: RunDirectory, recorder: Recorder, world: World, compute: SerialCompute) -> dict[str, Any]:
    recorder.close()
    compute.close()
    return {
        "sim_ns": world.kernel.now_ns,
        "events": world.kernel.events,
        "fingerprints": recorder.fingerprints,
        "memo": {"hits": compute.store.hits, "misses": compute.store.misses},
        "baselines": baselines(load(place.path)),
    }


def _about(prepared: Prepared) -> dict[str, Any]:
    from pwffsim.learning import runtime

    loaded, blueprint = prepared.loaded, prepared.blueprint
    return {
        "argv": sys.argv,
        "overrides": list(loaded.overrides),
        "method": blueprint.method.name,
        "channels": channels(loaded.scenario),
        "seeds": {"root": loaded.scenario.seed},
        "numerics": runtime.numerics(),
        "base": {"label": prepared.base.label, "untrained": prepared.base.untrained},
        "assumptions": assumptions(prepared),
        "data_report": dict(prepared.data_report),
        "clients": [
            {
                "name": profile.name,
                "tier": profile.tier.name,
                "mean_snr_db": profile.mean_snr_db,
                "preference_weight": profile.preference,
                "samples": shard.rows,
                "lora_modules_per_block": blueprint.lora_modules(profile),
                "idle": profile.idle,
            }
            for profile, shard in zip(blueprint.profiles, blueprint.shards, strict=True)
        ],
    }


def channels(scenario: Scenario) -> int:
    """How many uplinks may be on air at once."""
    return 1 if scenario.radio.sharing == "tdma" else scenario.clients.count


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


def write_report(path: Path) -> Path:
    """Write report.html of a run directory."""
    from reports import html

    return html.write(load(path), path / "report.html")

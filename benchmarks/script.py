"""Scripts in processes of their own: started, limited in time, ended with all that they started, read."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]

ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "FLWR_TELEMETRY_ENABLED": "0",
    "WANDB_MODE": "disabled",
}
"""One thread a process, and nobody calls home."""

Figures = dict[str, Any]


class Failed(Exception):
    """A script that gave no figures; the message says why."""


def figures(command: Sequence[str | Path], limit_s: float) -> Figures:
    """Run a script; its figures are the last line that it prints, as JSON.

    Raises:
        Failed: when it ends badly, takes too long, or prints no figures.
    """
    return _last_line(output(command, limit_s))


def output(command: Sequence[str | Path], limit_s: float) -> str:
    """Run a command to its end; what it prints.

    Raises:
        Failed: when it ends badly or takes too long.
    """
    words = [str(word) for word in command]
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, stdout=pipe, stderr=pipe, text=True)
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        _end(process)
        raise Failed(f"took longer than {limit_s:.0f} s") from None
    if process.returncode:
        raise Failed(_reason(err) or f"exit code {process.returncode}")
    return out


def cpu_s(command: Sequence[str | Path], limit_s: float) -> float:
    """Processor seconds of a command, its own and its children's.

    Raises:
        Failed: when it ends badly or takes too long.
    """
    before = os.times()
    output(command, limit_s)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def in_turns(scripts: Mapping[str, Callable[[], Figures]], repeats: int) -> dict[str, list[Figures] | Failed]:
    """Figures of several scripts, one after another, over and over; one that fails is not run again."""
    found: dict[str, list[Figures] | Failed] = {name: [] for name in scripts}
    for _ in range(repeats):
        for name, script in scripts.items():
            if isinstance(before := found[name], list):
                found[name] = _another(before, script)
    return found


def _another(before: list[Figures], script: Callable[[], Figures]) -> list[Figures] | Failed:
    try:
        return [*before, script()]
    except Failed as failure:
        return failure


def _last_line(out: str) -> Figures:
    try:
        return dict(json.loads(out.strip().splitlines()[-1]))
    except (IndexError, ValueError):
        raise Failed("printed no figures") from None


def _reason(err: str) -> str:
    lines = [line for line in err.strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a process and all that it has started."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.communicate()

"""The same federated LoRA fine-tuning in a bare loop, in pwffsim and in other frameworks.

Rows tell processor time a client-round. All are given the same local step (``tuned``, but where a row says ``stock`` or
TRL), so that what is above the bare loop is the framework's. A row counts only if the averaged LoRA at the end is the
bare loop's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from safetensors.torch import load_file

from benchmarks.environments import CannotInstall, Environment
from benchmarks.family import Family, Setting
from benchmarks.peers.task import distance, read
from benchmarks.row import Row, measured
from benchmarks.script import Failed, Figures, figures, in_turns, output

_HERE = Environment("here", "", "pwffsim")
_FLOWER = Environment("flower", "flwr[simulation]>=1.30,<2", "flwr")
_PFL = Environment("pfl", "pfl[pytorch]>=0.6,<0.7", "pfl")
_APPFL = Environment("appfl", "appfl>=1.12,<1.13", "appfl")
_FEDLAB = Environment("fedlab", "fedlab>=1.3,<1.4", "fedlab")

_TOLERANCE = 1e-2
"""Largest distance of a result to the bare loop's, relative to the way from the start. Rounding stays far below it (it
grows by rounds, to 1e-3 after nine); a client, batch or step more or less is above it."""


@dataclass(frozen=True)
class _Script:
    """A script, and how it is run."""

    name: str
    module: str
    environment: Environment = _HERE
    options: tuple[str, ...] = ()
    floor: str = "bare loop"
    at_most: float | None = None

    def command(self, task: Path, state: Path, cache: Path) -> list[str | Path]:
        """Its command line.

        Raises:
            CannotInstall: when its framework is not to be had.
        """
        return [self.environment.python(cache), "-m", "benchmarks.peers", self.module, task, state, *self.options]


_BARE = _Script("bare loop", "bare", options=("--freeze",))
_STOCK = _Script("bare loop, stock", "bare", options=("--numerics", "stock"))
_OURS = _Script("pwffsim, client by client", "pwffsim", at_most=1.1)
_FUSED = _Script("pwffsim, fused", "pwffsim_fused", floor=_STOCK.name, at_most=0.5)
_PEERS = (
    _Script("pfl after gc.freeze", "pfl", _PFL, ("--freeze",)),
    _Script("FedLab after gc.freeze", "fedlab", _FEDLAB, ("--freeze",)),
    _Script("APPFL vsim after gc.freeze", "appfl", _APPFL, ("--freeze",)),
    _Script("Flower simulation", "flower", _FLOWER),
)
_SLOW = (
    _Script("TRL trainer a client", "trl", options=_STOCK.options, floor=_STOCK.name),
    _Script("TRL trainer a client after gc.freeze", "trl", options=(*_STOCK.options, "--freeze"), floor=_STOCK.name),
    _Script("APPFL vsim as it comes", "appfl", _APPFL),
)
_ALL = (_BARE, _STOCK, _OURS, _FUSED, *_PEERS)


@dataclass(frozen=True)
class _Round:
    """A size of the task, who does it, and how often."""

    title: str
    clients: int
    rounds: int
    scripts: tuple[_Script, ...]
    most_repeats: int


_FULL = (
    _Round("10 clients", 10, 7, _ALL, 9),
    _Round("100 clients", 100, 2, _ALL, 2),
    _Round("10 clients, 2 rounds", 10, 2, (_BARE, _STOCK, *_SLOW), 1),
)
_BRIEF = (_Round("4 clients", 4, 2, _ALL, 1),)


def measure(setting: Setting) -> Iterator[Row]:
    """All sizes."""
    for size in _BRIEF if setting.quick else _FULL:
        yield from _size(size, setting)


def _size(size: _Round, setting: Setting) -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        task = Path(folder) / "task.safetensors"
        shape = ["--clients", str(size.clients), "--rounds", str(size.rounds)]
        output([sys.executable, "-m", "benchmarks.peers.write_task", task, *shape], setting.limit_s)
        scripts = {script.name: partial(_run, script, task, setting) for script in size.scripts}
        found = in_turns(scripts, min(setting.repeats, size.most_repeats))
        checked = {script.name: _checked(script, task, found[script.name]) for script in size.scripts}
    yield from (_row(script, checked, size.title) for script in size.scripts)
    yield from _beside_the_best(checked, size.title)


def _run(script: _Script, task: Path, setting: Setting) -> Figures:
    setting.tell(f"peers: {script.name}")
    try:
        told = figures(script.command(task, _state(script.name, task), setting.cache), setting.limit_s)
        return told | {"version": script.environment.version(setting.cache)}
    except CannotInstall as error:
        raise Failed(f"cannot be installed: {error}") from None


def _checked(script: _Script, path: Path, told: list[Figures] | Failed) -> list[Figures] | Failed:
    """The figures with the distance of the result to the bare loop's; refused when that is other work."""
    if isinstance(told, Failed):
        return told
    start = read(path).initial
    apart = distance(load_file(_state(script.name, path)), load_file(_state(_BARE.name, path)), start)
    if apart > _TOLERANCE:
        return Failed(f"its result is {apart:.1e} away from the bare loop's: not the same work")
    return [{**figures, "apart": apart} for figures in told]


def _state(name: str, task: Path) -> Path:
    return task.with_name(f"{name}.safetensors")


def _row(script: _Script, found: dict[str, list[Figures] | Failed], title: str) -> Row:
    name, told, floor = f"{script.name}, {title}", found[script.name], found[script.floor]
    if isinstance(told, Failed):
        return Row.absent(name, str(told))
    row = Row.alone(name, _UNIT, samples := _cpu_ms(told), _note(script, told))
    if script.name == script.floor or isinstance(floor, Failed):
        return row
    row = row.over(script.floor, samples, _cpu_ms(floor))
    return row if script.at_most is None else row.aiming(script.at_most)


def _beside_the_best(found: dict[str, list[Figures] | Failed], title: str) -> Iterator[Row]:
    """pwffsim without fusion beside the peer that costs least."""
    ours = found.get(_OURS.name)
    peers = {p.name: _cpu_ms(told) for p in _PEERS if isinstance(told := found.get(p.name), list)}
    if isinstance(ours, list) and peers:
        best = min(peers, key=lambda name: median(peers[name]))
        yield measured(f"pwffsim beside the best peer, {title}", _UNIT, _cpu_ms(ours), best, peers[best]).aiming(1.0)


_UNIT = "ms CPU a client-round"


def _cpu_ms(told: list[Figures]) -> list[float]:
    return [1e3 * figures["cpu_s"] for figures in told]


def _note(script: _Script, told: list[Figures]) -> str:
    """Version, wall time, set-up, memory, agreement."""
    wall_ms, setup_s = (median([figures[name] for figures in told]) for name in ("wall_s", "setup_s"))
    parts = [
        f"{script.environment.package} {told[0]['version']}" if script.environment is not _HERE else "",
        f"{1e3 * wall_ms:.0f} ms wall",
        f"{1e3 * median([f['whole_cpu_s'] for f in told]):.1f} ms with all of the run"
        if "whole_cpu_s" in told[0]
        else "",
        f"set-up {setup_s:.1f} s",
        f"peak {max(figures['peak_bytes'] for figures in told) / 1e6:.0f} MB",
        f"result {told[0]['apart']:.0e} apart",
    ]
    return ", ".join(filter(None, parts))


FAMILY = Family("peers", "the same federated LoRA fine-tuning in other frameworks", measure)

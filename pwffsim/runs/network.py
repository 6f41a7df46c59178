"""The network that a run took place in: its cells, the wires behind them, handovers, and what each actor is.

The manifest says it. ``cells``: names; without it there is the one cell ``cell``. ``wires``: a list of
``{"ends": [node, node], "delay_s": s}``, each used in both directions; without it there are none, and every cell
stands at the server. ``handover_s``: how long nothing goes through when a client changes cells; without it, or with
null, nobody ever does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pwffsim.runs.errors import RunDamaged
from pwffsim.runs.records import CELL, SERVER, SpanKind, is_client

if TYPE_CHECKING:
    from pwffsim.runs.load import Run

NS_PER_S = 1_000_000_000
Manifest = Mapping[str, Any]


class Role(StrEnum):
    """What an actor is."""

    SERVER = "server"
    CELL = "cell"
    WIRE = "wire"
    JAMMER = "jammer"
    CLIENT = "client"


@dataclass(frozen=True)
class Wire:
    """One direction of a wire: from node ``source`` to node ``target``, ``delay_ns`` after the last bit was sent."""

    source: str
    target: str
    delay_ns: int

    @property
    def name(self) -> str:
        """Its name as an actor."""
        return f"{self.source}>{self.target}"


def cells(manifest: Manifest) -> list[str]:
    """Names of the cells; ``cells``. Raises RunDamaged for anything but a list of distinct names."""
    names = manifest.get("cells", [CELL])
    if not _are_names(names) or not names:
        raise RunDamaged(f"the manifest's cells are no list of names (cells: {names!r})")
    return list(names)


def wires(manifest: Manifest) -> dict[str, Wire]:
    """The wires in both directions by name; ``wires``. Raises RunDamaged for one without two ends or a delay."""
    given = manifest.get("wires", [])
    try:
        found = [_wire(entry, turned) for entry in given for turned in (False, True)]
    except (TypeError, KeyError, ValueError) as error:
        raise RunDamaged(f"the manifest gives wires that are none (wires: {given!r})") from error
    return {wire.name: wire for wire in found}


def interruption_ns(manifest: Manifest) -> int | None:
    """How long a handover lasts, None where there are none; ``handover_s``. Raises RunDamaged if it is no time."""
    given = manifest.get("handover_s")
    if given is None:
        return None
    if not _is_time(given):
        raise RunDamaged(f"the manifest's handovers last no time (handover_s: {given!r})")
    return round(given * NS_PER_S)


def roles(run: Run) -> dict[str, Role]:
    """What each actor that has spans is, by the manifest and, where it is silent, by what the records show."""
    spans = run.spans
    sites = {*cells(run.manifest), *run.messages.cell.unique()}
    lines = {*wires(run.manifest), *spans.actor[spans.kind == SpanKind.BACKHAUL].unique()}
    return {str(actor): _role(str(actor), sites, lines) for actor in spans.actor.unique()}


def _role(actor: str, sites: set[str], lines: set[str]) -> Role:
    if actor == SERVER:
        return Role.SERVER
    if is_client(actor):
        return Role.CLIENT
    if actor in lines:
        return Role.WIRE
    return Role.CELL if actor in sites else Role.JAMMER


def _wire(entry: Any, turned: bool) -> Wire:
    if not _are_names(entry["ends"]) or not _is_time(entry["delay_s"]):
        raise ValueError(entry)
    source, target = reversed(entry["ends"]) if turned else entry["ends"]
    return Wire(source, target, round(entry["delay_s"] * NS_PER_S))


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len({*value}) == len(value)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0

"""From a place in the scenario's structure to the place in the text that must change."""

from __future__ import annotations

from typing import Any

from pwffsim.scenario.errors import Loc, Place, Problem, dotted
from pwffsim.scenario.units import of_key
from pwffsim.scenario.yaml_tree import Entry, Node


def locate(root: Node, loc: Loc, at_key: bool = False) -> Place:
    """Where `loc` is written: a scalar's own place, the key of anything else or when `at_key`.

    What is not written (a missing key, a default) is placed at the key of the nearest section that is.
    """
    node, place = root, root.place
    for part in loc:
        step = _step(node, part)
        if step is None:
            return place
        node, place = step
    nested = isinstance(node.value, dict | list)
    return place if nested or at_key else node.place


def spelled(root: Node, loc: Loc) -> str:
    """The dotted path of `loc`, a dimensioned key as the user wrote it (``bandwidth`` or ``bandwidth_hz``)."""
    node: Node | None = root
    parts: list[str | int] = []
    for part in loc:
        entries: Any = node.value if node else None
        written = (
            isinstance(entries, dict) and part not in entries and isinstance(part, str) and of_key(part) in entries
        )
        parts.append(of_key(str(part)) if written else part)
        step = _step(node, part) if node else None
        node = step[0] if step else None
    return dotted(parts)


def written(root: Node, loc: Loc) -> bool:
    """Whether the user wrote something at `loc`."""
    node = root
    for part in loc:
        step = _step(node, part)
        if step is None:
            return False
        node = step[0]
    return True


def problem_at(root: Node, loc: Loc, message: str, at_key: bool = False) -> Problem:
    """A problem at `loc`, as the user spelled it."""
    return Problem(spelled(root, loc), message, locate(root, loc, at_key))


def _step(node: Node, part: str | int) -> tuple[Node, Place] | None:
    """One level down: the value and where it is announced (its key, or the list item itself)."""
    if isinstance(node.value, dict) and isinstance(part, str):
        entry: Entry | None = node.value.get(part) or node.value.get(of_key(part))
        return (entry.node, entry.place) if entry else None
    if isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.place
    return None

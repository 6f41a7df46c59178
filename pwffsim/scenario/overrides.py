"""``--set key=value``: a value of the scenario changed from the command line.

The key is dotted, list items in brackets (``clients.overrides[0].mean_snr_db``); the value is read as YAML, like the
file. Missing sections are made, a list grows by one when the index is its length, and a dimensioned key replaces
whichever of its two spellings the file has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass

from pwffsim.scenario.errors import Loc, Place, Problem, ScenarioErrors, Source, dotted
from pwffsim.scenario.units import DIMENSIONS, of_key
from pwffsim.scenario.yaml_tree import NO_VALUE, Entry, Node, parse

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\[[0-9]{1,6}\])*(?:\.[A-Za-z_][A-Za-z0-9_-]*(?:\[[0-9]{1,6}\])*)*")
_PART = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]")


@dataclass(frozen=True)
class Override:
    """One ``--set`` argument, read."""

    loc: Loc
    value: Node
    source: Source

    @property
    def place(self) -> Place:
        """Where the key begins."""
        return Place(self.source, 0, 0)


def read(argument: str, number: int) -> tuple[Override, list[Problem]]:
    """``"radio.bandwidth=20 MHz"`` as an override, and what is wrong with its value; `number` counts from 1.

    Raises:
        ScenarioErrors: for an argument that is no ``key=value``, or a value that is not YAML.
    """
    source = Source(f"--set[{number}]", argument, numbered=False, order=number)
    key, equals, value = argument.partition("=")
    if not equals or not _KEY.fullmatch(key.strip()):
        message = f"{argument!r} is not key=value with a key such as radio.bandwidth_hz or devices.tiers[0].share"
        raise ScenarioErrors([Problem("", message, Place(source, 0, 0))])
    loc = parse_loc(key.strip())
    if not value.strip():
        raise ScenarioErrors([Problem(dotted(loc), NO_VALUE, Place(source, 0, len(key) + 1))])
    try:
        # Blanks instead of the key keep the columns of the value those of the argument.
        node, problems = parse(" " * (len(key) + 1) + value, source)
    except ScenarioErrors as error:
        raise ScenarioErrors(_below(loc, error.problems)) from None
    return Override(loc, node, source), _below(loc, problems)


def _below(loc: Loc, problems: list[Problem]) -> list[Problem]:
    """Problems of a value, their paths continued from the key's."""
    return [Problem(".".join(filter(None, (dotted(loc), p.path))), p.message, p.place) for p in problems]


def parse_loc(key: str) -> Loc:
    """``"clients.overrides[0].tier"`` -> ``("clients", "overrides", 0, "tier")``."""
    return tuple(int(index) if index else word for word, index in _PART.findall(key))


def apply(root: Node, override: Override, shorthands: Mapping[Loc, str]) -> None:
    """Change the tree.

    Args:
        root: a mapping.
        override: what to set.
        shorthands: sections that may be written as one value, and the key which that value then has (``clients: 10``).

    Raises:
        ScenarioErrors: when the path leads through a value that is no section, or beyond the end of a list.
    """
    node = root
    for depth, part in enumerate(override.loc[:-1]):
        node = _descend(node, part, override, override.loc[: depth + 1], shorthands)
    _put(node, override.loc[-1], override.value, override, override.loc[:-1])


def _descend(node: Node, part: str | int, override: Override, loc: Loc, shorthands: Mapping[Loc, str]) -> Node:
    """The section below `part`, made or opened up where it is not there yet."""
    empty: dict[str, Entry] | list[Node] = [] if isinstance(override.loc[len(loc)], int) else {}
    child = _child(node, part, override, loc[:-1])
    if child is None or child.value is None:
        child = Node(empty, override.place)
        _put(node, part, child, override, loc[:-1])
        return child
    child = _opened(child, shorthands.get(loc))
    if isinstance(part, int):
        node.value[part] = child
    else:
        node.value[part] = Entry(node.value[part].place, child)
    return child


def _opened(node: Node, shorthand: str | None) -> Node:
    """A copy to change (an alias may share the original), a section that was written short in full."""
    if shorthand and not isinstance(node.value, dict | list):
        return Node({shorthand: Entry(node.place, node)}, node.place)
    return Node(copy(node.value), node.place, node.size)


def _child(node: Node, part: str | int, override: Override, loc: Loc) -> Node | None:
    """What is there now; None when nothing is."""
    _require_container(node, part, override, loc)
    if isinstance(part, int):
        return node.value[part] if part < len(node.value) else None
    entry = node.value.get(part)
    return entry.node if entry else None


def _put(node: Node, part: str | int, value: Node, override: Override, loc: Loc) -> None:
    _require_container(node, part, override, loc)
    if isinstance(part, str):
        for spelling in {of_key(part), *(f"{part}_{unit}" for unit in DIMENSIONS)} - {part}:
            node.value.pop(spelling, None)
        node.value[part] = Entry(override.place, value)
    elif part < len(node.value):
        node.value[part] = value
    else:
        node.value.append(value)


def _require_container(node: Node, part: str | int, override: Override, loc: Loc) -> None:
    """A mapping for a key, a list that is long enough for an index."""
    where = dotted(loc) or "the scenario"
    if isinstance(part, str) and not isinstance(node.value, dict):
        _refuse(override, f"{where} is {_shown(node)}, which has no key {part!r}")
    if isinstance(part, int) and not isinstance(node.value, list):
        _refuse(override, f"{where} is {_shown(node)}, which has no item [{part}]")
    if isinstance(part, int) and part > len(node.value):
        _refuse(override, f"{where} has {len(node.value)} items; the next is [{len(node.value)}]")


def _refuse(override: Override, message: str) -> None:
    raise ScenarioErrors([Problem(dotted(override.loc), message, override.place)])


def _shown(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    return "a list" if isinstance(node.value, list) else repr(node.value)

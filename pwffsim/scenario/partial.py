"""A scenario with errors, less its errors: so that what is right by itself can still be checked against the rest."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from pwffsim.scenario.errors import Loc
from pwffsim.scenario.explain import bare, suggestion
from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.units import of_key

_STAND_INS: dict[str, Any] = {"name": "unnamed", "stages": {"instruction": {}}}
"""Required sections, for when these are what is wrong."""

_ATTEMPTS = 3
"""A wrong model's name goes first; what it leaves behind may then be wrong itself."""


def without_errors(data: dict[str, Any], error: ValidationError) -> tuple[Scenario | None, frozenset[Loc]]:
    """The scenario without every value that is wrong, and where values were taken out or are missing.

    None when it cannot be made valid in this way.
    """
    rest, wrong = deepcopy(data), set[Loc]()
    for _ in range(_ATTEMPTS):
        wrong |= _drop_all(rest, error)
        wrong |= {(section,) for section in _STAND_INS if section not in rest}
        try:
            return Scenario.model_validate({**_STAND_INS, **rest}), frozenset(wrong)
        except ValidationError as again:
            error = again
    return None, frozenset(wrong)


def _drop_all(data: dict[str, Any], error: ValidationError) -> set[Loc]:
    """Take everything out that an error names; also told is what an unknown key was meant to be."""
    wrong = set[Loc]()
    for detail in error.errors(include_url=False, include_context=False):
        loc = bare(detail["loc"])
        if detail["type"] == "extra_forbidden" and (meant := suggestion(Scenario, loc, data)):
            wrong |= {(*loc[:-1], meant)}
        wrong |= {_drop(data, loc)}
    return wrong


def _drop(data: dict[str, Any], loc: Loc) -> Loc:
    """Take the value at `loc` out; the section around it where it is an item of a list or a missing key."""
    sections: list[Any] = [data]
    for part in loc:
        below = sections[-1].get(_spelling(sections[-1], part)) if isinstance(part, str) else None
        if below is None:
            break
        sections.append(below)
        if not isinstance(below, dict):
            break
    depth = len(sections) - 1 or 1
    sections[depth - 1].pop(_spelling(sections[depth - 1], loc[depth - 1]), None)
    return loc[:depth]


def _spelling(section: Any, key: str | int) -> str | int:
    """A dimensioned key as it is written here."""
    return key if not isinstance(key, str) or key in section else of_key(key)

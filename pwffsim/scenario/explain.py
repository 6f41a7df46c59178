"""pydantic's errors in the words of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pwffsim.scenario.errors import Loc, Problem
from pwffsim.scenario.locate import problem_at
from pwffsim.scenario.names import did_you_mean, nearest
from pwffsim.scenario.structure import section_at
from pwffsim.scenario.units import DIMENSIONS, Refused, of_key, stems
from pwffsim.scenario.yaml_tree import Node, core_scalar, plain

CHOICE = "~"
"""Begins the tag of a branch of a union, ``~name: words``; the words say what the union takes."""

_EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a string",
    "tuple_type": "a list",
    "model_type": "a mapping of keys",
    "model_of": "the name of a model or a mapping of keys",
}
_BOUNDS = {
    "greater_than": ("must be greater than", "gt"),
    "greater_than_equal": ("must be at least", "ge"),
    "less_than": ("must be less than", "lt"),
    "less_than_equal": ("must be at most", "le"),
}


def explain(error: ValidationError, root: Node, model: type[BaseModel]) -> list[Problem]:
    """One problem an error; a missing key that a misspelt one was meant to be is told once."""
    details, data = [(detail, bare(detail["loc"])) for detail in error.errors(include_url=False)], plain(root)
    unknown = [loc for detail, loc in details if detail["type"] == "extra_forbidden"]
    meant = {(*loc[:-1], of_key(suggestion(model, loc, data) or "")) for loc in unknown}
    return [
        _problem(detail, loc, root, known_keys(model, loc[:-1], data))
        for detail, loc in details
        if not (detail["type"] == "missing" and (*loc[:-1], of_key(str(loc[-1]))) in meant)
    ]


def suggestion(model: type[BaseModel], loc: Loc, data: Any) -> str | None:
    """The known key that an unknown one at `loc` of the plain values `data` was probably meant to be."""
    return nearest(loc[-1], known_keys(model, loc[:-1], data))


def known_keys(model: type[BaseModel], loc: Loc, data: Any) -> list[str]:
    """The keys of the section at `loc`, dimensioned ones in both spellings."""
    section = section_at(model, loc, data)
    fields = list(section.model_fields) if section else []
    return [*fields, *(stem for stem in stems(fields) if stem not in fields)]


def shown(value: Any) -> str:
    """A value as a message shows it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping of keys"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def bare(loc: tuple[str | int, ...]) -> Loc:
    """A location without the tags of unions."""
    return tuple(part for part in loc if not (isinstance(part, str) and part.startswith(CHOICE)))


def _problem(detail: Any, loc: Loc, root: Node, known: list[str]) -> Problem:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return problem_at(root, loc, _unknown_key(str(loc[-1]), known), at_key=True)
    if kind == "missing":
        return problem_at(root, loc, "this key is missing")
    if isinstance(value, Refused):
        return problem_at(root, (*loc[:-1], value.key), value.message)
    return problem_at(root, loc, _message(detail))


def _message(detail: Any) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    last = detail["loc"][-1] if detail["loc"] else ""
    expected = last.partition(": ")[2] if isinstance(last, str) and last.startswith(CHOICE) else _EXPECTED.get(kind)
    if kind == "literal_error" or kind in _EXPECTED:
        return f"expected {expected or context['expected']}, got {shown(value)}{_hint(kind, value)}"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{words} {_number(context[bound])}, got {shown(value)}"
    return _rare_message(kind, value, context, detail["msg"])


def _rare_message(kind: str, value: Any, context: Mapping[str, Any], message: str) -> str:
    if kind == "finite_number":
        return f"must be finite, got {shown(value)}"
    if kind == "string_pattern_mismatch":
        return f"{shown(value)} does not match {context['pattern']}"
    if kind in ("string_too_short", "string_too_long"):
        return f"{message.removeprefix('String ')}, got {shown(value)}"
    if kind == "too_short":
        return f"needs at least {context['min_length']} item, got {context['actual_length']}"
    if kind == "value_error":
        return str(context["error"])
    return message


def _hint(kind: str, value: Any) -> str:
    """How to write what was probably meant."""
    if kind == "int_type" and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return f"; write {int(value)}"
    if kind in ("int_type", "float_type") and isinstance(value, str) and _is_number(value):
        return "; drop the quotes"
    return ""


def _is_number(text: str) -> bool:
    try:
        return isinstance(core_scalar(text), int | float) and not isinstance(core_scalar(text), bool)
    except ValueError:
        return False


def _number(bound: float) -> str:
    return f"{bound:g}" if abs(bound) < 1e15 else str(bound)


def _unknown_key(key: str, known: list[str]) -> str:
    """What could have been meant: a key's other unit, a similar key, or the list of keys."""
    stem = key.rpartition("_")[0]
    if field := stems(known).get(stem):
        example = DIMENSIONS[field.rpartition("_")[2]].example
        return f"unknown key {key!r}; write '{field}', or '{stem}' with its unit, as in '{stem}: {example}'"
    suggestion = did_you_mean(key, known)
    return (
        f"unknown key {key!r}{suggestion or '; known here are ' + ', '.join(k for k in known if k not in stems(known))}"
    )

"""From a location to the section that holds it; where a model is chosen, the value says which section that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pwffsim.scenario.errors import Loc
from pwffsim.scenario.models import MODEL, ModelOf
from pwffsim.scenario.parameters import ParametersOf

SHORTHANDS: dict[Loc, str] = {("clients",): "count"}
"""Sections that may be written as one value, and the key that the value then stands for; models aside."""


def section_at(top: type[BaseModel], loc: Loc, data: Any) -> type[BaseModel] | None:
    """The section at a location, None where there is none.

    Args:
        top: the section that `data` is of.
        loc: keys and list positions.
        data: plain values, right or wrong.
    """
    section: type[BaseModel] | None = top
    for part in loc:
        data = _below(data, part)
        if isinstance(part, str):
            field = section.model_fields.get(part) if section else None
            section = _section(field, data) if field else None
    return section


def model_keys(top: type[BaseModel], at: Loc = ()) -> Iterator[Loc]:
    """Where a section and those in it name models; lists are left out."""
    for key, field in top.model_fields.items():
        if _found(field, ModelOf) is not None:
            yield (*at, key)
        elif (section := _section(field, None)) is not None:
            yield from model_keys(section, (*at, key))


def shorthands(top: type[BaseModel]) -> dict[Loc, str]:
    """Where one word stands for a section, and the key that it is short for: ``rate: shannon``."""
    return dict.fromkeys(model_keys(top), MODEL)


def _below(data: Any, part: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    return data[part] if isinstance(data, list) and isinstance(part, int) and part < len(data) else None


def _section(field: FieldInfo, value: Any) -> type[BaseModel] | None:
    """The section that a field holds, looked for through Optional, tuple, Annotated and unions."""
    if choice := _found(field, ModelOf):
        return choice.section_for(value)
    if fixed := _found(field, ParametersOf):
        return fixed.section
    return next(
        (part for part in _parts(field.annotation) if isinstance(part, type) and issubclass(part, BaseModel)), None
    )


def _found(field: FieldInfo, kind: type[Any]) -> Any:
    """The annotation of this kind that a field has, or None."""
    marks = (*field.metadata, *_parts(field.annotation))
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _parts(annotation: Any) -> Iterator[Any]:
    """An annotation and everything in it."""
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)

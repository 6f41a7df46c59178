"""Sections made from the models of channel_models: each parameter that a model declares is a key of the scenario.

No model is known here by name. A model's dataclass says which keys its section has, of which type, within which bounds
and with which default; whoever builds the world makes the model with :meth:`Parameters.build`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cached_property
from inspect import getdoc
from math import isinf, isnan
from os.path import expanduser, expandvars
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, NoReturn, Self, Union, get_args, get_origin, get_type_hints

import pydantic
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, create_model, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from channel_models.model import Bounds, Model, parameter_fields, parameters
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.section import Flag, Section, Text
from pwffsim.scenario.units import INFINITY


class Parameters(Section):
    """The parameters of one model.

    Attributes:
        source: the model.
        stand_ins: context that its construction asks for, used when a scenario is checked.
    """

    source: ClassVar[type[Model]] = Model
    stand_ins: ClassVar[Mapping[str, Any]] = {}

    def build(self, **context: Any) -> Any:
        """The model with these parameters, variables in its words filled in.

        Args:
            context: fields that the simulator sets (seed, purpose...); those that the model has not are left out.

        Raises:
            ValueError: for parameters that do not fit together.
        """
        known = {entry.name for entry in fields(self.source)}
        given = {key: _filled(getattr(self, key)) for key in parameters(self.source)}
        return self.source(**given, **{key: value for key, value in context.items() if key in known})

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """What the model itself says of its parameters."""
        if _unmet(self.source) <= set(self.stand_ins):
            try:
                self.build(**self.stand_ins)
            except ValueError as error:
                self._refuse(str(error))
        return self

    def _refuse(self, message: str) -> NoReturn:
        """Refuse at the parameter that the message begins with, else here."""
        text = message.removeprefix(f"{self.source.__name__}: ")
        key, _, rest = text.partition(" ")
        loc = (key,) if key in parameters(self.source) else ()
        text = rest if loc and rest.startswith("must ") else text
        misfit = PydanticCustomError("misfit", "{message}", {"message": text})
        raise ValidationError.from_exception_data("parameters", [{"type": misfit, "loc": loc, "input": None}])


def section_of(source: type[Model], base: type[Parameters], title: str, **extra: Any) -> type[Parameters]:
    """The section of a model.

    Args:
        source: the model.
        base: the section that it extends, with keys beside the parameters.
        title: name of the section.
        extra: further keys, each with its annotation and default as for pydantic's create_model.

    Raises:
        TypeError: for a parameter of a type that a scenario cannot hold.
    """
    hints = get_type_hints(source)
    keys = {entry.name: _key(source, hints[entry.name], entry) for entry in parameter_fields(source)}
    section = create_model(title, __base__=base, __doc__=summary(source), **extra, **keys)
    section.source = source
    return section


def summary(source: type[Model]) -> str:
    """First sentence of a model's description, on one line."""
    paragraph = " ".join((getdoc(source) or source.__name__).split("\n\n")[0].split())
    return f"{paragraph.partition('. ')[0].rstrip('.')}."


@dataclass(frozen=True, eq=False)
class ParametersOf:
    """Annotation of a field that takes the parameters of one model: ``Annotated[Parameters, ParametersOf(Shadowing)]``.

    Attributes:
        source: the model.
        base: the section that is extended.
        extra: further keys, as for :func:`section_of`.
    """

    source: type[Model]
    base: type[Parameters] = Parameters
    extra: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def section(self) -> type[Parameters]:
        """The section that the field holds."""
        return section_of(self.source, self.base, self.source.__name__, **self.extra)

    def defaults(self) -> Parameters:
        """The section with nothing given."""
        return self.section()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """That of the section."""
        return handler.generate_schema(self.section)


def _unmet(source: type[Model]) -> set[str]:
    """Context without which the model cannot be made."""
    own = set(parameters(source))
    return {f.name for f in fields(source) if f.init and f.name not in own and _default(f) is MISSING}


def _default(entry: Field[Any]) -> Any:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


def _filled(value: Any) -> Any:
    """Words with environment variables and ~ filled in."""
    if isinstance(value, tuple):
        return tuple(map(_filled, value))
    return expanduser(expandvars(value)) if isinstance(value, str) else value


def _key(source: type[Model], hint: Any, entry: Field[Any]) -> Any:
    """Annotation and field of one parameter."""
    bounds, default = parameters(source)[entry.name], _default(entry)
    try:
        annotation = _annotation(hint, bounds)
    except KeyError:
        raise TypeError(f"{source.__name__}.{entry.name}: a scenario cannot hold a parameter of type {hint}") from None
    about: dict[str, Any] = {"description": f"{bounds.description.rstrip('.')}."}
    if bounds.examples:
        about["examples"] = list(bounds.examples)
    if isinstance(default, float) and isinf(default):
        about["json_schema_extra"] = {"default": _json_number(default)}
    return annotation, pydantic.Field(**about) if default is MISSING else pydantic.Field(default, **about)


def _annotation(hint: Any, bounds: Bounds) -> Any:
    """The type of a parameter, with its bounds; KeyError for one that a scenario cannot hold."""
    if get_origin(hint) in (Union, UnionType):
        (inner,) = (part for part in get_args(hint) if part is not NoneType)
        return _annotation(inner, bounds) | None
    if get_origin(hint) is tuple:
        return tuple[tuple(part if part is ... else _annotation(part, bounds) for part in get_args(hint))]  # type: ignore[misc]
    return _SCALARS[hint](bounds)


def _number(bounds: Bounds) -> Any:
    limits = pydantic.Field(strict=True, allow_inf_nan=bounds.infinite, **_limits(bounds))
    return Annotated[float, limits, _MayBeInfinite()] if bounds.infinite else Annotated[float, limits]


def _whole(bounds: Bounds) -> Any:
    return Annotated[int, pydantic.Field(strict=True, **_limits(bounds))]


def _limits(bounds: Bounds) -> dict[str, Any]:
    return {"gt": bounds.above, "ge": bounds.least, "lt": bounds.below, "le": bounds.most}


def _word(bounds: Bounds) -> Any:
    return Annotated[str, OneOf(bounds.choices)] if bounds.choices else Text


_SCALARS: dict[Any, Callable[[Bounds], Any]] = {float: _number, int: _whole, bool: lambda _: Flag, str: _word}


class _MayBeInfinite:
    """Annotation of a number that may be infinite: also takes the words ``inf`` and ``-inf``, and is dumped as one."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Words become numbers before the number is checked."""
        dumped = core_schema.plain_serializer_function_ser_schema(_json_number, when_used="json")
        return core_schema.no_info_before_validator_function(_spoken_number, handler(source), serialization=dumped)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A number or one of the words."""
        return {"anyOf": [handler(schema), {"type": "string", "enum": list(INFINITY)}]}


def _spoken_number(value: Any) -> Any:
    if isinstance(value, float) and isnan(value):
        raise PydanticKnownError("finite_number")
    return INFINITY.get(value, value) if isinstance(value, str) else value


def _json_number(value: float) -> float | str:
    return next((word for word, number in INFINITY.items() if value == number), value)

"""Models by name: the choice of one model of an axis, with its parameters, as a scenario writes it.

``rate: shannon`` is short for ``rate: {model: shannon}``. The axis's registry is asked each time a scenario is read, so
a model that was registered a moment ago can be named like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, ValidationError, core_schema

from channel_models.model import Model, parameters
from channel_models.registry import Registry
from pwffsim.scenario.names import OneOf, not_one_of
from pwffsim.scenario.parameters import Parameters, section_of, summary
from pwffsim.scenario.units import of_key

MODEL = "model"
"""The key that names a model."""


class ModelSection(Parameters):
    """A model of one axis: its name under ``model``, its parameters beside it."""

    model: str

    def __str__(self) -> str:
        """The model's name."""
        return self.model


@dataclass(frozen=True, eq=False)
class ModelOf:
    """Annotation of a field that names a model of an axis: ``Annotated[ModelSection, ModelOf(FADING)]``.

    Attributes:
        registry: the axis.
        default: the model that is meant where parameters stand without a name.
        base: the section that each model's section extends.
    """

    registry: Registry[Any]
    default: str | None = None
    base: type[ModelSection] = ModelSection

    def section(self, name: str) -> type[Parameters]:
        """The section of a model. Raises KeyError for a name that the registry has not."""
        source: type[Model] = self.registry[name]
        return _section(self, source, name)

    def section_for(self, value: Any) -> type[Parameters] | None:
        """The section that a value of a scenario is meant for; None where its model cannot be told."""
        name = value.get(MODEL, self.default) if isinstance(value, Mapping) else value
        return self.section(name) if isinstance(name, str) and name in self.registry else None

    def read(self, value: Any) -> ModelSection:
        """The model that a value of a scenario says.

        Raises:
            PydanticCustomError: for a value that names no model.
            ValidationError: for wrong parameters.
        """
        if isinstance(value, ModelSection):
            return value
        if isinstance(value, str):
            return self._named(value, {MODEL: value}, ())
        if not isinstance(value, Mapping):
            raise _problem("model_of", "expected the name of a model or a mapping of keys")
        if MODEL not in value and self.default is None:
            raise _problem("model_missing", f"names no model: add 'model', one of {', '.join(self._fitting(value))}")
        return self._named(value.get(MODEL, self.default), {MODEL: self.default, **value}, (MODEL,))

    def _named(self, name: Any, data: Mapping[str, Any], at: tuple[str, ...]) -> ModelSection:
        if not (isinstance(name, str) and name in self.registry):
            error = _problem("one_of", not_one_of(name, self.registry))
            raise ValidationError.from_exception_data("model", [{"type": error, "loc": at, "input": name}])
        section: ModelSection = self.section(name).model_validate(data)  # type: ignore[assignment]
        return section

    def _fitting(self, value: Mapping[str, Any]) -> list[str]:
        """The models that have all of the keys that are given; all models if none has."""
        given = {of_key(key) for key in value}
        models = [name for name, model in self.registry.items() if given <= {*map(of_key, parameters(model))}]
        return models or list(self.registry)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read by the registry as it is when a scenario is read."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The name of a model, or the section of one."""
        sections = [handler(self.section(name).__pydantic_core_schema__) for name in self.registry]
        return {"anyOf": [{"type": "string", "enum": list(self.registry)}, *sections]}


@cache
def _section(choice: ModelOf, source: type[Model], name: str) -> type[Parameters]:
    title = "".join(word.title() for word in f"{choice.registry.axis}_{name}".split("_"))
    key = Field(name if name == choice.default else ..., description=summary(source))
    return section_of(source, choice.base, title, model=(Annotated[str, OneOf((name,))], key))


def _problem(kind: Any, message: str) -> PydanticCustomError:
    return PydanticCustomError(kind, "{message}", {"message": message})

"""Words of a scenario: one of a fixed set of names, with the nearest one suggested when it is misspelt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True)
class OneOf:
    """Annotation of a field that takes one of `names`: ``Annotated[str, OneOf(("iid", "topic"))]``.

    Another value is refused with all names and, where one is near, a suggestion.
    """

    names: tuple[str, ...]

    def check(self, value: Any) -> str:
        """The value itself when it is one of the names.

        Raises:
            PydanticCustomError: for any other value.
        """
        if isinstance(value, str) and value in self.names:
            return value
        raise PydanticCustomError("one_of", "{message}", {"message": not_one_of(value, self.names)})

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `check`."""
        return core_schema.no_info_plain_validator_function(
            self.check, serialization=core_schema.to_string_ser_schema(when_used="json")
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """An enum of strings."""
        return {"type": "string", "enum": list(self.names)}


def not_one_of(value: Any, names: Iterable[str]) -> str:
    """The message for a name that is none of `names`."""
    known = list(names)
    return f"{value!r} is not one of {', '.join(known)}{did_you_mean(value, known)}"


def did_you_mean(value: Any, names: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` when one of `names` is near, else nothing."""
    near = nearest(value, names)
    return f"; did you mean {near!r}?" if near else ""


def nearest(value: Any, names: Iterable[str]) -> str | None:
    """The most similar of `names`, ignoring case, or None when none is similar."""
    lowered = {name.lower(): name for name in reversed(list(names))}
    matches = get_close_matches(str(value).lower(), lowered, n=1, cutoff=0.6)
    return lowered[matches[0]] if matches else None

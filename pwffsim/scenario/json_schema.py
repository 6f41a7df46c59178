"""The JSON Schema of scenarios, for editors: completion, hover texts, and errors while typing.

It is generated from the models, and then made fit for what editors' YAML servers read (draft 7): dimensioned keys also
take a quantity with its unit, under both spellings; a reference never has siblings; `clients` also takes a number.
Models are those that are registered when the schema is made.
"""

from __future__ import annotations

import json
from typing import Any

from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.structure import SHORTHANDS
from pwffsim.scenario.units import DIMENSIONS, INFINITY, of_key, split_unit

DRAFT = "http://json-schema.org/draft-07/schema#"
TITLE = "pwffsim scenario"

_NUMBER = r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"


def generate() -> dict[str, Any]:
    """The schema of a whole scenario."""
    schema = Scenario.model_json_schema(mode="validation")
    sections = schema["$defs"]
    schema["properties"] = _hoisted(schema["properties"], sections)
    for name in list(sections):
        sections[name]["properties"] = _hoisted(sections[name]["properties"], sections)
    for section in (schema, *sections.values()):
        _widen(section)
    for loc, key in SHORTHANDS.items():
        _allow_shorthand(schema, loc, key)
    return {"$schema": DRAFT, "title": TITLE, **_tidy({k: v for k, v in schema.items() if k != "title"})}


def text() -> str:
    """The schema as a file."""
    return json.dumps(generate(), indent=2, sort_keys=False) + "\n"


def _hoisted(schema: Any, sections: dict[str, Any]) -> Any:
    """The schema with every section that stands in it moved to the definitions, under its title."""
    if isinstance(schema, list):
        return [_hoisted(item, sections) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _hoisted(value, sections) for key, value in schema.items()}
    if not ("title" in inner and "additionalProperties" in inner):
        return inner
    sections[inner["title"]] = inner
    return {"$ref": f"#/$defs/{inner['title']}"}


def _widen(section: dict[str, Any]) -> None:
    """Let every dimensioned key take a quantity, with and without the unit in its name."""
    properties: dict[str, Any] = section.get("properties", {})
    for key in list(properties):
        if parts := split_unit(key):
            field = properties[key]
            quantity = _quantity(parts[1], infinite='"inf"' in json.dumps(field))
            described = {
                "description": f"{field.get('description', '')} With its unit.",
                "examples": quantity["examples"],
            }
            properties[key] = _either(field, quantity)
            properties[of_key(key)] = {**quantity, **described}
    _require_either(section)


def _require_either(section: dict[str, Any]) -> None:
    """A dimensioned key that is required may be there in either spelling."""
    required = section.pop("required", [])
    if plain := [key for key in required if split_unit(key) is None]:
        section["required"] = plain
    if either := [{"anyOf": [{"required": [key]}, {"required": [of_key(key)]}]} for key in required if split_unit(key)]:
        section["allOf"] = either


def _quantity(suffix: str, infinite: bool) -> dict[str, Any]:
    """A string that is a number with a unit of this dimension, or says that it is infinite."""
    dimension = DIMENSIONS[suffix]
    spoken = f"|^({'|'.join(INFINITY)})$" if infinite else ""
    return {
        "type": "string",
        "pattern": rf"{_NUMBER}\s*({'|'.join(dimension.spellings)})${spoken}",
        "examples": [dimension.example],
    }


def _either(field: dict[str, Any], quantity: dict[str, Any]) -> dict[str, Any]:
    """What a field takes, or a quantity; descriptions stay outside."""
    about: dict[str, Any] = {key: field[key] for key in ("description", "default", "examples") if key in field}
    takes = {key: value for key, value in field.items() if key not in (*about, "title")}
    return {**about, "anyOf": [*takes.pop("anyOf", [takes]), {key: quantity[key] for key in ("type", "pattern")}]}


def _allow_shorthand(schema: dict[str, Any], loc: tuple[str | int, ...], key: str) -> None:
    """Let a section of the top level also be written as the one value of its `key`."""
    field = schema["properties"][loc[0]]
    section = field.pop("$ref")
    short = schema["$defs"][section.rpartition("/")[2]]["properties"][key]
    field["anyOf"] = [
        {"$ref": section},
        {k: v for k, v in short.items() if k not in ("title", "description", "default")},
    ]


def _tidy(schema: Any) -> Any:
    """No generated titles, and references without siblings, which draft 7 would ignore."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {
        key: _properties(value) if key == "properties" else _tidy(value)
        for key, value in schema.items()
        if key != "title"
    }
    if "$ref" in tidy and len(tidy) > 1:
        return {**{key: value for key, value in tidy.items() if key != "$ref"}, "allOf": [{"$ref": tidy["$ref"]}]}
    return tidy


def _properties(properties: dict[str, Any]) -> dict[str, Any]:
    return {key: _tidy(value) for key, value in properties.items()}

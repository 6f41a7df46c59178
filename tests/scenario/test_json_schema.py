"""The JSON Schema says the same as the loader, to editors that read draft 7."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pwffsim.scenario import load
from pwffsim.scenario.json_schema import generate, text

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "scenarios" / "scenario.schema.json"
SCENARIOS = sorted((ROOT / "scenarios").rglob("*.yaml"))
VALIDATOR = jsonschema.Draft7Validator(generate())


class Core(yaml.SafeLoader):
    """PyYAML that reads 1e6 as a number, for tests only."""


Core.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:float",
    __import__("re").compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def complaints(document: dict[str, Any]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors({"name": "x", "stages": {"instruction": {}}, **document})]


def test_the_committed_schema_is_the_generated_one():
    assert COMMITTED.read_text(encoding="utf-8") == text(), (
        "write it anew: pwffsim schema --out scenarios/scenario.schema.json"
    )


def test_it_is_a_schema_of_draft_7():
    jsonschema.Draft7Validator.check_schema(generate())


def nodes(value: Any) -> list[dict[str, Any]]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, dict) else []), *(node for child in children for node in nodes(child))]


def test_references_stand_alone_and_keywords_of_later_drafts_do_not_occur():
    for node in nodes(generate()):
        assert "$ref" not in node or len(node) == 1
        assert not {"prefixItems", "unevaluatedProperties", "dependentSchemas", "$dynamicRef"} & set(node)


def test_every_key_has_a_text_to_hover_over():
    """Its own, or that of the section it refers to."""
    sections = generate()["$defs"]
    for name, section in {**sections, "Scenario": generate()}.items():
        for key, field in section["properties"].items():
            about = sections[field["$ref"].rpartition("/")[2]] if "$ref" in field else field
            assert about.get("description", "").endswith("."), f"{name}.{key}"


@pytest.mark.parametrize(
    "document",
    [
        {"clients": 10},
        {"clients": {"count": 3, "preference": "uniform"}},
        {"clients": {"preference": 0.3}},
        {"radio": {"bandwidth": "20 MHz"}},
        {"radio": {"bandwidth_hz": "1.4e3 kHz", "tx_power": "23 dBm", "mean_snr_db": None}},
        {"radio": {"bandwidth_hz": 2e7, "packets": "fluid"}},
        {"radio": {"packets": {"payload": "1 kB"}, "fading": {"coherence": "50 \u00b5s"}}},
        {"stages": {"instruction": None, "reward": {"upload": "lora"}}},
        {"radio": {"fading": "rician", "rate": "shannon", "loss": {"model": "outage", "threshold": "0 dB"}}},
        {"radio": {"fading": {"coherence": "20 ms"}, "retransmission": {"retransmissions": 2}}},
        {"radio": {"fading": {"model": "rician", "k_factor_db": "-inf", "coherence": "inf"}}},
        {"radio": {"jammers": [{"name": "j", "power": "1 W"}, {"name": "k", "power_w": 1, "stop": "inf"}]}},
        {"radio": {"trace": {"format": "cooked", "files": ["a"], "offset": "1 min"}}},
        {"network": {"path_loss": "uma", "cells": [{"name": "a"}], "backhaul": [{"from": "a", "to": "server"}]}},
    ],
)  # fmt: skip
def test_what_the_loader_takes_the_schema_takes(document):
    assert complaints(document) == []


@pytest.mark.parametrize(
    "document",
    [
        {"clients": 0},
        {"clients": "ten"},
        {"radio": {"bandwidth": 20}},
        {"radio": {"bandwidth": "20 ms"}},
        {"radio": {"bandwith": "20 MHz"}},
        {"radio": {"packets": "liquid"}},
        {"method": "pwf"},
        {"stages": {"instruction": {"rounds": 1.5}}},
        {"clients": {"overrides": [{"idle": True}]}},
        {"radio": {"fading": "rican"}},
        {"radio": {"fading": {"model": "rayleigh", "k_factor": "3 dB"}}},
        {"radio": {"fading": {"model": "nakagami", "m": 0.4}}},
        {"radio": {"loss": {"error_rate": 0.1}}},
        {"radio": {"jammers": [{"name": "j"}]}},
        {"radio": {"energy": {"idle": "never"}}},
        {"network": {"cells": [{"name": "a"}]}},
        {"network": {"path_loss": "uma", "cells": [{"name": "a"}], "backhaul": [{"from": "a"}]}},
    ],
)  # fmt: skip
def test_what_the_loader_refuses_the_schema_refuses(document):
    assert complaints(document) != []


def test_name_and_stages_are_required():
    assert {error.message for error in VALIDATOR.iter_errors({})} == {
        "'name' is a required property",
        "'stages' is a required property",
    }


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_the_scenarios_that_are_shipped_are_valid_and_point_to_it(path):
    assert list(VALIDATOR.iter_errors(yaml.load(path.read_text(encoding="utf-8"), Loader=Core))) == []
    way = os.path.relpath(COMMITTED, path.parent)
    named = way if way.startswith("..") else f"./{way}"
    assert path.read_text(encoding="utf-8").startswith(f"# yaml-language-server: $schema={named}\n")


@pytest.mark.parametrize("name", ["quickstart", "handover", "jammed"])
def test_the_resolved_form_of_a_shipped_scenario_is_valid(name):
    resolved = load(ROOT / "scenarios" / f"{name}.yaml").resolved
    assert list(VALIDATOR.iter_errors(json.loads(json.dumps(resolved)))) == []


def test_the_resolved_form_is_valid_too(files):
    resolved = files.load("name: x\nmodel: {base: base}\nstages: {reward: {}, alignment: {}}").resolved
    assert list(VALIDATOR.iter_errors(json.loads(json.dumps(resolved)))) == []

"""Whatever is in the file or after ``--set``: a scenario or errors with places, never another exception."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_files import write_base

from pwffsim.scenario import ScenarioErrors, load
from pwffsim.scenario.json_schema import generate

FOLDER = Path(tempfile.mkdtemp())
BASE = str(write_base(FOLDER / "base"))
DEFINITIONS = {"Scenario": generate(), **generate()["$defs"]}
KEYS = sorted({key for section in DEFINITIONS.values() for key in section["properties"]})
WORDS = [
    "tiny",
    "pwff",
    "jsonl",
    "hub",
    "buffered",
    "lora",
    "distilbert",
    "constant",
    "rayleigh",
    "uma",
    "none",
    "inf",
    "server",
    "20 MHz",
    "5 dB",
    "$X/y",
    "\u202e\t\n",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 12),
    st.integers(),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=5),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


def outcome(path: Path, overrides: tuple[str, ...] = ()) -> None:
    """Load; errors must have a message each, and a place unless the file could not be read."""
    try:
        load(path, overrides)
    except ScenarioErrors as errors:
        assert errors.problems
        assert all(problem.message and problem.render() for problem in errors.problems)
        assert all(problem.place is not None for problem in errors.problems)


@st.composite
def near_misses(draw: st.DrawFn) -> dict[str, Any]:
    """A valid scenario with values, good or bad, at some of its own keys."""
    document: dict[str, Any] = {"name": "x", "model": {"base": BASE}, "stages": {"instruction": {}, "reward": {}}}
    for _ in range(draw(st.integers(1, 4))):
        section = document
        *above, last = draw(st.sampled_from(PATHS))
        for key in above:
            below = section.setdefault(key, {})
            section = below if isinstance(below, dict) else section
        section[draw(st.just(last) | st.sampled_from(KEYS))] = draw(values)
    return document


def paths(name: str, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every key of a section and of the sections in it."""
    found = []
    for key, field in DEFINITIONS[name]["properties"].items():
        found.append((*before, key))
        for below in [
            part["$ref"] for part in [field, *field.get("allOf", []), *field.get("anyOf", [])] if "$ref" in part
        ]:
            found += paths(below.rpartition("/")[2], (*before, key))
    return found


PATHS = paths("Scenario")


@settings(max_examples=200, deadline=None)
@given(near_misses())
def test_any_values_at_known_keys(document):
    path = FOLDER / "s.yaml"
    path.write_text(json.dumps(document))
    outcome(path)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`\n\t ,1.", max_size=40).map(str.encode))
def test_any_bytes(content):
    path = FOLDER / "b.yaml"
    path.write_bytes(content)
    outcome(path)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(PATHS).map(".".join) | st.text(max_size=6), max_size=2),
    st.text(alphabet="ab:-[]{}&*!'\"\n\t ,1.", max_size=8) | st.sampled_from(WORDS),
)
def test_any_override(keys, value):
    path = FOLDER / "o.yaml"
    path.write_text(json.dumps({"name": "x", "model": {"base": BASE}, "stages": {"instruction": {}, "reward": {}}}))
    outcome(path, tuple(f"{key}={value}" for key in keys))


def test_the_keys_of_all_sections_are_reached():
    assert {("radio", "downlink", "bandwidth"), ("stages", "alignment", "gamma"), ("clients", "count")} <= set(PATHS)
    assert {("radio", "fading", "k_factor"), ("network", "path_loss", "model"), ("radio", "trace", "files")} <= set(
        PATHS
    )
    with pytest.raises(ScenarioErrors):
        load(FOLDER / "missing.yaml")

"""YAML 1.2 text becomes the values that its core schema says, with their places; all else is refused with its place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.scenario.errors import ScenarioErrors, Source
from pwffsim.scenario.yaml_tree import MAX_DEPTH, core_scalar, parse, plain


def read(text: str) -> object:
    node, problems = parse(text, Source("s.yaml", text))
    assert problems == []
    return plain(node)


def refused(text: str) -> str:
    """The one problem of a text: its place and message."""
    try:
        _, problems = parse(text, Source("s.yaml", text))
    except ScenarioErrors as errors:
        problems = errors.problems
    assert len(problems) == 1
    return problems[0].render().splitlines()[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e6", 1e6),
        ("1.0e6", 1e6),
        ("1E+6", 1e6),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.0", -0.0),
        ("12", 12),
        ("+12", 12),
        ("0777", 777),
        ("0o17", 15),
        ("0xff", 255),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("12:30:00", "12:30:00"),
        ("2026-01-01", "2026-01-01"),
        ("true", True),
        ("FALSE", False),
        ("no", "no"),
        ("yes", "yes"),
        ("On", "On"),
        ("y", "y"),
        ("null", None),
        ("~", None),
        ("Null", None),
        ("nil", "nil"),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("1.2.3", "1.2.3"),
        ("20 MHz", "20 MHz"),
        ('"1e6"', "1e6"),
        ("'no'", "no"),
        ('""', ""),
    ],
)
def test_scalars_of_the_core_schema(text, value):
    found = read(f"key: {text}")
    assert found == {"key": value}
    assert type(found["key"]) is type(value)


def test_not_a_number_is_one():
    assert math.isnan(read("key: .nan")["key"])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_python_prints_is_read_back(number):
    assert core_scalar(repr(number)) == number


@given(st.integers())
def test_every_whole_number_is_read_back(number):
    assert core_scalar(str(number)) == number
    assert type(core_scalar(str(number))) is int


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "s.yaml:3:1: a: key 'a' is given twice; first in line 1, column 1"),
        ("r: {x: 1, x: 2}", "s.yaml:1:11: r.x: key 'x' is given twice; first in line 1, column 5"),
        ("a:\nb: 2\n", "s.yaml:1:3: a: has no value; write null for nothing, or {} for a section of defaults"),
        ("a: !!str 5", "s.yaml:1:4: a: tag '!!str' has no meaning here; quote a value to make it a string"),
        ("a: !!python/object:os.system x", "s.yaml:1:4: a: tag '!!python/object:os.system' has no meaning here; "
         "quote a value to make it a string"),
        ("1: x", "s.yaml:1:1: a key must be a word, and '1' is not one"),
        ("? [a]\n: x", "s.yaml:1:3: a key must be a word"),
        ("a: &x {b: 1}\nc: {<<: *x}", "s.yaml:2:5: c: merge keys ('<<') are no part of YAML 1.2; write the keys out"),
        ("a: *x", "s.yaml:1:4: a: alias '*x' has no anchor '&x' before it"),
        ("a: &x [*x]", "s.yaml:1:8: a[0]: alias '*x' stands inside its own anchor"),
        ("a: 1\n---\nb: 2", "s.yaml:2:1: a second document begins here; a scenario is one document"),
        ("a:\n\t- b", "s.yaml:2:1: not YAML: a tab cannot indent; use spaces"),
        ("a: [1, 2\nb: 3", "s.yaml:2:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence"),
        ("a: b: c", "s.yaml:1:5: not YAML: mapping values are not allowed in this context"),
        ("a: 'x", "s.yaml:1:4: not YAML: found unexpected end of stream while scanning a quoted scalar"),
        ("a: 1\nb: \x07", "s.yaml:2:4: not YAML: control character '\\x07'"),
        ("a: 1e999", "s.yaml:1:4: a: 1e999 is too large for a number"),
        (f"a: {'9' * 500}", "s.yaml:1:4: a: a number of 500 digits is too large"),
        ("a: " + "[" * (MAX_DEPTH + 1), f"s.yaml:1:{4 + MAX_DEPTH}: nested more than {MAX_DEPTH} levels deep"),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_with_its_place(text, message):
    assert refused(text) == message


def test_all_that_can_be_read_past_is_told_at_once():
    text = "a: 1\na: 2\nb: !x 1\nc:\n"
    _, problems = parse(text, Source("s.yaml", text))
    assert [str(problem.place) for problem in problems] == ["s.yaml:2:1", "s.yaml:3:4", "s.yaml:4:3"]


def test_nesting_that_would_exhaust_a_stack_is_refused_quickly():
    assert "nested more than" in refused("[" * 1_000_000)


def test_an_alias_stands_for_its_anchor():
    assert read("a: &x {b: [1, 2]}\nc: *x\nd: *x") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": {"b": [1, 2]}}


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory():
    laughs = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 30)]
    assert refused("\n".join(laughs)).endswith("aliases stand for more than 100000 values")


def test_lines_are_counted_as_yaml_breaks_them():
    assert refused("# \u2028\na: 1\r\nb: 1\rb: 2").startswith("s.yaml:5:1: b: key 'b' is given twice")

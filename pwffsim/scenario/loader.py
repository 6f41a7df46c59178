"""A scenario from a file and ``--set`` arguments: read, checked as a whole, made explicit, hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pwffsim.scenario import overrides as command_line
from pwffsim.scenario import presets
from pwffsim.scenario.checks import check
from pwffsim.scenario.errors import Place, Problem, ScenarioErrors, Source
from pwffsim.scenario.explain import explain
from pwffsim.scenario.partial import without_errors
from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.structure import SHORTHANDS, shorthands
from pwffsim.scenario.yaml_tree import Node, parse, plain

MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class LoadedScenario:
    """A valid scenario.

    Attributes:
        scenario: with its radio preset filled in.
        source: the bytes of the file.
        path: the file.
        overrides: the ``--set`` arguments.
        resolved: the scenario as JSON values, every default written out.
        sha256: hash of :func:`canonical_json` of `resolved`.
    """

    scenario: Scenario
    source: bytes
    path: Path
    overrides: tuple[str, ...]
    resolved: dict[str, Any]
    sha256: str


def load(path: Path | str, overrides: Sequence[str] = ()) -> LoadedScenario:
    """Load and check a scenario.

    Args:
        path: a YAML 1.2 file (JSON is YAML).
        overrides: ``key=value`` arguments, applied in order.

    Raises:
        ScenarioErrors: with everything that is wrong.
    """
    source = _read(Path(path))
    tree, problems = _tree(_decode(source, str(path)), str(path), overrides)
    scenario, wrong = _validate(tree)
    # What the parser has said about a place is not said again by the schema.
    told = {problem.place for problem in problems}
    problems += [problem for problem in wrong if problem.place not in told]
    if problems or scenario is None:
        raise ScenarioErrors(problems)
    scenario = presets.resolve(scenario)
    resolved = scenario.model_dump(mode="json")
    digest = hashlib.sha256(canonical_json(resolved).encode()).hexdigest()
    return LoadedScenario(scenario, source, Path(path), tuple(overrides), resolved, digest)


def canonical_json(resolved: dict[str, Any]) -> str:
    """The one text of a resolved scenario: keys sorted, no blanks, ASCII."""
    return json.dumps(resolved, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _read(path: Path) -> bytes:
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise ScenarioErrors([Problem("", f"{path}: larger than {MAX_BYTES // 10**6} MB; no scenario is", None)])
        return path.read_bytes()
    except OSError as error:
        raise ScenarioErrors([Problem("", f"{path}: cannot be read: {error.strerror}", None)]) from None


def _decode(source: bytes, name: str) -> str:
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = Source(name, source[: error.start].decode("utf-8-sig", errors="replace"))
        place = Place(before, len(before.lines) - 1, len(before.lines[-1]))
        message = f"not UTF-8: byte 0x{source[error.start]:02x}; save the file as UTF-8"
        raise ScenarioErrors([Problem("", message, place)]) from None


def _tree(text: str, name: str, arguments: Sequence[str]) -> tuple[Node, list[Problem]]:
    """The file's tree with all overrides applied, and what could be read past."""
    source = Source(name, text)
    tree, problems = parse(text, source)
    if tree.value is None:
        raise ScenarioErrors(
            [Problem("", "the file is empty; a scenario needs at least name and stages", Place(source, 0, 0))]
        )
    if not isinstance(tree.value, dict):
        raise ScenarioErrors([Problem("", "a scenario is a mapping of keys such as 'name: ...'", tree.place)])
    for number, argument in enumerate(arguments, start=1):
        problems += _override(tree, argument, number)
    return tree, problems


def _override(tree: Node, argument: str, number: int) -> list[Problem]:
    try:
        override, problems = command_line.read(argument, number)
        command_line.apply(tree, override, SHORTHANDS | shorthands(Scenario))
    except ScenarioErrors as error:
        return error.problems
    return problems


def _validate(tree: Node) -> tuple[Scenario | None, list[Problem]]:
    """The scenario, or all that is wrong: with single values, and between values that are right by themselves."""
    data = plain(tree)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        partial, wrong = without_errors(data, error)
        misfits = [] if partial is None else check(partial, tree, wrong)
        return None, explain(error, tree, Scenario) + misfits
    return scenario, check(scenario, tree, frozenset())

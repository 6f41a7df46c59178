"""What the README and the guides say is so: their code runs, their scenarios load, their tables are the registries."""

from __future__ import annotations

import argparse
import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

import channel_models
from channel_models.combinations import FIDELITIES, rate_loss_table
from channel_models.energy.radio import RadioPower
from channel_models.fading import FADING
from channel_models.loss import LOSS_MAPS
from channel_models.mobility import MOBILITY
from channel_models.model import parameters
from channel_models.path_loss import PATH_LOSS
from channel_models.placement import PLACEMENTS
from channel_models.rates import RATE_MAPS
from channel_models.registry import Registry
from channel_models.retransmission import RETRANSMISSION
from channel_models.sharing import SHARING
from pwffsim.cli import COMMANDS, main
from pwffsim.scenario import load

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "channel_models.md"
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
AXES: dict[str, Registry] = {
    "fading": FADING,
    "rate": RATE_MAPS,
    "loss": LOSS_MAPS,
    "retransmission": RETRANSMISSION,
    "sharing": SHARING,
    "path_loss": PATH_LOSS,
    "placement": PLACEMENTS,
    "mobility": MOBILITY,
}
"""Key of a scenario, which heads the guide's table, and the models it chooses among."""

LACKING = {"name": "x", "model": {"base": "tiny"}, "stages": {"instruction": {}}}
"""What a fragment of a scenario must have besides, to be one."""

OUTSIDER = "capped_shannon"
"""The guide's example of a model from elsewhere."""

ENTRY_POINT_GROUPS = {"pwffsim.methods"}
"""Dotted names that are not modules."""

_BLOCK = re.compile(r"(?:<!-- not run: (?P<why>[^\n]+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_PRINTED = re.compile(r"^print\(.*\)  # (.+)$", re.M)
_ROW = re.compile(r"^\|(.+)\|$")


class Block(NamedTuple):
    """A fenced block of a page, with the reason why it is not run, if it is not."""

    page: Path
    line: int
    language: str
    text: str
    why: str | None

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page) if block.language == language]


def blocks_of(page: Path) -> Iterator[Block]:
    content = read(page)
    for found in _BLOCK.finditer(content):
        line = content.count("\n", 0, found.start("language")) + 1
        yield Block(page, line, found["language"], found["text"], found["why"])


def tables(page: Path) -> Iterator[list[list[str]]]:
    """Tables as rows of cells, the head first and without the rule below it."""
    rows: list[list[str]] = []
    for line in [*read(page).splitlines(), ""]:
        if found := _ROW.match(line):
            rows.append([cell.strip() for cell in found[1].split("|")])
        elif rows:
            yield [rows[0], *rows[2:]]
            rows = []


def table_of(head: str) -> list[list[str]]:
    """The guide's one table whose first column has that head."""
    (table,) = [rows for rows in tables(GUIDE) if rows[0][0] == head]
    return table


def first_cells(head: str) -> list[str]:
    """Names in the first column of such a table."""
    return [row[0].strip("`") for row in table_of(head)[1:]]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def runnable(language: str) -> list[Block]:
    """Blocks that stand by themselves: the guide's own model and what names it are a package's (see below)."""
    return [block for block in blocks(language) if block.why is None and OUTSIDER not in block.text]


@pytest.mark.parametrize("block", runnable("python"), ids=str)
def test_python_runs_and_prints_what_stands_beside_it(block, tmp_path):
    done = subprocess.run([sys.executable, "-c", block.text], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == _PRINTED.findall(block.text)


def test_only_an_excerpt_and_a_look_at_a_run_are_not_run():
    assert [block.page.name for block in blocks("python") if block.why] == ["README.md", "architecture.md", "paper.md"]


@pytest.mark.parametrize("block", runnable("yaml"), ids=str)
def test_scenarios_load(block, tmp_path):
    assert load(scenario_file(block.text, tmp_path)).scenario.radio is not None


def scenario_file(text: str, folder: Path) -> Path:
    """A file with a scenario or a fragment of one, and after it what the fragment lacks."""
    lacking = {key: value for key, value in LACKING.items() if key not in yaml.safe_load(text)}
    path = folder / "scenario.yaml"
    path.write_text(text + (yaml.safe_dump(lacking) if lacking else ""), encoding="utf-8")
    return path


def test_a_model_from_another_package(tmp_path):
    """The guide's model as the installed package that its entry point describes: the command line knows it."""
    model, entry, fragment = (
        next(block.text for block in blocks(language) if OUTSIDER in block.text)
        for language in ("python", "toml", "yaml")
    )
    points = tomllib.loads(entry)["project"]["entry-points"]
    (group,) = points
    assert group in {f"channel_models.{registry.axis}" for registry in AXES.values()}
    (tmp_path / "my_radio.py").write_text(model, encoding="utf-8")
    info = tmp_path / "my_radio-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-radio\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"[{group}]", *(f"{name} = {target}" for name, target in points[group].items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    scenario = scenario_file(fragment, tmp_path)
    assert validated(scenario, {"PYTHONPATH": str(tmp_path)}).returncode == 0
    assert "capped_shannon" in validated(scenario, {}).stderr
    scenario.write_text(scenario.read_text(encoding="utf-8").replace(": 4}", ": -4}"), encoding="utf-8")
    assert "radio.rate.cap_b_per_s_hz: must be" in validated(scenario, {"PYTHONPATH": str(tmp_path)}).stderr


def validated(scenario: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pwffsim", "validate", str(scenario)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)


def test_the_readme_offers_models_that_there_are():
    """Lines such as ``fading: ...   # or rician, none``."""
    (scenario,) = [block.text for block in blocks_of(README) if block.language == "yaml"]
    offers = re.findall(r"^  (\w+): .*# or (.+?)(?:\.\.\.)?$", scenario, re.M)
    assert {key for key, _ in offers} == {"fading", "rate", "loss", "retransmission", "sharing"}
    assert [(key, name) for key, names in offers for name in names.split(", ") if name not in AXES[key]] == []


@pytest.mark.parametrize("key", AXES)
def test_the_guide_has_every_model_and_no_other(key):
    shipped = [name for name, model in AXES[key].items() if model.__module__.startswith("channel_models.")]
    assert sorted(first_cells(key)) == shipped


def test_the_guide_has_every_fidelity_and_every_parameter_of_radio_states():
    assert sorted(first_cells("fidelity")) == sorted(FIDELITIES)
    named = [name for row in table_of("state")[1:] for name in re.findall(r"`(\w+)`", row[2])]
    assert sorted(named) == sorted(parameters(RadioPower))


def test_the_table_of_rates_and_losses_is_current():
    (written,) = re.findall(r"^<!-- rates and losses: .+? -->$(.+?)^<!-- end -->$", read(GUIDE), re.M | re.S)
    assert written.strip() == rate_loss_table().strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_all_tables_are_tables(page):
    """A vertical bar in a formula would cut its cell in two."""
    assert [row for rows in tables(page) for row in rows if len(row) != len(rows[0])] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_dotted_names_are_something(page):
    for name in re.findall(r"`((?:channel_models|pwffsim)(?:\.\w+)+)(?:\(\))?`", read(page)):
        if name not in ENTRY_POINT_GROUPS:
            assert resolved(name) is not None, f"{name} in {page.name}"


def resolved(name: str) -> object:
    """The module or attribute of a dotted name. Raises ImportError or AttributeError where there is none."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        home, _, attribute = name.rpartition(".")
        return getattr(resolved(home), attribute)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "NOTICE"], ids=lambda page: page.name)
def test_files_and_links_are_there(page):
    rooms = "channel_models|pwffsim|tests|scenarios|reports|docs"
    paths = {ROOT / path for path in re.findall(rf"(?<![\w./-])((?:{rooms})/[\w./]*\w)", read(page))}
    links = {page.parent / path for path in re.findall(r"\]\((?!https?:)([^)#]+)", _BLOCK.sub("", read(page)))}
    assert [str(path) for path in sorted(paths | links) if not path.exists()] == []


def test_the_readme_asks_a_question_of_every_scenario():
    (table,) = [rows for rows in tables(README) if rows[0] == ["file", "question"]]
    asked = [name for row in table[1:] for name in re.findall(r"`scenarios/(\w+\.yaml)`", row[0])]
    assert sorted(asked) == sorted(path.name for path in (ROOT / "scenarios").glob("*.yaml"))


def commands() -> list[list[str]]:
    """What the pages call pwffsim with."""
    lines = [line for block in blocks("sh") for line in block.text.splitlines()]
    return [words[1:] for line in lines if (words := shlex.split(line, comments=True))[:1] == ["pwffsim"]]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_parse(words):
    parser = argparse.ArgumentParser()
    assert words[0] in COMMANDS
    import_module(f"pwffsim.commands.{words[0]}").add_arguments(parser)
    parser.parse_args(words[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_explain_themselves(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0 and f"pwffsim {command}" in capsys.readouterr().out


def test_extras_and_targets_that_the_readme_names():
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    assert set(re.findall(r"'\.\[(\w+)\]'", read(README))) <= set(project["optional-dependencies"])
    targets = re.findall(r"^make (\w+)", read(README), re.M)
    assert targets and [name for name in targets if f"\n{name}:" not in read(ROOT / "Makefile")] == []
    assert project["license-files"] == ["LICENSE", "NOTICE"]


def test_the_package_offers_what_it_says_and_types_know_it():
    source = ast.parse(read(Path(channel_models.__file__)))
    typed = {
        (node.module, alias.name)
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("channel_models.")
        for alias in node.names
        if alias.asname == alias.name
    }
    assert typed == {(home, name) for name, home in channel_models._HOME_OF.items()}
    assert set(channel_models.__all__) <= set(dir(channel_models))
    for home, name in typed:
        assert getattr(channel_models, name) is getattr(import_module(home), name)
    with pytest.raises(AttributeError, match="no attribute 'Linc'"):
        _ = channel_models.Linc


def test_importing_the_package_costs_nothing_and_its_names_no_more_than_numpy():
    program = (
        "import sys, channel_models\n"
        "assert 'numpy' not in sys.modules\n"
        "from channel_models import *\n"
        "assert Link and FADING['rician']\n"
        "print([name for name in ('scipy', 'networkx', 'simpy', 'torch', 'pwffsim') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr

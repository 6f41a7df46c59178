"""Imports go along the arrows of docs/architecture.md, and what must stay light stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "peft", "trl", "accelerate", "datasets"}
SIMPY = {"simpy"}

MAY_IMPORT: dict[str, set[str]] = {
    "channel_models": set(),
    "reports": {"pwffsim.runs", "pwffsim.kernel.fingerprint"},
    "pwffsim.kernel": set(),
    "pwffsim.architecture": set(),
    "pwffsim.federation": {"pwffsim.architecture"},
    "pwffsim.data": {"channel_models"},
    "pwffsim.scenario": {
        "channel_models",
        "pwffsim.federation",
        "pwffsim.architecture",
        "pwffsim.data",
        "pwffsim.learning.declarations",
        "pwffsim.learning.bases",
    },
    "pwffsim.compute": {"pwffsim.learning"},
    "pwffsim.learning": {"channel_models", "pwffsim.architecture", "pwffsim.data"},
    "pwffsim.runs": {"pwffsim.kernel.fingerprint"},
    "pwffsim.world": {
        "channel_models",
        "pwffsim.architecture",
        "pwffsim.compute.recipe",
        "pwffsim.federation",
        "pwffsim.kernel",
        "pwffsim.learning.declarations",
        "pwffsim.runs.page",
        "pwffsim.runs.records",
        "pwffsim.scenario",
    },
    "pwffsim.survey": {
        "channel_models",
        "pwffsim.drawing",
        "pwffsim.scenario",
        "pwffsim.world.profiles",
        "pwffsim.world.radio",
    },
    "pwffsim.drawing": set(),
    "pwffsim.studies": {
        "pwffsim.architecture.groups",
        "pwffsim.compute.environment",
        "pwffsim.compute.executors.processes",
        "pwffsim.compute.recipe",
        "pwffsim.exit_codes",
        "pwffsim.learning.warm",
        "pwffsim.runs",
        "pwffsim.scenario",
        "pwffsim.simulation",
    },
    "pwffsim.paper": {
        "channel_models",
        "pwffsim.drawing",
        "pwffsim.runs.atomic",
        "pwffsim.studies",
        "reports.html",
    },
    "pwffsim.simulation": {
        "channel_models",
        "pwffsim.architecture",
        "pwffsim.compute",
        "pwffsim.data",
        "pwffsim.exit_codes",
        "pwffsim.federation",
        "pwffsim.kernel",
        "pwffsim.learning",
        "pwffsim.runs",
        "pwffsim.scenario",
        "pwffsim.world",
        "reports",
    },
}
"""Room -> what else of ours it may import, besides itself."""

NO_SIMPY = {"channel_models", "reports", "pwffsim.federation", "pwffsim.scenario", "pwffsim.data", "pwffsim.runs"}
NO_TORCH = set(MAY_IMPORT) - {"pwffsim.learning", "pwffsim.compute", "pwffsim.simulation"}


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room.replace(".", "/")).rglob("*.py"))


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def inside(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_along_its_arrows(room):
    allowed = MAY_IMPORT[room] | {room}
    parents = {"pwffsim", *(".".join(a.split(".")[:-1]) for a in allowed)}
    ours = [
        (path.relative_to(ROOT).as_posix(), name)
        for path in sources(room)
        for name in imports(path)
        if name.split(".")[0] in {"pwffsim", "channel_models", "reports"}
    ]
    strays = [(path, name) for path, name in ours if not any(inside(name, a) for a in allowed) and name not in parents]
    assert sources(room)
    assert strays == []


@pytest.mark.parametrize(("rooms", "banned"), [(NO_TORCH, HEAVY), (NO_SIMPY, SIMPY)])
def test_no_heavy_library_where_it_does_not_belong(rooms, banned):
    """`datasets` is allowed where a hub corpus is read, inside the function that reads it."""
    strays = [
        (path.name, name)
        for room in sorted(rooms)
        for path in sources(room)
        for name in imports(path)
        if name.split(".")[0] in banned and path.name != "hub.py"
    ]
    assert strays == []


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["schema"], ["validate", "scenarios/quickstart.yaml"], ["--version"]],
    ids=" ".join,
)
def test_quick_commands_load_neither_torch_nor_simpy(arguments):
    program = (
        "import sys\n"
        "from pwffsim.cli import main\n"
        "try:\n    code = main(sys.argv[1:])\n"
        "except SystemExit as end:\n    code = end.code\n"
        f"heavy = {sorted(HEAVY | SIMPY)} \n"
        "assert not [name for name in heavy if name in sys.modules], sorted(sys.modules)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_is_light():
    program = "import sys, pwffsim; pwffsim.load; assert 'torch' not in sys.modules and 'simpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_no_two_test_files_have_one_name():
    """pytest takes the second one for the first."""
    names = [path.name for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    assert [name for name in set(names) if names.count(name) > 1] == []

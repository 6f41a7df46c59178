from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "channel_models"
MODULES = sorted(ROOM.rglob("*.py"))
NETWORKX_ROOM = ROOM / "geometry" / "topology.py"
CLOCKS_AND_GLOBALS = {
    "hash",
    "time.time",
    "time.perf_counter",
    "np.random.seed",
    "np.random.default_rng",
    "default_rng",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_numpy_and_scipy_come_from_outside(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "scipy", "channel_models"}
    allowed |= {"networkx"} if path == NETWORKX_ROOM else set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= allowed


def test_every_module_loads_without_scipy_and_networkx() -> None:
    """So a scenario that names any of the models is checked quickly."""
    program = (
        f"import sys, importlib; sys.path.insert(0, {str(ROOT)!r})\n"
        f"for name in {[name_of(path) for path in MODULES]!r}: importlib.import_module(name)\n"
        "print([name for name in ('scipy', 'networkx', 'simpy', 'torch', 'pwffsim') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_global_generator_and_no_wall_clock(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & CLOCKS_AND_GLOBALS

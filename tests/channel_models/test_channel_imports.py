from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[2] / "channel_models"
MODULES = sorted(ROOM.glob("*.py"))
PARAMETER_MODULES = "energy fading link_budget loss packets rates retransmission transfer units"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_numpy_and_scipy_come_from_outside(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "scipy", "channel_models"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= allowed


def test_parameter_types_load_without_scipy() -> None:
    imports = "; ".join(f"import channel_models.{name}" for name in PARAMETER_MODULES.split())
    program = f"import sys; sys.path.insert(0, {str(ROOM.parent)!r}); {imports}; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_global_generator_and_no_wall_clock(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    clocks = {
        "hash",
        "time.time",
        "time.perf_counter",
        "np.random.seed",
        "np.random.default_rng",
        "default_rng",
    }
    assert not calls & clocks

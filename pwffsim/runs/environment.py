"""Where a run was made: interpreter, machine, packages, and the commit of the code."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
_CPU_INFO = Path("/proc/cpuinfo")
_GIT_S = 20


def environment() -> dict[str, Any]:
    """The facts for a manifest, collected without importing any of the packages."""
    packages = package_versions()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "cpu": cpu_model(),
        "byteorder": sys.byteorder,
        "pwffsim": packages.get("pwffsim"),
        "git": git_state(CHECKOUT),
        "packages": packages,
    }


@cache
def package_versions() -> dict[str, str]:
    """Installed distribution -> version, by name."""
    found = {dist.metadata["Name"]: dist.version for dist in distributions() if dist.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


@cache
def cpu_model() -> str:
    """The processor's name as the system gives it."""
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def git_state(folder: Path) -> dict[str, Any] | None:
    """``{"commit": sha or None, "dirty": bool}`` of a checkout; None where the code is not one, or git is missing."""
    if not (folder / ".git").exists():
        return None
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    return None if changes is None else {"commit": commit or None, "dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_GIT_S, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None

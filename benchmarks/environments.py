"""Virtual environments for frameworks, made by the benchmark itself and kept in its cache.

They share torch, transformers and peft with the environment that runs the benchmark, so that all train with the same
libraries; what a framework needs besides is installed in its own folder and shadows the shared one.
"""

from __future__ import annotations

import site
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_SHARED = ("torch", "transformers", "peft")
_LIMIT_S = 900.0


class CannotInstall(Exception):
    """A framework that is not to be had here; the message is pip's."""


@dataclass(frozen=True)
class Environment:
    """A framework's environment.

    Attributes:
        name: its folder in the cache.
        requirement: what pip is asked for; empty for the environment of pwffsim itself.
        package: the distribution whose version is told.
    """

    name: str
    requirement: str
    package: str

    def python(self, cache: Path) -> Path:
        """Its interpreter, after making the environment if need be.

        Raises:
            CannotInstall: when pip cannot.
        """
        if not self.requirement:
            return Path(sys.executable)
        folder = cache.resolve() / self.name
        ready = folder / "ready"
        if not ready.is_file() or ready.read_text() != self._wanted():
            _make(folder, self.requirement)
            ready.write_text(self._wanted())
        return _interpreter(folder)

    def version(self, cache: Path) -> str:
        """Version of the framework that is installed."""
        code = f"from importlib.metadata import version; print(version({self.package!r}))"
        return _run([self.python(cache), "-c", code]).strip()

    def _wanted(self) -> str:
        return "\n".join([self.requirement, sys.prefix, *_constraints()])


def _make(folder: Path, requirement: str) -> None:
    _run([sys.executable, "-m", "venv", "--clear", folder])
    packages = next(folder.glob("lib*/python*/site-packages"))
    (packages / "shared.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(_constraints()) + "\n")
    _run([_interpreter(folder), "-m", "pip", "install", "--quiet", "-c", constraints, requirement])


def _constraints() -> list[str]:
    """The shared libraries, as they are here."""
    try:
        return [f"{name}=={version(name).partition('+')[0]}" for name in _SHARED]
    except PackageNotFoundError as error:
        raise CannotInstall(f"{error.name} is missing here: run the benchmark with pwffsim's own environment") from None


def _interpreter(folder: Path) -> Path:
    return folder / "bin" / "python"


def _run(command: Sequence[str | Path]) -> str:
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"took longer than {_LIMIT_S:.0f} s") from None
    if done.returncode:
        raise CannotInstall(_reason(done.stderr))
    return done.stdout


def _reason(text: str) -> str:
    """pip's last error, without the list of versions there are."""
    errors = [line for line in text.splitlines() if line.startswith("ERROR")] or text.strip().splitlines()[-1:]
    return " ".join(line.partition(" (from versions")[0] for line in errors)[:300] or "without a word"

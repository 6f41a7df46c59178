"""Scenario files for tests: written, loaded, and their errors read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from pwffsim.scenario import LoadedScenario, ScenarioErrors, load

CONFIG = {"model_type": "gpt2", "n_layer": 2, "n_embd": 64, "n_head": 2, "vocab_size": 300, "n_positions": 128}


def write_base(folder: Path, config: dict[str, object] | str = CONFIG) -> Path:
    """A folder that has what a base model has, its one weight aside."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    save_file({"wte.weight": np.zeros((3, 2), np.float32)}, folder / "model.safetensors")
    return folder


def write(folder: Path, text: str | bytes, name: str = "s.yaml") -> Path:
    """A scenario file."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class Files:
    """Loads texts from one folder as if from files of the working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, text: str | bytes, overrides: Sequence[str] = ()) -> LoadedScenario:
        write(self.folder, text)
        return load("s.yaml", overrides)

    def errors(self, text: str | bytes, overrides: Sequence[str] = ()) -> list[str]:
        """The rendered errors, one string each (message, line, caret)."""
        write(self.folder, text)
        try:
            load("s.yaml", overrides)
        except ScenarioErrors as errors:
            assert errors.render() == str(errors) == "\n".join(p.render() for p in errors.problems)
            return [problem.render() for problem in errors.problems]
        return []

    def heads(self, text: str | bytes, overrides: Sequence[str] = ()) -> list[str]:
        """The first line of each error."""
        return [error.splitlines()[0] for error in self.errors(text, overrides)]


def marked(line: str, number: int, error: str) -> tuple[str, str]:
    """A line without its mark ``^``, and the head of an error that stands where the mark was, in that line."""
    column = line.index("^") + 1
    return line.replace("^", ""), f"s.yaml:{number}:{column}: {error}"

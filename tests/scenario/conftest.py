"""A folder with a base model in it, which is the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_files import Files, write_base


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Scenario files beside a folder `base` that holds a small GPT-2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PWFFSIM_DATA", raising=False)
    write_base(tmp_path / "base")
    return Files(tmp_path)

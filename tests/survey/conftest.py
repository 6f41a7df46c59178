"""Scenarios of one stage, made from a few lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pwffsim.scenario import Scenario, load

HEAD = "name: s\nseed: 3\nclients: {clients}\nmethod: pwff\nstages:\n  instruction: {{rounds: 5}}\n"
RADIO = """radio:
  mean_snr_db: 8
  snr_spread_db: 2
  bandwidth: 1 MHz
  tx_power: 1 W
  fading: {model: rayleigh, coherence: 20 ms}
  loss: none
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a scenario file of some clients with a radio section (and whatever follows it)."""

    def to_file(rest: str = RADIO, clients: int = 3) -> Path:
        path = tmp_path / "s.yaml"
        path.write_text(HEAD.format(clients=clients) + rest)
        return path

    return to_file


@pytest.fixture
def scenario(write: Callable[..., Path]) -> Callable[..., Scenario]:
    """A scenario, with overrides."""

    def made(*overrides: str, rest: str = RADIO, clients: int = 3) -> Scenario:
        return load(write(rest, clients), list(overrides)).scenario

    return made

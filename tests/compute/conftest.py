"""What the tests of the compute room share."""

from __future__ import annotations

import pytest
from stand_ins import adding

from pwffsim.learning import stages


@pytest.fixture
def counting(monkeypatch):
    """Stages that add, and a list of what ran."""
    ran = []
    monkeypatch.setattr(stages, "run_together", adding(ran))
    return ran

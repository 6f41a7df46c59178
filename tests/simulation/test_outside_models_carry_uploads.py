"""Models registered in a user's own files: read from a scenario, planned, and run like those of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest
from small import ROOT, scenario_file

FADING_FILE = '''
"""A channel that is good and bad by turns."""
from dataclasses import dataclass

import numpy as np

from channel_models.fading import FADING, Fading
from channel_models.model import parameter


@FADING.register("by_turns")
@dataclass(frozen=True, kw_only=True)
class ByTurns(Fading):
    """Gains 2 w and 2 (1 - w) in turn."""

    coherence_s: float = parameter("Length of a block.", default=0.05, above=0)
    weight: float = parameter("Half the good gain.", default=0.9, above=0.5, below=1)

    @property
    def block_s(self):
        return self.coherence_s

    def gain(self, link, first_block, count):
        good = np.arange(first_block, first_block + count) % 2 == 0
        return 2.0 * np.where(good, self.weight, 1.0 - self.weight)

    def cdf(self, x):
        x = np.asarray(x)
        return 0.5 * (x >= 2.0 * (1.0 - self.weight)) + 0.5 * (x >= 2.0 * self.weight)

    def quantile(self, p):
        return 2.0 * (self.weight if p > 0.5 else 1.0 - self.weight)

    def expectation(self, function):
        return float(function(np.array([2.0 * self.weight, 2.0 * (1.0 - self.weight)])).mean())
'''

RATE_FILE = '''
"""Half of what Shannon says."""
from dataclasses import dataclass

import numpy as np

from channel_models.model import parameter
from channel_models.rates import RATE_MAPS, RateMap


@RATE_MAPS.register("part_of_shannon")
@dataclass(frozen=True, kw_only=True)
class PartOfShannon(RateMap):
    """share log2(1 + snr)."""

    share: float = parameter("Part of the capacity.", default=0.5, above=0, most=1)

    def spectral_efficiency(self, snr):
        return self.share * np.log2(1.0 + np.asarray(snr))
'''

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[2])
import by_turns, part_of_shannon
import numpy as np
from pathlib import Path
from pwffsim.scenario.loader import load
from pwffsim.simulation.plan import plan
from pwffsim.simulation.preparation import prepare

loaded = load(Path(sys.argv[1]))
assert loaded.scenario.radio.fading.build().weight == 0.8 and loaded.scenario.radio.rate.model == "part_of_shannon"
planned = plan(prepare(loaded))
up = planned.run.messages
for row in up.itertuples():
    bits, now_s = 8 * row.payload_bytes, row.sent_ns / 1e9
    while bits > 1e-6:
        block = int(now_s / 0.05 + 1e-9)
        gain = 1.6 if block % 2 == 0 else 0.4
        rate = 1e6 * 0.25 * np.log2(1 + 10**0.5 * gain)
        step_s = min((block + 1) * 0.05 - now_s, bits / rate)
        bits, now_s = bits - rate * step_s, now_s + step_s
    assert abs(row.received_ns - now_s * 1e9) < 5, (row, now_s)
print(len(up), "uploads as computed by hand;", planned.network_fingerprint)
"""


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "by_turns.py").write_text(FADING_FILE)
    (tmp_path / "part_of_shannon.py").write_text(RATE_FILE)
    return tmp_path


def test_a_fading_and_a_rate_of_ones_own_in_a_scenario(outside):
    """A file each, registered by a decorator; every upload ends when the sum over blocks, done by hand, says."""
    radio = {
        "mean_snr_db": 5.0,
        "fading": {"model": "by_turns", "coherence": "50 ms", "weight": 0.8},
        "rate": {"model": "part_of_shannon", "share": 0.25},
        "packets": "fluid",
        "downlink": {"ideal": True},
    }
    stages = {"instruction": {"rounds": 2, "local_steps": 2, "batch_size": 4}}
    path = scenario_file(outside, stages=stages, radio=radio)
    words = [sys.executable, "-c", PROGRAM, str(path), str(outside)]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("6 uploads as computed by hand")


def test_without_its_file_such_a_model_is_unknown(tmp_path):
    from pwffsim.scenario.errors import ScenarioErrors
    from pwffsim.scenario.loader import load

    path = scenario_file(tmp_path, radio={"fading": {"model": "by_turns"}})
    with pytest.raises(ScenarioErrors, match="by_turns"):
        load(path)

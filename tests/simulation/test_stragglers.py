"""A 20-fold spread of device speed: seconds to a stated accuracy, waiting for all or not. Slow; prints its figures."""

from __future__ import annotations

import pytest
from small import ROOT, command

from pwffsim.runs.load import load

ACCURACY = 0.90

pytestmark = pytest.mark.slow


def seconds_to(run, accuracy):
    own = run.metrics[(run.metrics.name == "accuracy") & (run.metrics.actor != "server")]
    course = own.groupby("time_s").value.mean()
    reached = course[course >= accuracy]
    assert len(reached), f"{accuracy:.0%} was never reached; best {course.max():.3f}"
    return float(reached.index[0])


def test_a_buffer_reaches_the_accuracy_sooner(tmp_path):
    times = {}
    for mode in ("sync", "buffered"):
        out = tmp_path / mode
        scenario = ROOT / "scenarios" / f"stragglers_{mode}.yaml"
        ended = command("run", str(scenario), "--out", str(out), "--store", str(tmp_path / "store"))
        assert ended.returncode == 0, ended.stderr
        times[mode] = seconds_to(load(out), ACCURACY)
    print(f"\nsimulated seconds to {ACCURACY:.0%}: {times}")
    assert times["buffered"] < times["sync"]

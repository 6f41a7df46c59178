"""Exit codes of the command line, and that the run directory says the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from small import ROOT, SMALL, command, scenario_file

from pwffsim.exit_codes import Exit, code_of

ONE_STAGE = {"instruction": SMALL["stages"]["instruction"]}


def test_a_link_that_stalls_is_the_scenarios_fault(tmp_path):
    path = scenario_file(tmp_path, stages=ONE_STAGE, radio={"mean_snr_db": -90, "downlink": {"ideal": True}})
    ended = command("run", str(path), "--out", str(tmp_path / "run"))
    assert ended.returncode == Exit.INVALID, ended.stderr
    assert "Traceback" not in ended.stderr
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["status"], manifest["exit_code"]) == ("failed", 2)
    assert manifest["error"] in ended.stderr


def test_a_recording_that_ends_is_the_scenarios_fault(tmp_path):
    """One that is not looped, and shorter than the run; the message names the remedy and the manifest says the same."""
    (tmp_path / "short.txt").write_text("0\t1\n1\t1\n")
    trace = {"format": "cooked", "files": [str(tmp_path / "short.txt")], "at_end": "refuse", "direction": "up"}
    path = scenario_file(tmp_path, stages=ONE_STAGE, radio={"trace": trace, "downlink": {"ideal": True}})
    ended = command("run", str(path), "--out", str(tmp_path / "run"))
    assert ended.returncode == Exit.INVALID, ended.stderr
    assert "beyond the recording, which lasts 2 s" in ended.stderr and "at_end to 'loop'" in ended.stderr
    assert "Traceback" not in ended.stderr
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["status"], manifest["exit_code"]) == ("failed", 2) and manifest["error"] in ended.stderr


def test_what_a_plan_cannot_know_is_the_scenarios_fault(tmp_path):
    stages = {"instruction": {**ONE_STAGE["instruction"], "convergence": {"rule": "patience"}}}
    ended = command("plan", str(scenario_file(tmp_path, stages=stages)))
    assert ended.returncode == Exit.INVALID
    assert "depends on the outcome of instruction.evaluate" in ended.stderr


def test_a_plan_without_aggregations_is_printed(tmp_path):
    ended = command("plan", str(scenario_file(tmp_path, method="local_only", stages=ONE_STAGE)))
    assert ended.returncode == 0, ended.stderr
    assert "last aggregation at - s" in ended.stdout


def test_pretraining_over_something_is_refused(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "kept").write_text("mine")
    ended = command("pretrain", "--out", str(tmp_path / "model"))
    assert ended.returncode == Exit.INVALID, ended.stderr
    assert (tmp_path / "model" / "kept").read_text() == "mine"


def test_a_missing_scenario_file(tmp_path):
    ended = command("run", str(tmp_path / "none.yaml"))
    assert ended.returncode == Exit.INVALID
    assert "cannot be read: No such file or directory" in ended.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("delay_s", [0.3, 2.5])
def test_a_signal_at_any_moment_ends_in_its_own_code(tmp_path, number, code, delay_s):
    """While the scenario is read, libraries are loaded, the directory is made, the first stage runs."""
    path = scenario_file(tmp_path, stages={"instruction": {"rounds": 500, "local_steps": 2, "batch_size": 4}})
    out = tmp_path / "run"
    program = "from pwffsim.simulation import interruption; interruption.listen(); print('ready', flush=True);"
    program += "import sys; from pwffsim.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", program, "run", str(path), "--out", str(out)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(delay_s)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    if out.exists():
        assert json.loads((out / "manifest.json").read_text())["status"] == "interrupted"


def test_the_cause_of_a_failed_stage_decides():
    from pwffsim.compute.recipe import ComputeError
    from pwffsim.data.errors import DataError

    error = ComputeError("instruction.train failed")
    assert code_of(error) is None
    error.__cause__ = DataError("a row is broken")
    assert code_of(error) is Exit.INVALID


def test_an_interrupt_that_a_library_has_renamed_is_the_one_that_came(tmp_path):
    """As Ray does, whose own code turns what a signal handler raises into a KeyboardInterrupt."""
    path = scenario_file(tmp_path)
    program = """
import os, signal, sys
from pwffsim.cli import main
from pwffsim.world.world import World

def renamed(self):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None

World.run = renamed
sys.exit(main(sys.argv[1:]))
"""
    words = [sys.executable, "-c", program, "run", str(path), "--out", str(tmp_path / "run")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == Exit.TERMINATED, done.stderr
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["status"] == "interrupted"

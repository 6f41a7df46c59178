"""Studies carried out by processes: at once, resumed, interrupted, and with points that fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small_studies import plans, points, scenario, statuses, untold

from pwffsim.runs.load import load
from pwffsim.studies.attempt import Task
from pwffsim.studies.hands import Hand
from pwffsim.studies.outcome import WAITING, Ending, Outcome
from pwffsim.studies.point import Point
from pwffsim.studies.series import LISTING, StudyBusy, alone, carry_out, next_of
from pwffsim.studies.table import courses

WAIT_S = 120
PROGRAM = """
import sys
from pathlib import Path
from small_studies import points, scenario, untold
from pwffsim.simulation import interruption
from pwffsim.studies.series import carry_out
if __name__ == "__main__":
    interruption.listen()
    folder = Path(sys.argv[1])
    common = ("stages.instruction.rounds=40",)
    carry_out(points(scenario(folder), common=common), folder / "out", 2, untold)
"""
"""A study that is long enough to be cut off."""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tuple[tuple[Point, ...], Path, tuple[Outcome, ...]]:
    """Two runs, of which one is asked for under two names, and one scenario that cannot be."""
    folder = tmp_path_factory.mktemp("study")
    good = points(scenario(folder))
    again = replace(good[0], labels=(("study", "short"), ("method", "once more")))
    bad = replace(good[0], labels=(("study", "short"), ("method", "bad")), overrides=("method=nobody",))
    asked = (*good, again, bad)
    return asked, folder / "out", carry_out(asked, folder / "out", 2, untold)


def test_points_are_carried_out_and_one_that_cannot_be_is_listed(study):
    asked, out, outcomes = study
    assert [outcome.point for outcome in outcomes] == list(asked)
    assert statuses(outcomes) == ["done", "done", "done", "failed"]
    listing = json.loads((out / LISTING).read_bytes())
    assert [(entry["labels"]["method"], entry["status"]) for entry in listing] == [
        ("pwff", "done"), ("local_only", "done"), ("once more", "done"), ("bad", "failed"),
    ]  # fmt: skip
    assert "nobody" in listing[3]["message"]


def test_what_two_points_ask_for_is_run_once(study):
    _, out, outcomes = study
    assert outcomes[0].path == outcomes[2].path
    assert len(list((out / "points").iterdir())) == 2


def test_each_point_is_a_run_directory_of_its_seed_and_method(study):
    runs = [load(outcome.path) for outcome in study[2] if outcome.done]
    assert [run.scenario["method"] for run in runs] == ["pwff", "local_only", "pwff"]
    assert {run.scenario["seed"] for run in runs} == {1}


def test_what_is_done_is_not_run_again(study):
    asked, out, outcomes = study
    before = {outcome.path: (outcome.path / "manifest.json").stat().st_mtime_ns for outcome in outcomes[:3]}
    told: list[list[str]] = []
    again = carry_out(asked, out, 2, lambda each: told.append(statuses(tuple(each))))
    assert told == [["done", "done", "done", "failed"]]
    assert again == outcomes
    assert {path: (path / "manifest.json").stat().st_mtime_ns for path in before} == before


def test_two_studies_do_not_share_a_folder(tmp_path):
    tmp_path.joinpath("out").mkdir()
    with alone(tmp_path / "out"), pytest.raises(StudyBusy, match="another study is under way"):
        carry_out((), tmp_path / "out", 1, untold)


def test_a_point_that_fails_as_it_is_prepared_tells_why_and_the_others_go_on(tmp_path):
    """Its base is nowhere."""
    small, good = points(scenario(tmp_path))
    poor = replace(small, overrides=("model.base=/nowhere/at/all", "model.weights=pretrained"))
    outcomes = carry_out((poor, good), tmp_path / "out", 1, untold)
    assert statuses(outcomes) == ["failed", "done"]
    assert "nowhere" in outcomes[0].ending.message


def test_a_run_that_diverges_is_listed_and_not_tried_again(tmp_path):
    (point, _) = points(scenario(tmp_path), common=("stages.instruction.learning_rate=1e38",))
    (first,) = carry_out((point,), tmp_path / "out", 1, untold)
    assert first.ending.status == "diverged" and first.ending.message
    told: list[object] = []
    assert carry_out((point,), tmp_path / "out", 1, told.append) == (first,)
    assert len(told) == 1


def test_a_process_that_is_killed_says_how_it_ended(tmp_path):
    (point, _) = points(scenario(tmp_path), common=("stages.instruction.rounds=40",))
    hand = Hand(Task(point, tmp_path / "point", tmp_path / "store"))
    os.kill(hand.pid, signal.SIGKILL)
    assert hand.ending() == Ending("failed", "its process ended with code -9: out of memory, or killed; try again")


def test_what_shares_training_with_nothing_under_way_goes_first():
    """Two seeds of one file, and another file: kin of what runs waits, unless there is nothing else."""

    def outcome(name: str, seed: int) -> Outcome:
        return Outcome(Point((), Path(name), (), seed), "", Path(), Ending(WAITING))

    one, again, other, file = outcome("a", 1), outcome("a", 1), outcome("a", 2), outcome("b", 1)
    assert next_of([one, again, other], []) is one
    assert next_of([again, other, file], [one]) is other
    assert next_of([again, file], [one, other]) is file
    assert next_of([again], [one]) is again


def begun(folder: Path) -> subprocess.Popen[str]:
    """A study in a process group of its own, once something has been learnt."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    program = folder / "study.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program), str(folder)], env=environment, start_new_session=True, text=True
    )
    deadline = time.monotonic() + WAIT_S
    while not list((folder / "out" / "store").glob("*/*.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return process


def test_a_study_whose_processes_are_all_killed_is_taken_up_again(tmp_path):
    process = begun(tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(WAIT_S) == -signal.SIGKILL
    listing = json.loads((tmp_path / "out" / LISTING).read_bytes())
    assert "waiting" in {entry["status"] for entry in listing}
    asked = points(tmp_path / "short.yaml", common=("stages.instruction.rounds=40",))
    outcomes = carry_out(asked, tmp_path / "out", 2, untold)
    assert statuses(outcomes) == ["done", "done"]
    counts = [load(outcome.path).manifest["recipes"] for outcome in outcomes]
    assert sum(each["reused"] for each in counts) > 0


def test_an_interrupted_study_leaves_closed_runs(tmp_path):
    process = begun(tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT_S) != 0
    manifests = [json.loads(path.read_bytes()) for path in (tmp_path / "out" / "points").glob("*/manifest.json")]
    assert manifests and {manifest["status"] for manifest in manifests} <= {"interrupted", "done"}
    assert "interrupted" in {manifest["status"] for manifest in manifests}


def test_plans_are_points_too_and_their_numbers_have_labels(tmp_path):
    outcomes = carry_out(plans(scenario(tmp_path)), tmp_path / "out", 2, untold)
    assert statuses(outcomes) == ["done"] * 4
    found = courses(outcomes)
    assert set(found["method"]) == {"pwff", "local_only"} and set(found["seed"]) == {1, 2}
    assert set(found.columns) == {"study", "method", "seed", "stage", "round", "quantity", "value"}

"""The command on small presets: real points, the files that it writes, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pwffsim.cli import main
from pwffsim.exit_codes import Exit
from pwffsim.paper import claims, inconsistencies
from pwffsim.paper.grid import CONDITIONS, FULL, QUICK, SCENARIOS, SIZES, Effort, points
from pwffsim.paper.measured import measured
from pwffsim.paper.report import report
from pwffsim.paper.verdicts import Verdict
from pwffsim.scenario.loader import load
from pwffsim.studies.outcome import Outcome
from pwffsim.studies.point import PLAN, grid
from pwffsim.studies.series import carry_out
from pwffsim.studies.table import courses

PRESET = {
    "name": "small",
    "clients": 2,
    "model": {"base": "tiny", "max_length": 64},
    "data": {
        "rows_per_client": 8,
        "test_rows_per_client": 4,
        "pairs_per_client": 8,
        "test_pairs_per_client": 4,
        "prompts_per_client": 8,
        "test_prompts_per_client": 4,
        "global_test_rows": 4,
    },
    "stages": {
        "instruction": {"rounds": 1, "local_steps": 1, "batch_size": 2},
        "reward": {"rounds": 1, "local_steps": 1, "batch_size": 2},
        "alignment": {"rounds": 1, "batch_size": 2, "max_new_tokens": 4},
    },
}
FILES = (
    "paper.html",
    "paper.md",
    "fig4.svg",
    "fig5.svg",
    "table.csv",
    "table.parquet",
    "courses.csv",
    "courses.parquet",
)
SMALL = Effort(seeds=(1,), learnt=None, conditions=(), variants=(), methods=("pwff", "local_only"))


def presets(folder: Path) -> Path:
    for name in ("tiny_consistent", "paper_consistent"):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(PRESET))
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tuple[Path, tuple[Outcome, ...]]:
    """Real runs and plans, reported."""
    folder = tmp_path_factory.mktemp("paper")
    asked = [each for each in points(presets(folder), SMALL) if dict(each.labels)["study"] in ("methods", "sizes")]
    outcomes = carry_out(asked, folder / "out", 2, lambda _: None)
    report(outcomes, folder / "out")
    return folder / "out", outcomes


def test_all_files_are_written(study):
    out, outcomes = study
    assert [each.ending for each in outcomes if not each.done] == []
    assert [name for name in FILES if not (out / name).stat().st_size] == []


def test_the_table_holds_what_runs_and_plans_say(study):
    out, outcomes = study
    table = pd.read_parquet(out / "table.parquet")
    pd.testing.assert_frame_equal(table, pd.read_csv(out / "table.csv", keep_default_na=False), check_exact=False)
    accuracy = table[(table["study"] == "methods") & (table["quantity"] == "accuracy")]
    assert dict(zip(accuracy["method"], accuracy["value"], strict=True)) == {
        dict(each.point.labels)["method"]: pytest.approx(_last_accuracy(each))
        for each in outcomes
        if each.point.kind == "run"
    }
    sent = table[(table["study"] == "sizes") & (table["quantity"] == "upload_adapters_bytes")]
    assert set(sent["method"]) == {"pwff"} and (sent["value"] > 0).all()


def _last_accuracy(outcome: Outcome) -> float:
    courses = json.loads((outcome.path / "summary.json").read_bytes())["metrics"]["accuracy"]
    last = [course["last"] for actor, course in courses.items() if actor != "server"]
    return sum(last) / len(last)


def test_one_seed_shows_nothing_and_says_so(study):
    out, _ = study
    text = (out / "paper.md").read_text()
    assert "(one seed)" in text
    verdicts = [line.split(" | ")[2] for line in text.splitlines() if line.startswith(("| C", "| R"))]
    assert verdicts and not {"reproduced", "refuted"} & set(verdicts)


def test_at_the_true_architecture_payloads_savings_and_air_time_are_the_papers(tmp_path):
    """Real plans of GPT-2 small with few rounds: 43.2 % of the bytes, and equal air time to the bit."""
    short = tuple(f"stages.{stage}.rounds=2" for stage in ("instruction", "reward", "alignment"))
    methods = {name: (f"method={name}",) for name in ("pwff", "fedada", "sfl", "pfl")}
    path = SCENARIOS / "paper_consistent.yaml"
    asked = grid(path, {"method": methods}, (1, 2), PLAN, short, study=SIZES, preset=path.stem)
    found = measured(courses(carry_out(asked, tmp_path / "out", 2, lambda _: None)))
    assert inconsistencies.i14(found).verdict is inconsistencies.i3(found).verdict is Verdict.REPRODUCED
    saved = claims.saving(found, path.stem, "upload_bytes")
    assert saved.low == saved.high == pytest.approx(442_368 / (442_368 + 580_968), rel=1e-12)
    assert found.interval(SIZES, path.stem, "instruction", "upload_adapters_bytes", "pwff").mean == 4 * 580_968
    assert found.interval(SIZES, path.stem, "alignment", "upload_lora_bytes", "pfl").mean == 4 * 442_368


def test_every_point_of_the_shipped_presets_is_a_scenario():
    """Quick and full: no name of a preset, method or key has gone."""
    asked = {(each.scenario, each.overrides) for effort in (QUICK, FULL) for each in points(SCENARIOS, effort)}
    assert len([load(path, overrides) for path, overrides in sorted(asked)]) > 100


def test_conditions_change_the_data_and_leave_stage_1_alone(tmp_path):
    """With nothing else of the scenario."""
    path = presets(tmp_path) / "tiny_consistent.yaml"
    loaded = {name: load(path, overrides).scenario for name, overrides in CONDITIONS.items()}
    assert {each.data.partition.dirichlet_alpha for each in loaded.values()} == {0.1, 1.0, 100.0, 0.3}
    assert all(each.stages.reward is None and each.stages.alignment is None for each in loaded.values())


def test_a_folder_without_presets_is_wrong_usage(tmp_path, capsys):
    assert main(["paper", "--scenarios", str(tmp_path), "--out", str(tmp_path / "out")]) == Exit.INVALID
    assert "presets come with the repository" in capsys.readouterr().err


@pytest.mark.slow
def test_the_quick_study_from_the_command_line_and_again(tmp_path, capsys):
    words = ["paper", "--quick", "--scenarios", str(presets(tmp_path)), "--out", str(tmp_path / "out")]
    assert main(words) == Exit.OK
    first = (tmp_path / "out" / "paper.html").read_bytes()
    assert main(words) == Exit.OK
    assert (tmp_path / "out" / "paper.html").read_bytes() == first
    assert "Verdicts on the paper's claims" in capsys.readouterr().out

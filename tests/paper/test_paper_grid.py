"""The points of the paper's study: which presets, methods, seeds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pwffsim.paper.configurations import CONFIGURATIONS, LEARNING, METHODS, REWARDS, shown
from pwffsim.paper.grid import EXAMINED, FULL, QUICK, NoPresets, points
from pwffsim.studies.point import PLAN, RUN

PRESETS = ("tiny_consistent", "tiny_literal", "tiny_tiers", "paper_consistent", "paper_literal", "paper_tiers")


@pytest.fixture
def presets(tmp_path) -> Path:
    for name in PRESETS:
        (tmp_path / f"{name}.yaml").write_text("name: x\nstages: {instruction: {}}\n")
    return tmp_path


def test_who_is_in_which_figure():
    assert [c.method for c in shown(LEARNING)][:4] == ["pwff", "vanilla_fl", "fedada", "fedlora"]
    assert [c.method for c in shown(REWARDS)][:4] == ["pwff", "sfl", "pfl", "shepherd"]
    lacking = {c.method for c in CONFIGURATIONS if not c.paper}
    assert lacking == {"local_only", "centralised", "pwff_equal", "dual"}


@pytest.mark.parametrize("effort", [QUICK, FULL], ids=["quick", "full"])
def test_every_method_is_learnt_and_planned_on_every_seed(presets, effort):
    found = points(presets, effort)
    learnt = [p for p in found if p.kind == RUN and dict(p.labels)["study"] == "methods"]
    names = effort.learnt or tuple(name for name in PRESETS if name.startswith("tiny"))
    asked = Counter((dict(p.labels)["preset"], dict(p.labels)["method"], p.seed) for p in learnt)
    assert asked == Counter((preset, method, seed) for preset in names for method in METHODS for seed in effort.seeds)
    planned = {dict(p.labels)["preset"] for p in found if p.kind == PLAN}
    assert planned == {name for name in PRESETS if name.startswith("paper")}


def test_the_full_grid_rests_on_five_seeds_and_the_quick_one_is_shortened():
    assert len(FULL.seeds) >= 5 and FULL.learning == EXAMINED
    assert len(QUICK.seeds) == 2 and len(QUICK.learning) > len(EXAMINED)


def test_no_two_points_of_a_study_are_called_the_same(presets):
    called = [(p.labels, p.seed, p.kind) for p in points(presets, FULL)]
    assert len(called) == len(set(called))


def test_a_folder_without_presets_is_refused(tmp_path):
    with pytest.raises(NoPresets, match="presets come with the repository"):
        points(tmp_path, QUICK)

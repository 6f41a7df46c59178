"""Whole runs of methods that differ in kind from PWFF: one reward model, examiners, a server that learns."""

from __future__ import annotations

import pytest
from small import CALM, SMALL, play, prepared

from pwffsim.runs.load import load
from pwffsim.simulation.assumptions import assumptions
from pwffsim.simulation.plan import plan

EXAMINED = {"evaluation": {"examiner": True}, "data": {**SMALL["data"], "examiner_pairs": 24}, "radio": CALM}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three methods of one seed that share a store."""
    folder, found = tmp_path_factory.mktemp("methods"), {}
    for method in ("pwff", "shepherd", "centralised"):
        outcome = play(folder / method, folder / "store", method=method, **EXAMINED)
        assert outcome.code == 0, outcome.message
        found[method] = load(outcome.path)
    return found


def values(run, name, round_=0):
    metrics = run.metrics
    own = metrics[(metrics.name == name) & (metrics["round"] == round_) & (metrics.stage == "alignment")]
    return dict(zip(own.actor, own.value, strict=True))


def test_every_method_is_examined_on_both_objectives(runs):
    for run in runs.values():
        for name in ("examined_helpfulness", "examined_harmlessness", "examined_sum", "examined_weighted"):
            assert set(values(run, name, 2)) == {"client-00", "client-01", "client-02"}
        sums = values(run, "examined_sum", 2)
        for actor, helpful in values(run, "examined_helpfulness", 2).items():
            assert sums[actor] == pytest.approx(helpful + values(run, "examined_harmlessness", 2)[actor])


def test_a_method_with_one_reward_model_tells_no_sum_of_rewards(runs):
    names = set(runs["shepherd"].metrics["name"])
    assert {"reward_helpfulness", "reward_weighted", "helpfulness_accuracy"} <= names
    assert not {"reward_sum", "reward_harmlessness", "harmlessness_accuracy", "agreement_harmlessness"} & names
    assert "reward_sum" in set(runs["pwff"].metrics["name"])


def test_the_server_learns_in_no_time_and_sends_nothing(runs):
    run = runs["centralised"]
    assert run.messages.empty and run.rounds.empty and set(run.metrics.time_ns) == {0}
    loss = run.metrics[(run.metrics.name == "global_loss")].sort_values("round").value.tolist()
    assert len(loss) == 3 and loss[-1] < loss[0]
    assert set(values(run, "examined_sum")) == {"client-00", "client-01", "client-02"}


def test_its_run_has_a_report(runs):
    assert (runs["centralised"].path / "report.html").stat().st_size > 10_000


def test_a_plan_of_it_agrees(runs, tmp_path):
    planned = plan(prepared(tmp_path, method="centralised", **EXAMINED))
    assert planned.network_fingerprint == runs["centralised"].manifest["fingerprints"]["network"]


def test_what_it_takes_for_granted_is_said(tmp_path):
    said = {(row["group"], row["name"]): row["value"] for row in assumptions(prepared(tmp_path, method="centralised"))}
    assert said["the server learns", "time of the server"] == "none"
    assert ("the server learns", "raw data") in said

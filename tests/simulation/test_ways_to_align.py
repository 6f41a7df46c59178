"""Whole runs of the ways to align beside PPO, by our loops and by trl's, and what PPO tells of its health."""

from __future__ import annotations

import pytest
from small import SMALL, play

from pwffsim.runs.load import load

ALIGNMENT = {"rounds": 2, "batch_size": 4, "max_new_tokens": 8}
WAYS = {
    "ppo": ALIGNMENT,
    "grpo": {**ALIGNMENT, "algorithm": "grpo", "group_size": 2},
    "dpo": {**ALIGNMENT, "algorithm": "dpo", "local_steps": 3, "learning_rate": 3e-3},
}


def run(folder, store, way, engine="native"):
    stages = {stage: {**settings, "engine": engine} for stage, settings in SMALL["stages"].items()}
    stages["alignment"] = {**WAYS[way], "engine": engine if way != "ppo" else "native"}
    outcome = play(folder, store=store, stages=stages)
    assert outcome.code == 0, outcome.message
    return load(outcome.path)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run of every way, which share the store."""
    folder = tmp_path_factory.mktemp("ways")
    return {way: run(folder / way, folder / "store", way) for way in WAYS}, folder


def measured(one, name):
    own = one.metrics[(one.metrics.stage == "alignment") & (one.metrics.name == name)]
    return own.sort_values(["round", "actor"]).value.tolist()


def test_every_way_is_measured_alike(done):
    runs, _ = done
    for name in ("reward_helpfulness", "reward_sum", "kl", "ended", "judge_helpfulness", "response_length"):
        counts = {way: len(measured(one, name)) for way, one in runs.items()}
        assert len(set(counts.values())) == 1 and min(counts.values()) == 9, name
    starts = {tuple(measured(one, "reward_sum")[:3]) for one in runs.values()}
    assert len(starts) == 1, "the same policies before the first round"
    assert len({tuple(measured(one, "reward_sum")[3:]) for one in runs.values()}) == 3


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("ppo", {"explained_variance_helpfulness", "value_loss_harmlessness", "clip_fraction", "approx_kl", "kl"}),
        ("grpo", {"clip_fraction", "approx_kl", "kl", "policy_loss", "objective_conflict"}),
        ("dpo", {"dpo_loss", "pair_accuracy", "pair_margin"}),
    ],
)
def test_a_training_s_health_stands_beside_the_next_evaluation(done, way, told):
    runs, _ = done
    own = runs[way].metrics[runs[way].metrics.name.str.startswith("train_")]
    assert set(own.stage) == {"alignment"} and set(own["round"]) == {1, 2}
    assert {f"train_{name}" for name in told} <= set(own.name)
    assert all(len(measured(runs[way], f"train_{name}")) == 6 for name in told)
    critics = {name for name in own.name if "value" in name or "explained" in name}
    assert bool(critics) == (way == "ppo")


def test_without_critics_the_uplink_carries_the_same(done):
    runs, _ = done
    sent = [sorted(one.messages.payload_bytes[one.messages.stage == "alignment"]) for one in runs.values()]
    assert sent[0] == sent[1] == sent[2]


@pytest.mark.parametrize("way", ["grpo", "dpo"])
def test_trl_runs_all_stages_to_nearly_the_same(done, way):
    """SFTTrainer, RewardTrainer, then GRPOTrainer or DPOTrainer. A token that is drawn otherwise makes a response
    another one, so that only what is measured before the first round of alignment is held tightly."""
    runs, folder = done
    other = run(folder / f"{way}-trl", folder / "store", way, engine="trl")
    assert other.manifest["fingerprints"]["network"] == runs[way].manifest["fingerprints"]["network"]
    for stage, name in (("instruction", "loss"), ("reward", "helpfulness_loss")):
        ours, theirs = (
            one.metrics[(one.metrics.stage == stage) & (one.metrics.name == name)].value.tolist()
            for one in (runs[way], other)
        )
        assert theirs == pytest.approx(ours, rel=1e-3)
    assert measured(other, "kl") == pytest.approx(measured(runs[way], "kl"), rel=0.3, abs=0.05)

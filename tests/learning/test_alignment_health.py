"""What tells whether alignment is sound: closed forms, and what the stage says."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_models import ALIGNING, initial_states, reward_params, stage_params

from pwffsim.learning import health, stages

ONE = torch.zeros(4, dtype=torch.long)


def test_a_perfect_critic_explains_all_and_a_constant_one_nothing():
    returns = torch.tensor([1.0, 2.0, 4.0, 9.0])
    assert health.explained_variance(returns, returns, ONE, 1) == [1.0]
    assert health.explained_variance(returns, torch.full((4,), 3.0), ONE, 1) == [pytest.approx(0.0)]
    assert health.explained_variance(returns, -returns, ONE, 1) == [pytest.approx(-3.0)]


def test_what_does_not_vary_has_no_explained_variance_and_no_conflict():
    flat, varied = torch.full((4,), 2.0), torch.arange(4.0)
    assert health.explained_variance(flat, varied, ONE, 1) == [None]
    assert health.correlation(flat, varied, ONE, 1) == [None]
    told = health.of_targets({"a": flat, "b": varied}, {"a": flat, "b": varied * 0.5}, ONE, 1)
    assert told == [{"explained_variance_b": pytest.approx(0.75)}]


def test_what_is_no_number_is_told_of_nobody_else():
    owners = torch.tensor([0, 0, 1, 1])
    returns = torch.tensor([1.0, float("nan"), 1.0, 3.0])
    assert health.explained_variance(returns, torch.zeros(4), owners, 2) == [None, pytest.approx(0.0)]


def test_opposite_advantages_are_in_conflict():
    one = torch.tensor([1.0, -2.0, 0.5, 4.0])
    assert health.correlation(one, -3 * one, ONE, 1) == [pytest.approx(-1.0)]
    assert health.correlation(one, one + 7, ONE, 1) == [pytest.approx(1.0)]


@given(st.integers(0, 10_000), st.lists(st.integers(2, 6), min_size=1, max_size=4))
def test_clients_together_are_those_alone(seed, sizes):
    generator = torch.Generator().manual_seed(seed)
    columns = [torch.randn(sum(sizes), generator=generator, dtype=torch.float64) for _ in range(4)]
    owners = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    returns, values = dict(zip("ab", columns[:2], strict=True)), dict(zip("ab", columns[2:], strict=True))
    together = health.of_targets(returns, values, owners, len(sizes))
    for i, told in enumerate(together):
        r, v = ({o: c[owners == i] for o, c in each.items()} for each in (returns, values))
        assert told["explained_variance_a"] == pytest.approx(float(1 - (r["a"] - v["a"]).var() / r["a"].var()))
        advantages = torch.stack([r[o] - v[o] for o in "ab"])
        assert told["objective_conflict"] == pytest.approx(float(torch.corrcoef(advantages)[0, 1]))


def test_k3_is_what_it_says_and_never_negative():
    ratio = torch.tensor([0.25, 1.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(health.k3(ratio.log()), ratio - 1 - ratio.log())
    assert float(health.k3(torch.tensor(0.0))) == 0.0


def test_k3_has_the_divergence_as_its_mean():
    old = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    new = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    expected = float((old * (old / new).log()).sum())
    assert float((old * health.k3((new / old).log())).sum()) == pytest.approx(expected)


@pytest.fixture(scope="module")
def facts(model, data):
    parts = initial_states(model, ["adapters", "lora"], reward_params())
    inputs = {**parts, "reference_adapters": parts["adapters"], "reference_lora": parts["lora"]}
    params = stage_params(model, data, **{**ALIGNING, "reward": reward_params(), "minibatches": 1})
    return {purpose: stages.run(f"alignment.{purpose}", params, inputs).facts for purpose in ("train", "evaluate")}


@pytest.mark.parametrize("purpose", ["train", "evaluate"])
def test_responses_are_as_long_as_their_tokens_say(facts, purpose):
    responses = {"train": ALIGNING["batch_size"], "evaluate": 8}[purpose]
    assert facts[purpose]["response_length"] == facts[purpose]["generated_tokens"] / responses
    assert 1 <= facts[purpose]["response_length"] <= ALIGNING["max_new_tokens"]


def test_training_tells_how_sound_it_is(facts):
    told = facts["train"]
    assert -1 <= told["objective_conflict"] <= 1
    assert told["explained_variance_helpfulness"] <= 1
    assert told["explained_variance_harmlessness"] <= 1
    assert told["approx_kl"] > 0  # of the second epoch; before the first step it is 0
    assert all(math.isfinite(value) for value in told.values())

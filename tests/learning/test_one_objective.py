"""One reward model: rewards, critics and alignment of helpfulness alone."""

from __future__ import annotations

import pytest
import torch
from small_models import ALIGNING, TUNING, data_params, initial_states, reward_params, stage_params

from pwffsim.learning import stages
from pwffsim.learning.jobs import Job

ONE = {"objectives": ["helpfulness"]}
CLIENTS = 3


@pytest.fixture(scope="module")
def many():
    return data_params(CLIENTS)


def described(upload, one=True):
    return {**reward_params(upload), **(ONE if one else {})}


def helpful(group):
    return {name: tensor for name, tensor in group.items() if name.startswith("helpfulness.")}


def close(one, other, atol=5e-5):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=0, atol=atol)


def learning(model, data, upload, one=True):
    start = initial_states(model, [], described(upload, one))
    each = [stage_params(model, data, i, reward=described(upload, one), **TUNING) for i in range(CLIENTS)]
    return [Job({**params, "seed": 30 + i}, start) for i, params in enumerate(each)]


@pytest.mark.parametrize("upload", ["head", "lora", "full"])
def test_the_first_state_is_that_half_of_both(model, upload):
    one, both = (initial_states(model, [], described(upload, one))["reward"] for one in (True, False))
    assert one.keys() == helpful(both).keys() and 2 * len(one) == len(both)
    assert all(torch.equal(tensor, both[name]) for name, tensor in one.items())


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_one_reward_model_learns_what_it_learns_beside_the_other(model, many, upload):
    alone, beside = (stages.run_together("reward.train", learning(model, many, upload, one)) for one in (True, False))
    for one, both in zip(alone, beside, strict=True):
        close(one.parts["reward"], helpful(both.parts["reward"]))
        assert not [name for name in one.facts if "harmlessness" in name]
        assert one.facts["helpfulness_loss_last"] == pytest.approx(both.facts["helpfulness_loss_last"], abs=1e-5)
        assert 2 * one.facts["pairs"] == both.facts["pairs"]


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_clients_together_learn_one_reward_model_as_each_alone(model, many, upload):
    jobs = learning(model, many, upload)
    for job, together in zip(jobs, stages.run_together("reward.train", jobs), strict=True):
        close(stages.run("reward.train", job.params, job.inputs).parts["reward"], together.parts["reward"])


def test_one_reward_model_is_measured_alone(model, many):
    one, both = (stages.run_together("reward.evaluate", learning(model, many, "head", one)) for one in (True, False))
    for single, pair in zip(one, both, strict=True):
        assert single.facts.keys() == {"pairs", "helpfulness_accuracy", "helpfulness_loss", "helpfulness_margin"}
        assert single.facts["helpfulness_loss"] == pytest.approx(pair.facts["helpfulness_loss"], abs=1e-6)


def aligning(model, data, one, weight, upload="head"):
    parts = initial_states(model, ["adapters", "lora"], described(upload, one))
    inputs = {**parts, "reference_adapters": parts["adapters"], "reference_lora": parts["lora"]}
    settings = {**ALIGNING, "reward": described(upload, one)}
    each = [stage_params(model, data, i, **settings) for i in range(CLIENTS)]
    return [Job({**params, "seed": 40 + i, "weight": weight}, inputs) for i, params in enumerate(each)]


@pytest.mark.parametrize("combine", ["advantage", "reward", "literal_sum"])
def test_one_objective_has_the_whole_weight(model, many, combine):
    """Whatever the client's preference, its policy is that of a client who wants nothing but help."""
    one, both = aligning(model, many, True, weight=0.1), aligning(model, many, False, weight=1.0)
    alone, beside = (
        stages.run_together("alignment.train", [Job({**j.params, "combine": combine}, j.inputs) for j in jobs])
        for jobs in (one, both)
    )
    for single, pair in zip(alone, beside, strict=True):
        for group in ("adapters", "lora"):
            close(single.parts[group], pair.parts[group], atol=2e-4)
        close(single.parts["critics"], helpful(pair.parts["critics"]))


def test_weights_of_a_client_sum_to_one(model, many):
    """T9: w of helpfulness, 1 - w of harmlessness, in training as in evaluation."""
    for stage in ("alignment.train", "alignment.evaluate"):
        for result in stages.run_together(stage, aligning(model, many, False, weight=0.3)):
            helpful, harmless = result.facts["reward_helpfulness"], result.facts["reward_harmlessness"]
            assert result.facts["reward_weighted"] == pytest.approx(0.3 * helpful + 0.7 * harmless, abs=1e-6)


def test_facts_of_one_objective(model, many):
    for stage in ("alignment.train", "alignment.evaluate"):
        for result in stages.run_together(stage, aligning(model, many, True, weight=0.1)):
            assert result.facts["reward_weighted"] == pytest.approx(result.facts["reward_helpfulness"])
            assert not [
                name for name in result.facts if name.startswith(("reward_sum", "reward_harm", "value_loss_harm"))
            ]


def test_clients_together_align_to_one_objective_as_each_alone(model, many):
    jobs = aligning(model, many, True, weight=0.5)
    for job, together in zip(jobs, stages.run_together("alignment.train", jobs), strict=True):
        alone = stages.run("alignment.train", job.params, job.inputs)
        assert together.facts == pytest.approx(alone.facts, rel=1e-4, abs=1e-4)
        close(alone.parts["critics"], together.parts["critics"])


@pytest.mark.parametrize("upload", ["lora", "full"])
def test_one_objective_with_encoders_that_are_trained(model, many, upload):
    job = aligning(model, many, True, weight=0.5, upload=upload)[0]
    result = stages.run("alignment.train", job.params, job.inputs)
    assert result.facts["finite"] and result.parts["critics"].keys() == job.inputs["reward"].keys()

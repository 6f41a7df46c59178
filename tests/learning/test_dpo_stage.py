"""Alignment by preferences: the loss by hand, which pairs are drawn, and trl's trainer over the same pairs."""

from __future__ import annotations

import math

import pytest
import torch
from small_models import data_params
from test_alignment_stage import begin, of_three, settings

from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import dpo, pair_texts, peft_policy, stages, state
from pwffsim.learning.jobs import Job
from pwffsim.learning.pair_texts import Member
from pwffsim.learning.stages import dpo as dpo_stage

PREFERRING = {"dpo_beta": 0.3, "engine": "native", "steps": 3, "batch_size": 4}


@pytest.fixture(scope="module")
def shared():
    return data_params(3)


def test_the_loss_by_hand():
    own = torch.tensor([-1.0, -2.0, -3.0, -1.0])  # two chosen, two rejected
    reference = torch.tensor([-1.5, -2.0, -2.0, -1.0])
    margins = dpo.margins(own, reference, 1)
    assert margins.tolist() == [[1.5, 0.0]]
    expected = (math.log1p(math.exp(-0.2 * 1.5)) + math.log(2)) / 2
    assert dpo.losses(margins, 0.2).tolist() == pytest.approx([expected])


def test_before_any_step_the_policy_is_its_reference(model, data):
    result = stages.run("alignment.dpo.train", settings(model, data, **{**PREFERRING, "steps": 1}), begin(model))
    assert result.facts["loss_first"] == pytest.approx(math.log(2), abs=1e-5)
    assert result.facts["pair_margin"] == pytest.approx(0, abs=1e-4)
    assert set(result.parts) == {"adapters", "lora"}
    assert result.facts["update_norm"] > 0


def test_the_loss_is_that_of_peft_s_log_probabilities(model, shared):
    """The first batch through peft's network and whole vocabularies, with another policy for reference."""
    (job, *_) = of_three(model, shared, **PREFERRING)
    drawn = next(iter(dpo_stage._drawn(job)))
    own, reference = (
        torch.tensor([[response_log_prob(job, d, prefix) for d in pair] for pair in drawn], dtype=torch.float64)
        for prefix in ("", "reference_")
    )
    ratios = own - reference
    margin = ratios[:, 0] - ratios[:, 1]
    expected = -torch.nn.functional.logsigmoid(job.params["dpo_beta"] * margin).mean()
    facts = stages.run("alignment.dpo.train", {**job.params, "steps": 1}, job.inputs).facts
    assert facts["loss_first"] == pytest.approx(float(expected), rel=1e-4)
    assert facts["pair_margin"] == pytest.approx(float(margin.mean()), rel=1e-3, abs=1e-4)


@torch.no_grad()
def response_log_prob(job, dialogue, prefix):
    network = peft_policy.resident(job.params["model"], job.params["groups"])
    network.load(job.inputs, prefix)
    ids = torch.tensor([[*dialogue.tokens.prompt, *dialogue.tokens.response]])
    logits = network.logits(network.hidden(ids, use_cache=False).last_hidden_state)[0, :-1]
    picked = torch.log_softmax(logits, -1).gather(1, ids[0, 1:, None])[:, 0]
    return float(picked[len(dialogue.tokens.prompt) - 1 :].sum())


@pytest.mark.parametrize(("weight", "share"), [(0.0, 0.0), (1.0, 1.0), (0.7, 0.7)])
def test_pairs_are_drawn_in_proportion_to_the_weights(model, data, weight, share):
    params = settings(model, data, **{**PREFERRING, "steps": 100, "weight": weight})
    job = Job(params, {})
    drawn = [pair for step in dpo_stage._drawn(job) for pair in step]
    assert len(drawn) == 400
    of = {o: set(map(id, pair_texts.of(Member(o, params), "train"))) for o in OBJECTIVES}
    helpful = sum(id(pair) in of["helpfulness"] for pair in drawn)
    assert helpful + sum(id(pair) in of["harmlessness"] for pair in drawn) == 400
    assert helpful / 400 == pytest.approx(share, abs=0.08 if 0 < share < 1 else 0)


def test_one_objective_has_all_pairs(model, data):
    params = settings(model, data, **{**PREFERRING, "weight": 0.1}, objectives=["helpfulness"])
    of = set(map(id, pair_texts.of(Member("helpfulness", params), "train")))
    assert all(id(pair) in of for step in dpo_stage._drawn(Job(params, {})) for pair in step)


def test_preferences_are_learnt(model, data):
    params = settings(model, data, **{**PREFERRING, "steps": 40, "learning_rate": 3e-3})
    result = stages.run("alignment.dpo.train", params, begin(model))
    assert result.facts["loss_last"] < 0.5 * math.log(2)
    assert result.facts["pair_accuracy"] > 0.8
    assert result.facts["pairs"] == 160


def test_clients_together_end_where_each_would_alone(model, shared):
    jobs = of_three(model, shared, **PREFERRING)
    alone = [stages.run("alignment.dpo.train", job.params, job.inputs) for job in jobs]
    for one, other in zip(stages.run_together("alignment.dpo.train", jobs), alone, strict=True):
        assert one.facts == pytest.approx(other.facts, rel=1e-3, abs=1e-4)
        off = torch.cat(
            [(t - other.parts[g][n]).abs().flatten() for g, part in one.parts.items() for n, t in part.items()]
        )
        assert float((off > 5e-5).float().mean()) < 5e-3


STATED = {"loss": 1e-5, "moved": 1e-3}
"""Agreement with trl: of losses, and of the difference of states as a share of how far they moved."""


def test_trl_and_our_loop_agree(model, shared):
    """The reference is the state that the inputs name, adapters and LoRA, not the policy's own."""
    (job, *_) = of_three(model, shared, **{**PREFERRING, "steps": 6})
    other = state_of_another(job)
    native, trl = (
        stages.run("alignment.dpo.train", {**job.params, "engine": engine}, other) for engine in ("native", "trl")
    )
    for fact in ("loss_first", "loss_last", "dpo_loss", "pair_margin"):
        assert trl.facts[fact] == pytest.approx(native.facts[fact], rel=1e-4, abs=STATED["loss"])
    assert trl.facts["pair_accuracy"] == native.facts["pair_accuracy"]
    for group in ("adapters", "lora"):
        difference = state.distance(trl.parts[group], native.parts[group])
        assert difference < STATED["moved"] * state.distance(native.parts[group], other[group])


def state_of_another(job):
    """A reference other than the policy: where stage 1 began."""
    start = begin(job.params["model"])
    return {**job.inputs, **{f"reference_{group}": start[group] for group in ("adapters", "lora")}}


def test_trl_leaves_the_generators_as_they_were(model, data):
    before = torch.random.get_rng_state()
    stages.run("alignment.dpo.train", settings(model, data, **{**PREFERRING, "engine": "trl"}), begin(model))
    assert torch.equal(torch.random.get_rng_state(), before)

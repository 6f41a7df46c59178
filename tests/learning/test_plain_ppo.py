"""Stage 3 against PPO as textbooks have it: the same texts, and everything after them computed twice."""

from __future__ import annotations

import pytest
import torch
from plain_ppo import OBJECTIVES, PlainPpo
from small_models import data_params
from test_alignment_stage import of_three

from channel_models.randomness import derive_seed, stream
from pwffsim.learning import aligning, stages, tokens
from pwffsim.learning.jobs import Job

STATED = {"advantage": 1e-5, "loss": 1e-5, "moved": 1e-3, "off": 1e-3}
"""Tolerances: of advantages, returns and values; of losses; of the difference of two states as a share of how far they
moved; of the share of parameters that differ by more than 1e-5, whose gradients are all but zero, so that AdamW's first
steps point wherever rounding does."""


@pytest.fixture(scope="module")
def shared():
    return data_params(3)


def both(jobs, monkeypatch):
    """Results of the stage, what it knew before each update, and the textbook's."""
    seen, score = [], aligning.score

    def remember(*arguments):
        seen.append(score(*arguments))
        return seen[-1]

    monkeypatch.setattr(aligning, "score", remember)
    results = stages.run_together("alignment.train", jobs)
    end = tokens.tokenizer(jobs[0].params["model"]["tokenizer"]).end
    plain = [PlainPpo(job, end) for job in jobs]
    told = [
        [own.iterate(texts(scored, i), orders(job.params, scored, step)) for step, scored in enumerate(seen)]
        for i, (job, own) in enumerate(zip(jobs, plain, strict=True))
    ]
    return results, seen, plain, told


def texts(scored, client):
    size = scored.rollout.responses
    return list(scored.rollout.dialogues[client * size : (client + 1) * size])


def orders(params, scored, step):
    """Rows of each minibatch of each epoch, as the stage says it draws them."""
    seed, size = derive_seed(params["seed"], "alignment.iteration", step), scored.rollout.responses
    drawn = [stream(seed, "alignment.minibatches", e).permutation(size) for e in range(params["ppo_epochs"])]
    return [[sorted(part.tolist()) for part in _cut(order, params["minibatches"])] for order in drawn]


def _cut(order, parts):
    return torch.from_numpy(order).tensor_split(parts)


def near(one, other, tolerance):
    torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def held_together(jobs, monkeypatch):
    results, seen, plain, told = both(jobs, monkeypatch)
    for i, (job, result, own) in enumerate(zip(jobs, results, plain, strict=True)):
        for scored, expected in zip(seen, told[i], strict=True):
            mine = scored.rollout.owners == i
            near(scored.advantage[mine], expected.advantages, STATED["advantage"])
            for o in OBJECTIVES:
                near(scored.returns[o][mine], expected.returns[o], STATED["advantage"])
                near(scored.values[o][mine], expected.values[o], STATED["advantage"])
        facts_agree(result.facts, told[i])
        states_agree(job, result.parts, own.state())
    return results, told


def mean(columns):
    return sum(columns) / len(columns)


def facts_agree(facts, told):
    assert facts["rectified"] == sum(one.went_back for one in told)
    for name, columns in (
        ("policy_loss", [mean(t.policy_losses) for t in told if t.policy_losses]),
        ("clip_fraction", [mean(t.clip_fractions) for t in told if t.clip_fractions]),
        ("approx_kl", [mean(t.approx_kls) for t in told if t.approx_kls]),
        *((f"value_loss_{o}", [mean(t.value_losses[o]) for t in told]) for o in OBJECTIVES),
        *((f"explained_variance_{o}", [explained(t, o) for t in told]) for o in OBJECTIVES),
        ("objective_conflict", [conflict(t) for t in told]),
    ):
        if columns:
            assert facts[name] == pytest.approx(mean(columns), rel=1e-4, abs=STATED["loss"]), name
        else:
            assert name not in facts


def explained(told, objective):
    returns, values = told.returns[objective].double(), told.values[objective].double()
    return float(1 - (returns - values).var() / returns.var())


def conflict(told):
    return float(torch.corrcoef(torch.stack([told.own[o].double() for o in OBJECTIVES]))[0, 1])


def states_agree(job, parts, expected):
    for group, tensors in parts.items():
        began = job.inputs["reward"] if group == "critics" else job.inputs[group]
        ours, theirs, before = (
            torch.cat([source[name].flatten() for name in tensors]) for source in (tensors, expected[group], began)
        )
        assert float((ours - theirs).norm()) < STATED["moved"] * float((theirs - before).norm())
        assert float(((ours - theirs).abs() > 1e-5).float().mean()) < STATED["off"]


@pytest.mark.parametrize("combine", ["advantage", "reward", "literal_sum"])
@pytest.mark.parametrize("epochs", [1, 2])
def test_one_client_is_the_textbook_s(model, shared, monkeypatch, combine, epochs):
    (job, *_) = of_three(model, shared, combine=combine, ppo_epochs=epochs, minibatches=1)
    held_together([job], monkeypatch)


@pytest.mark.parametrize("epochs", [1, 2])
def test_three_clients_together_are_the_textbook_s(model, shared, monkeypatch, epochs):
    """Three tiers and weights; the second one is beyond the bound, so that its steps go back."""
    jobs = of_three(model, shared, kl_bound=0.1, ppo_epochs=epochs, minibatches=1)
    results, _ = held_together(jobs, monkeypatch)
    assert [result.facts["rectified"] for result in results] == [0, epochs, 0]


def test_minibatches_and_moments_over_two_iterations_are_the_textbook_s(model, shared, monkeypatch):
    """Discount, temperature, weight decay, a clip range that bites, and optimisers that keep their moments."""
    more = {"steps": 2, "minibatches": 2, "gamma": 0.95, "gae_lambda": 0.9, "temperature": 0.8}
    jobs = of_three(model, shared, **more, clip_range=0.02, weight_decay=0.1, learning_rate=3e-3, clip=1.0)
    results, _ = held_together(jobs[:1], monkeypatch)
    assert results[0].facts["clip_fraction"] > 0


def test_staying_close_to_the_global_policy_is_a_second_penalty(model, shared, monkeypatch):
    """Each client's global policy is another one's state; the penalty is seen in the advantages."""
    (one, _, other) = of_three(model, shared, minibatches=1, global_coefficient=0.3)
    held = {f"global_{group}": tensors for group, tensors in other.inputs.items() if group in ("adapters", "lora")}
    close = Job(one.params, {**one.inputs, **held})
    results, told = held_together([close], monkeypatch)
    assert results[0].facts["kl_global"] > 0
    without = stages.run("alignment.train", {**one.params, "global_coefficient": 0.0}, one.inputs)
    assert "kl_global" not in without.facts
    assert without.facts["value_loss_helpfulness"] != pytest.approx(mean(told[0][0].value_losses["helpfulness"]))

"""Alignment by groups: advantages, what moves, and trl's trainer over the same responses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_models import data_params, initial_states, reward_params
from test_alignment_stage import begin, of_three, settings

from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import grpo, rewarding, stages, state

GROUPED = {"group_size": 2, "group_normalisation": "sum_then_normalise", "engine": "native", "minibatches": 1}
BOTH = sorted(grpo.NORMALISATIONS)


@pytest.fixture(scope="module")
def shared():
    return data_params(3)


def test_a_group_is_held_against_itself():
    scores = torch.tensor([1.0, 3.0, 10.0, 10.0])
    normalised = grpo.group_normalised(scores, 2)
    deviation = 2**0.5 + 1e-4
    assert normalised.tolist() == pytest.approx([-1 / deviation, 1 / deviation, 0.0, 0.0])


def two(seed, clients=2, responses=4):
    generator = torch.Generator().manual_seed(seed)
    scores = {o: torch.randn(clients * responses, generator=generator, dtype=torch.float64) for o in OBJECTIVES}
    weight = torch.rand(clients, generator=generator, dtype=torch.float64)
    return scores, dict(zip(OBJECTIVES, (weight, 1 - weight), strict=True))


@given(st.integers(0, 10_000), st.floats(0.5, 20))
def test_only_sums_before_normalising_see_how_far_an_objective_spreads(seed, factor):
    scores, weights = two(seed)
    stretched = {**scores, "helpfulness": scores["helpfulness"] * factor}
    one, other = (grpo.normalise_then_sum(s, weights, 4) for s in (scores, stretched))
    torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)
    summed = torch.stack([w.repeat_interleave(4) * stretched[o] for o, w in weights.items()]).sum(0)
    torch.testing.assert_close(grpo.sum_then_normalise(stretched, weights, 4), grpo.group_normalised(summed, 4))


@pytest.mark.parametrize("name", BOTH)
@given(st.integers(0, 10_000))
def test_clients_together_have_the_advantages_of_each_alone(name, seed):
    scores, weights = two(seed)
    together = grpo.NORMALISATIONS[name](scores, weights, 2)
    for i in range(2):
        own = {o: s[4 * i : 4 * i + 4] for o, s in scores.items()}
        alone = grpo.NORMALISATIONS[name](own, {o: w[i : i + 1] for o, w in weights.items()}, 2)
        torch.testing.assert_close(together[4 * i : 4 * i + 4], alone)


@pytest.mark.parametrize("name", BOTH)
def test_one_objective_alone_counts_where_it_has_all_the_weight(name):
    scores, _ = two(3)
    all_helpful = {"helpfulness": torch.ones(2, dtype=torch.float64), "harmlessness": torch.zeros(2)}
    found = grpo.NORMALISATIONS[name](scores, all_helpful, 4)
    torch.testing.assert_close(found, grpo.group_normalised(scores["helpfulness"], 4), rtol=1e-2, atol=1e-2)


def test_the_policy_moves_and_there_are_no_critics(model, data):
    inputs = begin(model)
    before = {group: state.content_digest(tensors) for group, tensors in inputs.items()}
    result = stages.run("alignment.grpo.train", settings(model, data, **GROUPED, steps=2), inputs)
    assert set(result.parts) == {"adapters", "lora"}
    assert result.facts["update_norm"] > 0
    assert result.facts["finite"] is True
    assert result.facts["updates"] == 2 * 2
    assert {"reward_sum", "policy_loss", "clip_fraction", "approx_kl", "objective_conflict"} <= result.facts.keys()
    assert not any(name.startswith(("value_loss", "explained")) for name in result.facts)
    assert {group: state.content_digest(tensors) for group, tensors in inputs.items()} == before


@pytest.mark.parametrize("name", BOTH)
def test_clients_together_end_where_each_would_alone(model, shared, name):
    jobs = of_three(model, shared, **{**GROUPED, "group_normalisation": name}, kl_bound=0.1)
    alone = [stages.run("alignment.grpo.train", job.params, job.inputs) for job in jobs]
    assert [result.facts["rectified"] for result in alone] == [0, 2, 0]
    for one, other in zip(stages.run_together("alignment.grpo.train", jobs), alone, strict=True):
        assert one.facts == pytest.approx(other.facts, rel=1e-4, abs=1e-4)
        policies_agree(one.parts, other.parts, 5e-5)


def policies_agree(ours, theirs, tolerance):
    """But for the few whose gradient is nearly zero (see test_alignment_stage.agree)."""
    for group in ("adapters", "lora"):
        off = torch.cat([(tensor - theirs[group][name]).abs().flatten() for name, tensor in ours[group].items()])
        assert float((off > tolerance).float().mean()) < 5e-3


def test_a_group_whose_rewards_are_equal_teaches_nothing(model, data, monkeypatch):
    monkeypatch.setattr(
        rewarding.Rewarding, "scores", lambda _, dialogues: dict.fromkeys(OBJECTIVES, torch.ones(len(dialogues)))
    )
    result = stages.run("alignment.grpo.train", settings(model, data, **GROUPED, kl_coefficient=0.0), begin(model))
    assert result.facts["update_norm"] == 0
    assert "objective_conflict" not in result.facts


def test_rewards_rise_where_they_can(model, data, monkeypatch):
    """A reward for tokens of even number: GRPO finds out how."""

    def even(dialogues):
        return torch.tensor([sum(t % 2 == 0 for t in d.tokens.response) / len(d.tokens.response) for d in dialogues])

    monkeypatch.setattr(rewarding.Rewarding, "scores", lambda _, dialogues: dict.fromkeys(OBJECTIVES, even(dialogues)))
    more = {"steps": 20, "batch_size": 16, "group_size": 4, "learning_rate": 3e-3, "kl_coefficient": 0.0}
    params = settings(model, data, **{**GROUPED, **more}, kl_bound=1e9)
    first = stages.run("alignment.grpo.train", {**params, "steps": 1}, begin(model)).facts
    later = stages.run("alignment.grpo.train", params, begin(model))
    again = stages.run("alignment.grpo.train", {**params, "steps": 1}, {**begin(model), **later.parts}).facts
    assert again["reward_weighted"] > first["reward_weighted"] + 0.1


def test_one_objective_alone_has_the_whole_weight(model, data):
    """Whatever the client's preference; there is nothing to be in conflict with."""
    description = {**reward_params(), "objectives": ["helpfulness"]}
    inputs = {**begin(model), **initial_states(model, [], description)}
    one, other = (
        stages.run(
            "alignment.grpo.train", {**settings(model, data, **GROUPED, weight=w), "reward": description}, inputs
        )
        for w in (0.7, 0.1)
    )
    assert one.facts == other.facts
    assert one.facts["reward_weighted"] == one.facts["reward_helpfulness"]
    assert not {"reward_harmlessness", "objective_conflict"} & one.facts.keys()


STATED = {"loss": 1e-6, "parameters": 1e-5, "moved": 1e-3}
"""Agreement with trl: of losses, of parameters, and of the difference as a share of how far they moved."""


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("epochs", [1, 2])
def test_trl_and_our_loop_agree(model, shared, name, epochs):
    """The reference is the state that the inputs name, adapters and LoRA, far from the policy."""
    (_, far, _) = of_three(model, shared, **GROUPED)
    more = {"group_normalisation": name, "ppo_epochs": epochs, "kl_bound": 1e9, "kl_coefficient": 0.2, "batch_size": 6}
    params = {**far.params, **more, "steps": 2}
    native = stages.run("alignment.grpo.train", params, far.inputs)
    trl = stages.run("alignment.grpo.train", {**params, "engine": "trl"}, far.inputs)
    assert native.facts["kl"] > 0.01
    assert trl.facts["updates"] == native.facts["updates"] == 2 * epochs
    assert trl.facts["policy_loss"] == pytest.approx(native.facts["policy_loss"], rel=1e-4, abs=STATED["loss"])
    assert trl.facts["kl"] == pytest.approx(native.facts["kl"], rel=1e-3)
    policies_agree(trl.parts, native.parts, STATED["parameters"])
    for group in ("adapters", "lora"):
        difference = state.distance(trl.parts[group], native.parts[group])
        assert difference < STATED["moved"] * state.distance(native.parts[group], far.inputs[group])


def test_trl_s_reference_is_not_the_live_policy(model, shared):
    """Another reference, another step: a copy of LoRA alone, with the adapters as they are, would not see it."""
    (_, far, _) = of_three(model, shared, **GROUPED, kl_bound=1e9, kl_coefficient=5.0, ppo_epochs=1)
    params = {**far.params, "engine": "trl"}
    near = {**far.inputs, "reference_adapters": far.inputs["adapters"]}
    one, other = (stages.run("alignment.grpo.train", params, inputs).parts for inputs in (far.inputs, near))
    assert state.content_digest(one["adapters"]) != state.content_digest(other["adapters"])


def test_trl_takes_all_responses_in_one_step(model, data):
    params = settings(model, data, **{**GROUPED, "engine": "trl", "minibatches": 2})
    with pytest.raises(ValueError, match="set minibatches to 1"):
        stages.run("alignment.grpo.train", params, begin(model))


def test_trl_leaves_the_generators_as_they_were(model, data):
    before = torch.random.get_rng_state()
    params = settings(model, data, **{**GROUPED, "engine": "trl"})
    one, again = (stages.run("alignment.grpo.train", params, begin(model)) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert {g: state.content_digest(t) for g, t in one.parts.items()} == {
        g: state.content_digest(t) for g, t in again.parts.items()
    }

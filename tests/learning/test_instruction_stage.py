"""Stage 1 as recipes: what moves, what counts, what fails."""

from __future__ import annotations

import copy

import pytest
import torch
from small_models import TUNING, held, initial_states, stage_params

from pwffsim.learning import batching, peft_policy, policy, shards, stages, state, supervised, tokens


@pytest.fixture(scope="module")
def start(model):
    return initial_states(model, ["adapters", "lora"])


def train(model, data, start, **more):
    params = {**stage_params(model, data), **TUNING, "engine": "native", **more}
    return stages.run("instruction.train", params, start)


def digest(part):
    return state.content_digest(part)


def test_training_lowers_the_loss_and_moves_both_groups(model, data, start):
    before = {group: digest(tensors) for group, tensors in start.items()}
    result = train(model, data, start, steps=12)
    assert result.facts["loss_last"] < result.facts["loss_first"]
    assert result.facts["finite"] is True
    assert result.facts["update_norm"] > 0
    assert set(result.parts) == {"adapters", "lora"}
    for group, tensors in result.parts.items():
        assert all(not torch.equal(t, start[group][name]) or ".lora_A." in name for name, t in tensors.items())
    assert {group: digest(tensors) for group, tensors in start.items()} == before


@pytest.mark.parametrize("group", ["adapters", "lora"])
def test_only_the_named_groups_exist_and_move(model, data, start, group):
    network = policy.network(model, [group]).network
    frozen_before = digest(dict(network.base_model.named_parameters()))
    result = train(model, data, start, groups=[group])
    assert set(result.parts) == {group}
    assert digest(result.parts[group]) != digest(start[group])
    assert digest(dict(network.base_model.named_parameters())) == frozen_before
    assert not any(p.requires_grad or p.grad is not None for p in network.parameters())


def test_first_loss_is_that_of_the_first_batch(model, data, start):
    params = stage_params(model, data)
    rows = shards.shard(params).instructions_train
    text = tokens.tokenizer(model["tokenizer"])
    first = batching.draws(params["seed"], len(rows), 3, 4)[0]
    batch = batching.collate([text.sequence(rows[i].prompt, rows[i].response, 48) for i in first], text.pad)
    resident = held(model, ["adapters", "lora"], start)
    with torch.no_grad():
        logits = resident.logits(resident.hidden(batch.ids).last_hidden_state)[:, :-1]
        picked = torch.log_softmax(logits, -1).gather(-1, batch.labels[:, 1:].clamp(min=0)[..., None])[..., 0]
    wanted = batch.labels[:, 1:] != batching.IGNORED
    assert train(model, data, start).facts["loss_first"] == pytest.approx(-float(picked[wanted].mean()), rel=1e-5)


def test_prompt_labels_do_not_count(model, start):
    resident = held(model, ["adapters", "lora"], start)
    rows = [tokens.Encoded((5, 6, 7), (8, 9, 1))]
    batch = batching.collate(rows, 0)
    loss = supervised.measure(resident, [batch]).loss
    longer = batching.collate([tokens.Encoded((5,), (6, 7, 8, 9, 1))], 0)
    assert supervised.measure(resident, [longer]).loss > loss
    assert supervised.measure(resident, [longer]).tokens == 5


def test_results_depend_on_the_seed_alone(model, data, start):
    one, again, another = (train(model, data, start, seed=seed) for seed in (1, 1, 2))
    assert {g: digest(p) for g, p in one.parts.items()} == {g: digest(p) for g, p in again.parts.items()}
    assert one.facts == again.facts
    assert digest(one.parts["lora"]) != digest(another.parts["lora"])


def test_weight_decay_and_clip_are_obeyed(model, data, start):
    plain = train(model, data, start, steps=1, clip=1e9)
    clipped = train(model, data, start, steps=1, clip=1e-12)
    decayed = train(model, data, start, steps=1, clip=1e9, weight_decay=0.5)
    name = next(n for n in start["lora"] if "lora_A" in n)
    assert clipped.facts["update_norm"] < 0.01 * plain.facts["update_norm"]
    shrunk = start["lora"][name] * (1 - TUNING["learning_rate"] * 0.5)
    torch.testing.assert_close(decayed.parts["lora"][name] - plain.parts["lora"][name], shrunk - start["lora"][name])


def test_an_input_with_nan_is_reported(model, data, start):
    broken = copy.deepcopy(start)
    next(iter(broken["adapters"].values()))[0] = float("nan")
    assert train(model, data, broken).facts["finite"] is False


def test_evaluation_of_the_start_is_that_of_the_base(model, data, start):
    facts = stages.run("instruction.evaluate", stage_params(model, data), start).facts
    base = held(model, [], {})
    text = tokens.tokenizer(model["tokenizer"])
    rows = shards.shard(stage_params(model, data)).instructions_test
    batch = batching.collate([text.sequence(r.prompt, r.response, 48) for r in rows], text.pad)
    measured = supervised.measure(base, [batch])
    assert facts["tokens"] == measured.tokens
    assert facts["loss"] == pytest.approx(measured.loss / measured.tokens, rel=1e-6)
    assert facts["accuracy"] == measured.hits / measured.tokens
    assert 0 < facts["majority_accuracy"] < 1


def test_the_global_test_set_has_its_own_rows(model, data, start):
    everybody = stages.run("instruction.evaluate", stage_params(model, data, client=None), start).facts
    text = tokens.tokenizer(model["tokenizer"])
    rows = shards.federation(data).test
    assert everybody["tokens"] == sum(len(text.sequence(r.prompt, r.response, 48).response) for r in rows)


def test_rows_that_changed_since_are_refused(model, data, start):
    with pytest.raises(ValueError, match="a data file changed during the run"):
        train(model, data, start, shard={"instructions": "0" * 8})


def test_an_unknown_stage_is_refused():
    with pytest.raises(KeyError, match=r"no stage 'instruction\.tune'"):
        stages.run("instruction.tune", {}, {})


def test_trl_and_our_loop_agree(model, data, start):
    steps = 6
    native = train(model, data, start, steps=steps)
    trl = train(model, data, start, steps=steps, engine="trl")
    for fact in ("loss_first", "loss_last", "update_norm"):
        assert trl.facts[fact] == pytest.approx(native.facts[fact], rel=1e-4)
    for group in native.parts:
        for name, tensor in native.parts[group].items():
            torch.testing.assert_close(trl.parts[group][name], tensor, rtol=1e-3, atol=5e-5)


def test_trl_leaves_the_policy_and_the_generators_as_they_were(model, data, start):
    torch_before = torch.random.get_rng_state()
    runs = [train(model, data, start, engine=engine) for engine in ("native", "trl", "native", "trl")]
    digests = [{group: digest(part) for group, part in run.parts.items()} for run in runs]
    assert digests[0] == digests[2]
    assert digests[1] == digests[3]
    assert runs[1].facts["loss_first"] == pytest.approx(runs[0].facts["loss_first"], rel=1e-4)
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    assert all(p.grad is None for p in peft_policy.resident(model, ["adapters", "lora"]).parameters())

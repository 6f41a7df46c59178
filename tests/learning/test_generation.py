"""Sampling with a cache against the plain network."""

from __future__ import annotations

import pytest
import torch
from small_models import TUNING, initial_states, stage_params

from pwffsim.learning import decoders, generation, peft_policy, policy, rollouts, stages, tokens
from pwffsim.learning.generation import Sampling
from pwffsim.learning.jobs import Job
from pwffsim.learning.rollouts import Request

GROUPS = ["adapters", "lora"]


@pytest.fixture(scope="module")
def tuned(model, data):
    """The policy after a few steps, so that adapters and LoRA have an effect."""
    start = initial_states(model, GROUPS)
    params = {**stage_params(model, data), **TUNING, "engine": "native", "steps": 6}
    trained = stages.run("instruction.train", params, start).parts
    return policy.resident([job(model, trained, start)])


def job(model, states, reference=None):
    reference = states if reference is None else reference
    inputs = {**states, **{f"reference_{group}": tensors for group, tensors in reference.items()}}
    return Job({"model": model, "groups": GROUPS}, inputs)


@pytest.fixture(scope="module")
def apart(model, data):
    """Three clients of one, two and three LoRA modules a block, each with a state of its own."""
    jobs = []
    for client, modules in enumerate((1, 2, 3)):
        description = {**model, "lora_modules_per_block": modules}
        own = initial_states(description, GROUPS)
        params = {**stage_params(description, data, client % 2), **TUNING, "engine": "native", "steps": 4 + client}
        jobs.append(job(description, stages.run("instruction.train", params, own).parts, own))
    return jobs


def prompts(model):
    text = tokens.tokenizer(model["tokenizer"])
    return [
        text.prompt(p) for p in ("How do I grow leeks?", "What now?", "It is December and I want melons. What now?")
    ]


def sampling(model, temperature=1.0, end=None):
    text = tokens.tokenizer(model["tokenizer"])
    return Sampling(temperature, text.end if end is None else end, text.pad)


def uniforms(rows, length, seed):
    return torch.rand(rows, length, generator=torch.Generator().manual_seed(seed))


def responses(resident, *arguments):
    return generation.generate(resident, *arguments).responses


def last_logits(resident, ids):
    """The plain network, without a cache."""
    with torch.no_grad():
        return resident.logits(resident.hidden(torch.tensor([ids]), use_cache=False).last_hidden_state[0, -1])


def test_cold_sampling_is_greedy_decoding(tuned, model):
    resident = tuned
    wanted = []
    for prompt in prompts(model):
        ids = [*prompt]
        for _ in range(8):
            ids.append(int(last_logits(resident, ids).argmax()))
        wanted.append(tuple(ids[len(prompt) :]))
    numbers = uniforms(3, 8, 0)
    assert responses(resident, prompts(model), numbers, sampling(model, temperature=1e-4, end=-1)) == wanted


def test_a_row_does_not_depend_on_its_neighbours(tuned, model):
    resident = tuned
    numbers = uniforms(3, 12, 1)
    together = responses(resident, prompts(model), numbers, sampling(model))
    for i, prompt in enumerate(prompts(model)):
        assert responses(resident, [prompt], numbers[i : i + 1], sampling(model)) == [together[i]]


def made_to_end(jobs, asked, numbers):
    """A token, and numbers (clients, rows, R) with which rows 0 and 1 of each client, which are alike, draw it next
    after three others."""
    probabilities = []
    for one, own in zip(jobs, numbers, strict=True):
        resident = policy.resident([one])
        (begun,) = responses(resident, asked[:1], own[:1, :3], Sampling(1.0, -1, 0))
        probabilities.append(torch.softmax(last_logits(resident, [*asked[0], *begun]), -1))
    end = int(torch.stack(probabilities).amin(0).argmax())
    numbers = numbers.clone()
    numbers[:, :2, 3] = torch.stack([p.cumsum(0)[end] - p[end] / 2 for p in probabilities])[:, None]
    return end, numbers


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_clients_sample_as_each_would_alone(apart, model, order, monkeypatch):
    """Three tiers in one batch, prompts of unequal lengths, in two orders. Two rows of each client end early, and leave
    the batch."""
    asked, left = [prompts(model)[i] for i in (0, 0, 2)], []
    end, numbers = made_to_end(apart, asked, uniforms(2, 24, 7)[[0, 0, 1]].repeat(3, 1, 1))
    ways = sampling(model, end=end)
    alone = [
        generation.generate(policy.resident([one]), asked, own, ways) for one, own in zip(apart, numbers, strict=True)
    ]
    keep = decoders.Gpt2Decoder.keep
    monkeypatch.setattr(decoders.Gpt2Decoder, "keep", lambda self, rows: (left.append(len(rows)), keep(self, rows)))
    resident = policy.resident([apart[i] for i in order])
    together = generation.generate(resident, asked * 3, numbers[[*order]].flatten(0, 1), ways)
    assert together.responses == [row for i in order for row in alone[i].responses]
    torch.testing.assert_close(together.states, torch.cat([alone[i].states for i in order]), rtol=1e-4, atol=2e-5)
    assert len({one.responses[2] for one in alone}) == 3
    assert left == [3]


def test_ours_and_transformers_decoder_agree(apart, model, monkeypatch):
    """Keys and values in one place against transformers' cache, and against peft's network of one client."""
    numbers, given = uniforms(9, 20, 3), (prompts(model) * 3, sampling(model))
    ours = generation.generate(policy.resident(apart), given[0], numbers, given[1])
    monkeypatch.setattr(decoders, "DECODERS", {})
    theirs = generation.generate(policy.resident(apart), given[0], numbers, given[1])
    assert ours.responses == theirs.responses
    torch.testing.assert_close(ours.states, theirs.states, rtol=1e-4, atol=2e-5)


def test_states_are_those_of_peft(apart, model):
    """The states that tokens were drawn from, against a forward of peft's network over prompt and response."""
    numbers = uniforms(9, 20, 3)
    made = generation.generate(policy.resident(apart), prompts(model) * 3, numbers, sampling(model))
    expected = []
    for i, response in enumerate(made.responses):
        one, prompt = apart[i // 3], prompts(model)[i % 3]
        oracle = peft_policy.resident(one.params["model"], GROUPS)
        oracle.load(one.inputs)
        with torch.no_grad():
            states = oracle.hidden(torch.tensor([[*prompt, *response]]), use_cache=False).last_hidden_state[0]
        expected.append(states[len(prompt) - 1 : -1])
    torch.testing.assert_close(made.states, torch.cat(expected), rtol=1e-4, atol=2e-5)


def test_a_response_ends_with_the_first_end(tuned, model):
    resident = tuned
    numbers = uniforms(3, 40, 2)
    free = responses(resident, prompts(model), numbers, sampling(model, end=-1))
    token = free[0][4]
    stopped = responses(resident, prompts(model), numbers, sampling(model, end=token))
    for row, cut in zip(free, stopped, strict=True):
        assert cut == (row[: row.index(token) + 1] if token in row else row)


def test_a_client_that_is_not_a_number_spoils_no_other(apart, model):
    numbers = uniforms(9, 12, 5)
    spoilt = {
        group: {name: tensor * float("nan") for name, tensor in own.items()} for group, own in apart[1].inputs.items()
    }
    jobs = [apart[0], Job(apart[1].params, spoilt), apart[2]]
    found = responses(policy.resident(jobs), prompts(model) * 3, numbers, sampling(model, end=-1))
    for i in (0, 2):
        own = slice(3 * i, 3 * i + 3)
        assert found[own] == responses(
            policy.resident([apart[i]]), prompts(model), numbers[own], sampling(model, end=-1)
        )


def test_first_tokens_follow_the_distribution(tuned, model):
    """4,000 evenly spread numbers: every frequency within 1/4,000 of its probability, at two temperatures."""
    resident = tuned
    prompt, n = prompts(model)[0], 4000
    for temperature in (0.7, 1.3):
        numbers = ((torch.arange(n) + 0.5) / n)[:, None]
        drawn = responses(resident, [prompt] * n, numbers, sampling(model, temperature))
        counts = torch.bincount(torch.tensor([row[0] for row in drawn]), minlength=len(last_logits(resident, prompt)))
        expected = torch.softmax(last_logits(resident, prompt) / temperature, -1)
        torch.testing.assert_close(counts / n, expected, rtol=0, atol=1.5 / n)


def test_a_rollout_knows_what_both_policies_thought(apart, model):
    text, temperature = tokens.tokenizer(model["tokenizer"]), 1.5
    asked = [["What now?", "How do I grow leeks?"], ["Why?", "Is it late?"], ["What now?", "When do I plant?"]]
    requests = [Request(own, 9, 48, seed=4 + i) for i, own in enumerate(asked)]
    rollout = rollouts.collect(policy.resident(apart), text, requests, temperature, apart)
    known, position, apart_nats = rollout.predictions, 0, [0.0] * 3
    for i, dialogue in enumerate(rollout.dialogues):
        one = apart[i // 2]
        oracle = peft_policy.resident(one.params["model"], GROUPS)
        ids = torch.tensor([[*dialogue.tokens.prompt, *dialogue.tokens.response]])
        both = []
        for prefix, found in (("", known.log_probs), ("reference_", known.reference_log_probs)):
            oracle.load(one.inputs, prefix)
            with torch.no_grad():
                logits = oracle.logits(oracle.hidden(ids, use_cache=False).last_hidden_state[0]) / temperature
            both.append(torch.log_softmax(logits, -1)[len(dialogue.tokens.prompt) - 1 : -1])
            for k, token in enumerate(dialogue.tokens.response):
                assert float(found[position + k]) == pytest.approx(float(both[-1][k, token]), abs=2e-5)
        apart_nats[i // 2] += float((both[0].exp() * (both[0] - both[1])).sum())
        position += len(dialogue.tokens.response)
    assert position == int(rollout.mask.sum())
    for facts, nats in zip(rollout.facts(), apart_nats, strict=True):
        assert facts["kl"] == pytest.approx(nats / 2, rel=1e-4)
        assert facts["kl"] == pytest.approx(facts["kl_per_token"] * facts["generated_tokens"] / 2, rel=1e-5)


def test_taking_rows_of_a_rollout_takes_their_tokens(apart, model):
    text = tokens.tokenizer(model["tokenizer"])
    requests = [Request(["a?", "b c d?", "e?", "f g?"], 8, 48, seed=5 + i) for i in range(3)]
    rollout = rollouts.collect(policy.resident(apart), text, requests, 1.0, apart)
    rows = torch.tensor([1, 3, 4, 5, 8, 11])
    part = rollout.take(rows)
    grid = rollout.grid(rollout.predictions.log_probs)
    assert torch.equal(part.grid(part.predictions.log_probs), grid[rows, : part.mask.shape[1]])
    assert part.dialogues == [rollout.dialogues[i] for i in rows]
    assert torch.equal(part.batch.targets, torch.tensor([t for d in part.dialogues for t in d.tokens.response]))
    lengths = [len(d.tokens.response) for d in part.dialogues]
    assert part.owners.tolist() == [c for c in range(3) for n in lengths[2 * c : 2 * c + 2] for _ in range(n)]


def test_no_room_for_a_prompt_is_an_error():
    with pytest.raises(ValueError, match="max_new_tokens 48 leaves no room for a prompt in max_length 48"):
        Request(["a"], 48, 48, 0)

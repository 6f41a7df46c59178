"""Sampling with a cache against the plain network."""

from __future__ import annotations

import pytest
import torch
from small_models import TUNING, stage_params

from pwffsim.learning import generation, policy, rollouts, stages, tokens
from pwffsim.learning.generation import Sampling
from pwffsim.learning.rollouts import Request


@pytest.fixture(scope="module")
def tuned(model, data):
    """The policy after a few steps, so that adapters and LoRA have an effect."""
    groups = ["adapters", "lora"]
    start = stages.run("initialise", {"model": model, "groups": groups, "reward": None, "seed": 0}, {}).parts
    params = {**stage_params(model, data), **TUNING, "engine": "native", "steps": 6}
    trained = stages.run("instruction.train", params, start).parts
    resident = policy.resident(model, groups)
    resident.load(trained)
    return resident, trained, start


def prompts(model):
    text = tokens.tokenizer(model["tokenizer"])
    return [
        text.prompt(p) for p in ("How do I grow leeks?", "What now?", "It is December and I want melons. What now?")
    ]


def sampling(model, temperature=1.0, end=None):
    text = tokens.tokenizer(model["tokenizer"])
    return Sampling(temperature, text.end if end is None else end, text.pad)


def test_cold_sampling_is_greedy_decoding(tuned, model):
    resident, _, _ = tuned
    wanted = []
    for prompt in prompts(model):
        ids = torch.tensor([prompt])
        for _ in range(8):
            with torch.no_grad():
                logits = resident.logits(resident.hidden(ids).last_hidden_state[:, -1])
            ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], 1)
        wanted.append(tuple(ids[0, len(prompt) :].tolist()))
    uniforms = torch.rand(3, 8, generator=torch.Generator().manual_seed(0))
    cold = generation.generate(resident, prompts(model), uniforms, sampling(model, temperature=1e-4, end=-1))
    assert cold == wanted


def test_a_row_does_not_depend_on_its_neighbours(tuned, model):
    resident, _, _ = tuned
    uniforms = torch.rand(3, 12, generator=torch.Generator().manual_seed(1))
    together = generation.generate(resident, prompts(model), uniforms, sampling(model))
    for i, prompt in enumerate(prompts(model)):
        alone = generation.generate(resident, [prompt], uniforms[i : i + 1], sampling(model))
        assert alone == [together[i]]


def test_a_response_ends_with_the_first_end(tuned, model):
    resident, _, _ = tuned
    uniforms = torch.rand(3, 40, generator=torch.Generator().manual_seed(2))
    free = generation.generate(resident, prompts(model), uniforms, sampling(model, end=-1))
    token = free[0][4]
    stopped = generation.generate(resident, prompts(model), uniforms, sampling(model, end=token))
    for row, cut in zip(free, stopped, strict=True):
        assert cut == (row[: row.index(token) + 1] if token in row else row)


def test_first_tokens_follow_the_distribution(tuned, model):
    """4,000 evenly spread numbers: every frequency within 1/4,000 of its probability, at two temperatures."""
    resident, _, _ = tuned
    prompt, n = prompts(model)[0], 4000
    for temperature in (0.7, 1.3):
        uniforms = ((torch.arange(n) + 0.5) / n)[:, None]
        drawn = generation.generate(resident, [prompt] * n, uniforms, sampling(model, temperature))
        with torch.no_grad():
            logits = resident.logits(resident.hidden(torch.tensor([prompt])).last_hidden_state[0, -1])
        counts = torch.bincount(torch.tensor([row[0] for row in drawn]), minlength=len(logits))
        torch.testing.assert_close(counts / n, torch.softmax(logits / temperature, -1), rtol=0, atol=1.5 / n)


def test_a_rollout_knows_what_both_policies_thought(tuned, model):
    resident, trained, start = tuned
    resident.load(trained)
    text = tokens.tokenizer(model["tokenizer"])
    reference = {f"reference_{group}": tensors for group, tensors in start.items()}
    request = Request(["What now?", "How do I grow leeks?"], 9, 48, seed=4)
    rollout = rollouts.collect(resident, text, request, 1.5, reference)
    position = 0
    for dialogue in rollout.dialogues:
        ids = torch.tensor([[*dialogue.tokens.prompt, *dialogue.tokens.response]])
        for states, known in ((trained, rollout.log_probs), (start, rollout.sampled_reference)):
            resident.load(states)
            with torch.no_grad():
                logits = resident.logits(resident.hidden(ids).last_hidden_state[0]) / 1.5
            for k, token in enumerate(dialogue.tokens.response):
                expected = torch.log_softmax(logits[len(dialogue.tokens.prompt) - 1 + k], -1)[token]
                assert float(known[position + k]) == pytest.approx(float(expected), abs=2e-5)
        position += len(dialogue.tokens.response)
    assert position == rollout.tokens == int(rollout.mask.sum())
    assert rollout.facts["kl"] == pytest.approx(rollout.facts["kl_per_token"] * rollout.tokens / 2, rel=1e-5)


def test_taking_rows_of_a_rollout_takes_their_tokens(tuned, model):
    resident, trained, _ = tuned
    resident.load(trained)
    text = tokens.tokenizer(model["tokenizer"])
    reference = {f"reference_{group}": tensors for group, tensors in trained.items()}
    rollout = rollouts.collect(resident, text, Request(["a?", "b c d?", "e?", "f g?"], 8, 48, seed=5), 1.0, reference)
    part = rollout.take(torch.tensor([1, 3]))
    grid = rollout.grid(rollout.log_probs)
    assert torch.equal(part.grid(part.log_probs), grid[[1, 3], : part.mask.shape[1]])
    assert part.dialogues == [rollout.dialogues[1], rollout.dialogues[3]]
    assert torch.equal(part.batch.targets, torch.tensor([t for d in part.dialogues for t in d.tokens.response]))


def test_no_room_for_a_prompt_is_an_error():
    with pytest.raises(ValueError, match="max_new_tokens 48 leaves no room for a prompt in max_length 48"):
        Request(["a"], 48, 48, 0)

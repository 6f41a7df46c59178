"""Several clients in one batched step: each gets what it would get alone, and what peft gives it, to rounding.

Tolerances are absolute, after 20 steps at a rate of 1e-3: 1e-5 for losses, 5e-5 for parameters.
"""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import TUNING, data_params, held, initial_states, model_params, stage_params
from torch.nn import functional

from pwffsim.learning import batching, peft_policy, stages, token_rows
from pwffsim.learning.batching import IGNORED, Batch, collate
from pwffsim.learning.jobs import Job
from pwffsim.learning.packing import pack
from pwffsim.learning.tokens import Encoded

GROUPS = ["adapters", "lora"]
CLIENTS = 5
TIERS = [3, 1, 2, 3, 1]
LONG = {**TUNING, "steps": 20, "learning_rate": 1e-3, "weight_decay": 0.01, "clip": 0.5, "engine": "native"}


@pytest.fixture(scope="module")
def jobs(small_base):
    """Five clients of three device tiers, each with a state, rows and a seed of its own."""
    data = data_params(CLIENTS)
    return [job(str(small_base), data, client, tier) for client, tier in enumerate(TIERS)]


def job(base, data, client, tier, **more):
    model = model_params(base, tier)
    start = initial_states(model, GROUPS, seed=client)
    generator = torch.Generator().manual_seed(client)
    for part in start.values():
        for tensor in part.values():
            tensor.add_(torch.randn(tensor.shape, generator=generator), alpha=0.02)
    return Job(stage_params(model, data, client, **{**LONG, "seed": 100 + client, **more}), start)


def with_params(job, **more):
    return Job({**job.params, **more}, job.inputs)


@pytest.fixture(scope="module")
def together(jobs):
    return stages.run_together("instruction.train", jobs)


def same(one, two, loss=1e-5, parameter=5e-5):
    for fact in ("loss_first", "loss_last"):
        assert one.facts[fact] == pytest.approx(two.facts[fact], abs=loss)
    assert one.facts["tokens"] == two.facts["tokens"]
    for group, tensors in one.parts.items():
        assert set(tensors) == set(two.parts[group])
        for name, tensor in tensors.items():
            torch.testing.assert_close(tensor, two.parts[group][name], rtol=0, atol=parameter)


def test_each_gets_what_it_gets_alone(jobs, together):
    for job, result in zip(jobs, together, strict=True):
        same(result, stages.run_together("instruction.train", [job])[0])
        moved = max(float((t - job.inputs["lora"][n]).abs().max()) for n, t in result.parts["lora"].items())
        assert moved > 20 * 5e-5  # the tolerance is small beside what was learnt


def peft_loop(job):
    """transformers and peft, torch's AdamW and clipping, one client."""
    params = job.params
    policy = peft_policy.resident(params["model"], params["groups"])
    policy.load(job.inputs)
    trained, losses, norms = policy.parameters(), [], []
    optimiser = torch.optim.AdamW(trained, lr=params["learning_rate"], weight_decay=params["weight_decay"])
    rows = token_rows.of(params).train
    for draw in batching.draws(params["seed"], len(rows), params["steps"], params["batch_size"]):
        batch = collate([rows[i] for i in draw], 0)
        logits = policy.logits(policy.hidden(batch.ids, use_cache=False).last_hidden_state)[:, :-1]
        loss = functional.cross_entropy(logits.flatten(0, 1), batch.labels[:, 1:].flatten(), ignore_index=IGNORED)
        optimiser.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, params["clip"])))
        optimiser.step()
        losses.append(loss.item())
    optimiser.zero_grad()
    return stages.StageResult(policy.read(), {"loss_first": losses[0], "loss_last": losses[-1]}), norms


def test_each_gets_what_peft_gives_it(jobs, together):
    for job, result in zip(jobs, together, strict=True):
        wanted, norms = peft_loop(job)
        wanted.facts["tokens"] = result.facts["tokens"]
        same(result, wanted)
        assert min(norms) > job.params["clip"]  # the bound bites


def test_who_is_clipped_does_not_clip_others(jobs):
    """A bound between the clients' norms, so that some are clipped and some are not."""
    norms = [peft_loop(with_params(job, steps=1))[1][0] for job in jobs]
    between = sorted(norms)[len(norms) // 2]
    asked = [with_params(job, steps=2, clip=between) for job in jobs]
    for job, result in zip(asked, stages.run_together("instruction.train", asked), strict=True):
        wanted, _ = peft_loop(job)
        wanted.facts["tokens"] = result.facts["tokens"]
        same(result, wanted)


def test_the_order_of_clients_does_not_matter(jobs, together):
    order = [3, 0, 4, 2, 1]
    for place, result in zip(order, stages.run_together("instruction.train", [jobs[i] for i in order]), strict=True):
        same(result, together[place])


def test_one_clients_nan_stays_its_own(jobs, together):
    broken = copy.deepcopy(jobs[2].inputs)
    next(iter(broken["adapters"].values()))[0] = float("nan")
    asked = [Job(job.params, broken if i == 2 else job.inputs) for i, job in enumerate(jobs)]
    for i, result in enumerate(stages.run_together("instruction.train", asked)):
        assert result.facts["finite"] is (i != 2)
        if i != 2:
            same(result, together[i])


@pytest.mark.parametrize("clients", [1, 3])
def test_devices_without_anything_to_train_stay_as_they_are(jobs, clients):
    """LoRA alone is trained, and a tier has none: its clients share a batch with nobody who has."""
    bare = [
        with_params(job, groups=["lora"], model={**job.params["model"], "lora_modules_per_block": 0}) for job in jobs
    ]
    for result in stages.run_together("instruction.train", bare[:clients]):
        assert result.parts == {"lora": {}}
        assert result.facts["update_norm"] == 0.0 and result.facts["finite"] and result.facts["loss_first"] > 0


def test_evaluation_together_is_evaluation_alone(jobs):
    for job, result in zip(jobs, stages.run_together("instruction.evaluate", jobs), strict=True):
        alone = stages.run_together("instruction.evaluate", [job])[0].facts
        assert result.facts == pytest.approx(alone, abs=1e-5)
        assert result.facts["tokens"] == alone["tokens"]


def test_half_precision_learns_about_the_same(jobs, together):
    asked = [with_params(job, precision="bf16") for job in jobs]
    for exact, half in zip(together, stages.run_together("instruction.train", asked), strict=True):
        assert half.facts["loss_last"] == pytest.approx(exact.facts["loss_last"], rel=0.02)
        assert half.facts["loss_last"] != exact.facts["loss_last"]
        assert all(t.dtype == torch.float32 for part in half.parts.values() for t in part.values())


lengths = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), min_size=3, max_size=3)


@settings(max_examples=20, deadline=None)
@given(st.lists(lengths, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_lean_trunk_is_transformers_forward(jobs, clients, random):
    """Rows of any lengths, some without a response: states, and gradients with respect to every tensor."""
    rows = [
        Encoded(tuple(random.choices(range(2, 300), k=prompt)), tuple(random.choices(range(2, 300), k=response)))
        for client in clients
        for prompt, response in client
    ]
    policy = held(jobs[0].params["model"], GROUPS, *(jobs[0].inputs for _ in clients))
    batch, tensors = collate(rows, 0), list(policy.stack.tensors.values())
    lean = policy.predicting(batch)
    wanted = batch.labels[:, 1:] != IGNORED
    theirs = policy.hidden(batch.ids, use_cache=False).last_hidden_state[:, :-1][wanted]
    torch.testing.assert_close(lean, theirs, rtol=1e-5, atol=1e-5)
    weights = torch.linspace(-1, 1, theirs.numel()).view(theirs.shape)
    if len(theirs):
        ours, others = (torch.autograd.grad((weights * states).sum(), tensors) for states in (lean, theirs))
        for a, b in zip(ours, others, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * float(b.abs().max()) + 1e-7)


def test_empty_places_are_few(jobs):
    """Two clients of rows with 3 + 5 and 6 + 10 tokens: 2 x 24 slots instead of 4 x 24, one of them empty at least."""
    rows = [Encoded((5,) * 3, (6,) * 5), Encoded((5,) * 6, (6,) * 10)] * 2
    packing = pack(collate(rows, 0), 2)
    assert packing.ids.shape == (2 * 24,)
    assert len(packing.predicting) == 2 * 15
    assert packing.positions[:7].tolist() == list(range(7))


def test_padding_may_hold_anything(jobs):
    policy = held(jobs[0].params["model"], GROUPS, jobs[0].inputs)
    batch = collate([Encoded((5, 6), (7, 8, 1)), Encoded((5, 6, 9, 9), (7, 8, 8, 8, 1))], 0)
    other = Batch(torch.where(torch.arange(16) < 9, batch.ids, 77)[:, : batch.ids.shape[1]], batch.labels)
    other.ids[0, 5:] = 33
    with torch.no_grad():
        assert torch.equal(policy.predicting(batch), policy.predicting(other))

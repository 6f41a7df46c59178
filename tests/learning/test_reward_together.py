"""Reward models of several clients side by side: against each client alone, and against plain torch with peft.

Who shares a batch may change rounding alone: losses agree to 1e-5, states to 5e-5 after 20 steps at a rate of 1e-3.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_models import data_params, reward_params, stage_params
from torch import nn

from pwffsim.learning import batching, frozen, lora, pair_texts, preferences, reward, shards, stages, state
from pwffsim.learning.lora import LoraShape
from pwffsim.learning.pair_features import Kept
from pwffsim.learning.pair_texts import Member
from pwffsim.learning.scoring import Features
from pwffsim.learning.stages import Job

CLIENTS = 4
FIT = {"steps": 20, "batch_size": 4, "learning_rate": 1e-3, "weight_decay": 0.05, "clip": 2.0}
OBJECTIVES = ("helpfulness", "harmlessness")


@pytest.fixture(scope="module")
def data():
    return data_params(CLIENTS)


def states(model, upload, clients=CLIENTS, spread=0.05):
    """A state a client, not far from the initial one; low-rank factors are none of them zero."""
    params = {"group": "reward", "model": model, "reward": reward_params(upload), "seed": 0}
    first, made = stages.run("initialise", params, {}).parts["reward"], []
    for client in range(clients):
        numbers = torch.Generator().manual_seed(client)
        made.append({name: t + spread * torch.randn(t.shape, generator=numbers) for name, t in first.items()})
    return made


def jobs(model, data, upload, groups, **more):
    params = [stage_params(model, data, i, reward=reward_params(upload), **FIT, **more) for i in range(len(groups))]
    return [
        Job({**p, "seed": 20 + i}, {"reward": group}) for i, (p, group) in enumerate(zip(params, groups, strict=True))
    ]


def alone(stage, each):
    return [stages.run(stage, job.params, job.inputs) for job in each]


def agree(ours, theirs, tolerance=5e-5):
    for one, other in zip(ours, theirs, strict=True):
        assert one.facts == pytest.approx(other.facts, abs=1e-5, nan_ok=True)
        for name, tensor in other.parts.get("reward", {}).items():
            torch.testing.assert_close(one.parts["reward"][name], tensor, rtol=0, atol=tolerance)


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_clients_together_learn_what_each_learns_alone(model, data, upload):
    each = jobs(model, data, upload, states(model, upload))
    agree(stages.run_together("reward.train", each), alone("reward.train", each))


def plainly(job, objective):
    """One objective of one client by transformers, peft, autograd and torch's own clipping and AdamW."""
    params, group = job.params, reward.part(job.inputs["reward"], objective)
    network = frozen.language_model(params["model"])
    width = network.config.hidden_size
    head = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
    trained = {f"head.{name}": p for name, p in head.named_parameters()}
    if params["reward"]["upload"] == "lora":
        factors = lora.attach(network, LoraShape(params["reward"]["rank"], 2.0 * params["reward"]["rank"], 1))
        trained |= {f"encoder.{name}": p.requires_grad_() for name, p in factors.items()}
    state.load(trained, group)
    adam = torch.optim.AdamW(trained.values(), lr=FIT["learning_rate"], weight_decay=FIT["weight_decay"])
    pairs = pair_texts.of(Member(objective, params), "train")

    def score(dialogue):
        ids = torch.tensor([[*dialogue.tokens.prompt, *dialogue.tokens.response]])
        return head(network.base_model(ids).last_hidden_state[0, -1])

    losses, bites = [], 0
    for rows in batching.draws(params["seed"], len(pairs), FIT["steps"], FIT["batch_size"], f"pairs.{objective}"):
        margins = torch.cat([score(pairs[i][0]) - score(pairs[i][1]) for i in rows])
        loss = torch.log1p(torch.exp(-margins)).mean()
        adam.zero_grad()
        loss.backward()
        trained["head.2.bias"].grad.zero_()  # it cancels; what is left of it is rounding
        bites += float(nn.utils.clip_grad_norm_(trained.values(), FIT["clip"])) > FIT["clip"]
        adam.step()
        losses.append(float(loss.detach()))
    return {name: p.detach() for name, p in trained.items()}, losses, bites


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_clients_together_learn_what_plain_torch_does(model, data, upload):
    each = jobs(model, data, upload, states(model, upload, 2, spread=0.2))
    bites = 0
    for job, result in zip(each, stages.run_together("reward.train", each), strict=True):
        for objective in OBJECTIVES:
            tensors, losses, bitten = plainly(job, objective)
            bites += bitten
            assert result.facts[f"{objective}_loss_first"] == pytest.approx(losses[0], abs=1e-5)
            assert result.facts[f"{objective}_loss_last"] == pytest.approx(losses[-1], abs=1e-5)
            for name, tensor in tensors.items():
                ours = result.parts["reward"][f"{objective}.{name}"]
                torch.testing.assert_close(ours, tensor, rtol=0, atol=5e-5)
    assert 0 < bites < 4 * FIT["steps"]  # clipping, each client's own, bites now and then


def test_results_come_in_the_order_of_the_clients(model, data):
    each = jobs(model, data, "head", states(model, "head"))
    agree(stages.run_together("reward.train", each[::-1])[::-1], stages.run_together("reward.train", each))
    agree(stages.run_together("reward.evaluate", each[::-1])[::-1], alone("reward.evaluate", each))


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_one_clients_nan_stays_with_it(model, data, upload):
    groups = states(model, upload)
    sound = stages.run_together("reward.train", jobs(model, data, upload, groups))
    groups[1] = {name: torch.full_like(t, float("nan")) for name, t in groups[1].items()}
    mixed = stages.run_together("reward.train", jobs(model, data, upload, groups))
    assert [result.facts["finite"] for result in mixed] == [True, False, True, True]
    agree(mixed[:1] + mixed[2:], sound[:1] + sound[2:])


@pytest.fixture
def uneven(monkeypatch, data):
    """Clients with 16, 13, 10 and 7 pairs to learn from, and fewer still held out."""

    def shard(params):
        whole = shards.federation(params["data"]).clients[params["client"]]
        fewer = {
            f"preferences_{split}": {o: rows[: len(rows) - (1 + by) * params["client"]] for o, rows in parts.items()}
            for split, parts, by in (("train", whole.preferences_train, 2), ("test", whole.preferences_test, 1))
        }
        return replace(whole, **fewer, digests={"preferences": f"uneven {params['client']}"})

    monkeypatch.setattr(shards, "shard", shard)


@pytest.mark.parametrize("upload", ["head", "lora"])
@pytest.mark.parametrize("stage", ["reward.train", "reward.evaluate"])
def test_clients_may_have_unequal_numbers_of_pairs(model, data, uneven, upload, stage):
    each = jobs(model, data, upload, states(model, upload))
    ours = stages.run_together(stage, each)
    agree(ours, alone(stage, each))
    if stage == "reward.evaluate":
        assert [result.facts["pairs"] for result in ours] == [16, 12, 8, 4]


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_scales_are_each_clients_own(model, data, uneven, upload):
    groups = states(model, upload)
    each = jobs(model, data, upload, groups)
    pair = reward.resident("reward", each)
    pair.load(groups)
    together = preferences.scales(each, pair, groups)
    for i, (job, group) in enumerate(zip(each, groups, strict=True)):
        pair.load([group])
        for objective, scale in preferences.scales([job], pair, [group]).items():
            assert float(together[objective].mean[i]) == pytest.approx(float(scale.mean), abs=1e-5)
            assert float(together[objective].deviation[i]) == pytest.approx(float(scale.deviation), abs=1e-5)


def test_a_scale_takes_blocks_of_rows():
    scale = preferences.Scale(torch.tensor([1.0, 10.0]), torch.tensor([2.0, 5.0]))
    assert scale(torch.tensor([1.0, 3.0, 10.0, 20.0])).tolist() == [0.0, 1.0, 0.0, 2.0]
    assert scale(torch.tensor([[1.0, 3.0], [10.0, 20.0]])).tolist() == [[0.0, 1.0], [0.0, 2.0]]


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_features_scores_and_values_of_blocks_are_those_of_each_client(model, data, upload):
    groups = states(model, upload, 3)
    each = jobs(model, data, upload, groups)
    texts = [[d for pair in pair_texts.of(Member("helpfulness", job.params), "test")[:3] for d in pair] for job in each]
    pair = reward.resident("critics", each)

    def read(some, rows):
        pair.load(some)
        features, scorer = pair.features(rows)["harmlessness"], pair.scorers["harmlessness"]
        return scorer.scores(features).detach(), scorer.values(features).detach()

    scores, values = read(groups, [row for rows in texts for row in rows])
    for i, (group, rows) in enumerate(zip(groups, texts, strict=True)):
        own_scores, own_values = read([group], rows)
        torch.testing.assert_close(scores[6 * i : 6 * i + 6], own_scores, rtol=1e-4, atol=1e-5)
        shown = values[6 * i : 6 * i + 6, : own_values.shape[1]]
        torch.testing.assert_close(shown, own_values, rtol=1e-4, atol=1e-5)


def test_a_pair_reads_back_what_it_was_given(model, data):
    groups = states(model, "lora", 3)
    pair = reward.resident("critics", jobs(model, data, "lora", groups))
    pair.load(groups)
    for given, back in zip(groups, pair.read(), strict=True):
        assert given.keys() == back.keys()
        assert all(torch.equal(given[name], tensor) for name, tensor in back.items())


def test_a_state_that_lacks_a_tensor_is_refused(model, data):
    groups = states(model, "head", 2)
    del groups[1]["harmlessness.head.2.weight"]
    with pytest.raises(KeyError, match=r"the state lacks 1 tensors, such as head\.2\.weight"):
        stages.run_together("reward.train", jobs(model, data, "head", groups))


def test_whole_encoders_take_turns(model, data):
    """They are too large to stand side by side; a stage gives each client what it would get alone, to the bit."""
    groups = states(model, "full", 2, spread=0.01)
    each = jobs(model, data, "full", groups)
    ours = stages.run_together("reward.train", each)
    for one, other in zip(ours, alone("reward.train", each), strict=True):
        assert one.facts == other.facts
        assert state.content_digest(one.parts["reward"]) == state.content_digest(other.parts["reward"])
    with pytest.raises(ValueError, match="a full encoder is trained by 1 client at once, got 2: take turns"):
        reward.resident("critics", each).load(groups)


def test_bf16_is_for_encoders_alone(model, data):
    """Features are rounded to 8 bits, heads are not: the same loss to two digits, and margins that differ."""
    groups = states(model, "head", 2)
    exact = stages.run_together("reward.train", jobs(model, data, "head", groups))
    rounded = stages.run_together("reward.train", jobs(model, data, "head", groups, precision="bf16"))
    for one, other in zip(rounded, exact, strict=True):
        assert one.facts["helpfulness_loss_last"] != other.facts["helpfulness_loss_last"]
        assert one.facts["helpfulness_loss_last"] == pytest.approx(other.facts["helpfulness_loss_last"], abs=0.02)
        assert all(tensor.dtype == torch.float32 for tensor in one.parts["reward"].values())


def test_features_are_kept_by_bytes():
    kept = Kept(3 * 400)
    for i in range(3):
        kept.put((str(i),), torch.full((100,), float(i)))
    assert kept.get(("0",)) is not None  # read again, so that "1" is the first to go
    kept.put(("3",), torch.zeros(100))
    assert kept.get(("1",)) is None
    assert kept.bytes == 1200
    assert [float(kept.get((name,))[0]) for name in "023"] == [0.0, 2.0, 0.0]
    kept.put(("large",), torch.zeros(1000))
    assert kept.get(("large",)) is not None
    assert kept.bytes == 4000


def test_rows_of_features_are_taken_as_wanted():
    features = Features(torch.arange(6.0).view(3, 2), torch.arange(12.0).view(3, 2, 2))
    some = features[torch.tensor([2, 0])]
    assert some.whole.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert some.states[:, 0].tolist() == [[8.0, 9.0], [0.0, 1.0]]

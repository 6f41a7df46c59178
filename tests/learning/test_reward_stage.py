"""Stage 2: reward models of every kind, and the Bradley-Terry loss."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_models import TUNING, make_gpt2, reward_params, stage_params

from pwffsim.architecture.families import architecture_of
from pwffsim.architecture.groups import reward_tensors
from pwffsim.data.rows import Preference
from pwffsim.learning import bases, frozen, pair_texts, preferences, reward, shards, stages, state
from pwffsim.learning.scoring import Dialogue
from pwffsim.learning.tokens import Encoded

DISTILBERT = {
    "model_type": "distilbert",
    "n_layers": 2,
    "dim": 24,
    "n_heads": 2,
    "hidden_dim": 48,
    "max_position_embeddings": 64,
    "vocab_size": 60,
    "pad_token_id": 0,
}
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] q a : . , good bad you should the how do i what ? it is to and"


@pytest.fixture(scope="module")
def distilbert(tmp_path_factory):
    """DistilBERT of 2 blocks x 24, untrained, with a small vocabulary."""
    import json

    folder = tmp_path_factory.mktemp("distilbert")
    letters = [c for x in "abcdefghijklmnopqrstuvwxyz" for c in (x, f"##{x}")]
    vocabulary = [*dict.fromkeys([*WORDS.split(), *letters])]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "config.json").write_text(json.dumps({**DISTILBERT, "vocab_size": len(vocabulary)}))
    return bases.resolve(str(folder), "untrained").params(5)


def described(kind, upload, distilbert):
    return reward_params(upload, kind, distilbert if kind == "distilbert" else None)


def start(model, description):
    params = {"group": "reward", "model": model, "reward": description, "seed": 0}
    return stages.run("initialise", params, {}).parts["reward"]


def resident(model, description):
    return reward.resident("reward", [stages.Job(stage_params(model, {}, reward=description), {})])


def loaded(model, description, *groups):
    """The resident reward models, holding a state a client."""
    pair = resident(model, description)
    pair.load(groups)
    return pair


@torch.no_grad()
def rated(pair, objective, params, split):
    """Scores of a client's chosen and rejected responses, through the encoder."""
    scorer, pairs = pair.scorers[objective], pair_texts.of(pair_texts.Member(objective, params), split)
    return [scorer.scores(scorer.encoder.whole(side)) for side in zip(*pairs, strict=True)]


KINDS = [(kind, upload) for kind in ("base_head", "distilbert") for upload in ("head", "lora", "full")]


@pytest.mark.parametrize(("kind", "upload"), KINDS)
def test_names_and_shapes_are_the_declared_ones(model, small_base, distilbert, kind, upload):
    group = start(model, described(kind, upload, distilbert))
    config = distilbert["config"] if kind == "distilbert" else bases.read_config(small_base)
    declared = reward_tensors(architecture_of(config), upload, 2)
    assert {name: tuple(t.shape) for name, t in group.items()} == {t.name: t.shape for t in declared}


@pytest.mark.parametrize(("kind", "upload"), KINDS)
def test_training_moves_what_is_uploaded_and_nothing_else(model, data, distilbert, kind, upload):
    description = described(kind, upload, distilbert)
    before = start(model, description)
    base = frozen.language_model(model)
    untouched = state.content_digest(dict(base.named_parameters()))
    params = stage_params(model, data, reward=description)
    result = stages.run("reward.train", {**params, **TUNING}, {"reward": before})
    still = [n for n, t in result.parts["reward"].items() if torch.equal(t, before[n])]
    # the last bias cancels in a difference of scores; a position or word that never occurs has no gradient
    assert {n.split(".", 1)[1] for n in still} <= {"head.2.bias"} or "lora" in upload
    assert result.facts["finite"] is True
    assert result.facts["pairs"] == 2 * 3 * 4
    assert state.content_digest(dict(base.named_parameters())) == untouched


def test_a_full_encoder_starts_as_the_pretrained_one(model, small_base):
    group = start(model, reward_params("full"))
    theirs = dict(frozen.language_model(model).base_model.named_parameters())
    for objective in ("helpfulness", "harmlessness"):
        for name, tensor in theirs.items():
            assert torch.equal(group[f"{objective}.encoder.{name}"], tensor)


def test_lora_in_an_encoder_starts_without_effect(model, data):
    rows = [Dialogue("p", "r", _tokens(model, "p", "r"))]
    heads = start(model, reward_params("head"))
    with_lora = start(model, reward_params("lora"))
    scores = []
    for upload, group in (("head", heads), ("lora", {**with_lora, **heads})):
        scorer = loaded(model, reward_params(upload), group).scorers["helpfulness"]
        scores.append(float(scorer.scores(scorer.encoder.whole(rows)).detach()))
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)


def _tokens(model, prompt, response):
    from pwffsim.learning.tokens import tokenizer

    return tokenizer(model["tokenizer"]).sequence(prompt, response, 48)


def test_bradley_terry_is_minus_log_sigmoid_of_the_margin():
    loss = preferences.bradley_terry(torch.tensor([1.0, 0.0]) - torch.tensor([0.0, 2.0]))
    expected = (torch.log1p(torch.exp(torch.tensor(-1.0))) + torch.log1p(torch.exp(torch.tensor(2.0)))) / 2
    assert float(loss) == pytest.approx(float(expected))


@pytest.mark.parametrize("upload", ["head", "lora", "full"])
def test_separable_pairs_are_learnt_to_the_last(model, data, monkeypatch, upload):
    """One word decides every pair: after training all held-out pairs are ranked right."""
    client = shards.federation(data).clients[0]

    def pairs(numbers):
        good = [Preference(f"question {i}", f"yes {i}", f"no {i}") for i in numbers]
        return {"helpfulness": good, "harmlessness": [Preference(p.prompt, p.rejected, p.chosen) for p in good]}

    train, test = pairs(range(16)), pairs(range(20, 30))
    easy = replace(client, preferences_train=train, preferences_test=test, digests={"preferences": f"easy-{upload}"})
    monkeypatch.setattr(shards, "shard", lambda params: easy)
    params = stage_params(model, data, reward=reward_params(upload))
    more = {**TUNING, "steps": 40, "batch_size": 8, "learning_rate": 1e-2}
    result = stages.run("reward.train", {**params, **more}, {"reward": start(model, reward_params(upload))})
    facts = stages.run("reward.evaluate", params, result.parts).facts
    assert facts["helpfulness_accuracy"] == 1.0
    assert facts["harmlessness_accuracy"] == 1.0
    assert facts["helpfulness_margin"] > 0
    assert facts["pairs"] == 20


def test_each_objective_learns_from_its_own_pairs(model, data):
    """Twice the same pairs of the other objective change nothing for this one."""
    params = {**stage_params(model, data, reward=reward_params()), **TUNING}
    group = start(model, reward_params())
    result = stages.run("reward.train", params, {"reward": group})
    swapped = {**group, **{n: t + 1 for n, t in group.items() if n.startswith("harmlessness")}}
    other = stages.run("reward.train", params, {"reward": swapped})
    for name, tensor in result.parts["reward"].items():
        assert torch.equal(tensor, other.parts["reward"][name]) == name.startswith("helpfulness")


def test_an_evaluation_counts_what_scores_say(model, data):
    description = reward_params()
    group = start(model, description)
    params = stage_params(model, data, reward=description)
    facts = stages.run("reward.evaluate", params, {"reward": group}).facts
    chosen, rejected = rated(loaded(model, description, group), "harmlessness", params, "test")
    assert facts["harmlessness_accuracy"] == pytest.approx(float((chosen > rejected).double().mean()))
    assert facts["harmlessness_margin"] == pytest.approx(float((chosen - rejected).mean()), abs=1e-5)
    assert facts["harmlessness_loss"] == pytest.approx(float(preferences.bradley_terry(chosen - rejected)), rel=1e-4)


def test_kept_features_are_those_of_the_encoder(model, data):
    """Two clients, two states: what is kept in memory never leaks from one to the other."""
    description = reward_params()
    group = start(model, description)
    facts = {}
    for client in (0, 1, 0):
        params = stage_params(model, data, client, reward=description)
        found = stages.run("reward.evaluate", params, {"reward": group}).facts
        assert facts.setdefault(client, found) == found
    assert facts[0] != facts[1]


def test_scales_put_a_clients_own_pairs_at_mean_zero_and_deviation_one(model, data):
    description = reward_params()
    group = start(model, description)
    params = stage_params(model, data, reward=description)
    pair = loaded(model, description, group)
    scale = preferences.scales([stages.Job(params, {})], pair, [group])["helpfulness"]
    scores = torch.cat(rated(pair, "helpfulness", params, "train"))
    assert float(scale(scores).mean()) == pytest.approx(0, abs=1e-4)
    assert float(scale(scores).std(correction=0)) == pytest.approx(1, rel=1e-4)


def test_distilbert_reads_text_and_values_prompts(model, distilbert):
    encoder = resident(model, described("distilbert", "head", distilbert)).scorers["helpfulness"].encoder
    rows = [Dialogue("how do i", r, _tokens(model, "how do i", r)) for r in ("you should", "it is bad and bad")]
    with torch.no_grad():
        features = encoder.features(rows)
        alone = encoder.whole(rows[:1])
    longest = max(len(row.tokens.response) for row in rows)
    assert features.states.shape == (2, longest, 24)
    torch.testing.assert_close(features.states[0], features.states[1])  # one prompt, one value, whatever was said
    torch.testing.assert_close(features.whole[:1], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(features.whole[0], features.whole[1])


def test_the_base_is_read_at_the_last_token_and_before_each(tmp_path):
    """Rows of all lengths, one as long as the model has positions."""
    folder = make_gpt2(tmp_path / "base")
    from small_models import model_params

    encoder = resident(model_params(str(folder)), reward_params()).scorers["helpfulness"].encoder
    lengths, numbers = [(5, 4), (7, 1), (60, 68)], torch.Generator().manual_seed(0)
    rows = [
        Dialogue("", "", Encoded(*(tuple(torch.randint(2, 300, (n,), generator=numbers).tolist()) for n in both)))
        for both in lengths
    ]
    with torch.no_grad():
        features, alone = encoder.features(rows), encoder.whole(rows)
        hidden = [encoder.model.base_model(torch.tensor([[*r.tokens.prompt, *r.tokens.response]]))[0][0] for r in rows]
    torch.testing.assert_close(features.whole, torch.stack([own[-1] for own in hidden]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(alone, features.whole, rtol=1e-4, atol=1e-4)
    for states, own, (prompt, response) in zip(features.states, hidden, lengths, strict=True):
        torch.testing.assert_close(states[:response], own[prompt - 1 : -1], rtol=1e-4, atol=1e-4)
        assert torch.equal(states[response:], states[response - 1].expand(68 - response, -1))

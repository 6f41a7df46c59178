"""Stage 3: what PPO moves, what it must not move, and what it says about itself."""

from __future__ import annotations

import copy

import pytest
import torch
from small_models import ALIGNING, reward_params, stage_params

from channel_models.randomness import stream
from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import aligning, policy, reward, rollouts, stages, state, tokens
from pwffsim.learning.rollouts import Request
from pwffsim.learning.stages import alignment

GROUPS = ["adapters", "lora"]


def begin(model, upload="head"):
    params = {"model": model, "groups": GROUPS, "reward": reward_params(upload), "seed": 0}
    parts = stages.run("initialise", params, {}).parts
    return {**parts, "reference_adapters": parts["adapters"], "reference_lora": parts["lora"]}


def settings(model, data, upload="head", **more):
    return stage_params(model, data, **{**ALIGNING, "reward": reward_params(upload), **more})


def digests(parts):
    return {group: state.content_digest(tensors) for group, tensors in parts.items()}


@pytest.mark.parametrize("upload", ["head", "lora", "full"])
def test_policy_and_critics_move_and_nothing_else(model, data, upload):
    inputs = begin(model, upload)
    before = digests(inputs)
    result = stages.run("alignment.train", settings(model, data, upload, steps=2), inputs)
    assert set(result.parts) == {"adapters", "lora", "critics"}
    assert digests(inputs) == before
    after = digests(result.parts)
    assert after["adapters"] != before["adapters"]
    assert after["lora"] != before["lora"]
    assert after["critics"] != before["reward"]
    assert result.parts["critics"].keys() == inputs["reward"].keys()
    assert result.facts["finite"] is True
    assert result.facts["updates"] == 2 * 2 * 2
    held = reward.resident("reward", reward_params(upload), model, 48).read()
    assert state.content_digest(held) == before["reward"]


@pytest.mark.parametrize("combine", ["advantage", "reward", "literal_sum"])
def test_every_way_to_combine_runs(model, data, combine):
    facts = stages.run("alignment.train", settings(model, data, combine=combine), begin(model)).facts
    assert facts["finite"] is True
    expected = 0.7 * facts["reward_helpfulness"] + 0.3 * facts["reward_harmlessness"]
    assert facts["reward_weighted"] == pytest.approx(expected)
    assert facts["reward_sum"] == pytest.approx(facts["reward_helpfulness"] + facts["reward_harmlessness"])


def test_mixing_advantages_or_rewards_gives_the_same_policy(model, data):
    one, two = (
        stages.run("alignment.train", settings(model, data, combine=combine), begin(model)).parts
        for combine in ("advantage", "reward")
    )
    for name, tensor in one["adapters"].items():
        torch.testing.assert_close(two["adapters"][name], tensor, rtol=1e-3, atol=2e-4)


def test_distilbert_rewards_run(model, data, tmp_path):
    import json

    from pwffsim.learning import bases

    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nyou\n.\n")
    config = {"model_type": "distilbert", "n_layers": 1, "dim": 16, "n_heads": 2, "hidden_dim": 32, "vocab_size": 9}
    (tmp_path / "config.json").write_text(json.dumps(config))
    description = reward_params("head", "distilbert", bases.resolve(str(tmp_path), "untrained").params(0))
    parts = stages.run("initialise", {"model": model, "groups": GROUPS, "reward": description, "seed": 0}, {}).parts
    inputs = {**parts, "reference_adapters": parts["adapters"], "reference_lora": parts["lora"]}
    result = stages.run("alignment.train", settings(model, data) | {"reward": description}, inputs)
    assert result.facts["finite"] is True
    assert state.content_digest(result.parts["critics"]) != state.content_digest(parts["reward"])


def networks(model, data, inputs, upload="head"):
    return alignment._networks(settings(model, data, upload), inputs)


def a_rollout(nets, model, inputs, seed=1):
    request = Request(["What now?", "How do I grow leeks?", "Tell me how."], 10, 48, seed)
    return rollouts.collect(nets.policy, tokens.tokenizer(model["tokenizer"]), request, 1.0, inputs)


def test_a_new_critic_values_the_last_token_as_the_reward_does(model, data):
    inputs = begin(model)
    nets = networks(model, data, inputs)
    rollout = a_rollout(nets, model, inputs)
    scores = nets.scores(nets.rewards.features(rollout.dialogues))
    for objective in OBJECTIVES:
        critic = nets.critics.scorers[objective]
        hidden = critic.encoder.tokens(rollout.dialogues)
        values = nets.scales[objective](critic.head(hidden).squeeze(-1)).detach()
        for i, dialogue in enumerate(rollout.dialogues):
            assert float(values[i, len(dialogue.tokens) - 1]) == pytest.approx(float(scores[objective][i]), rel=1e-5)


def test_critics_come_back_as_they_left(model, data):
    inputs = begin(model)
    first = stages.run("alignment.train", settings(model, data), inputs).parts
    kept = {**inputs, **first}
    untouched = stages.run("alignment.train", settings(model, data, critic_learning_rate=1e-30), kept).parts
    assert state.content_digest(untouched["critics"]) == state.content_digest(first["critics"])


def test_without_advantage_only_critics_move(model, data):
    inputs = begin(model)
    params = alignment._settings(settings(model, data))
    nets = networks(model, data, inputs)
    rollout = a_rollout(nets, model, inputs)
    returns = dict.fromkeys(OBJECTIVES, torch.ones(rollout.tokens))
    features = nets.critics.features(rollout.dialogues)
    scored = aligning.Scored(rollout, {}, torch.zeros(rollout.tokens), returns, features)
    before, critics = digests(nets.policy.read()), state.content_digest(nets.critics.read())
    progress = aligning.update(nets, aligning.Optimisers.of(nets, params), scored, params, 0)
    assert digests(nets.policy.read()) == before
    assert state.content_digest(nets.critics.read()) != critics
    losses = progress.value_losses["helpfulness"]
    assert losses[-1] < losses[0]


def test_an_advantage_makes_its_tokens_likelier(model, data):
    inputs = begin(model)
    params = alignment._settings(settings(model, data, minibatches=1, ppo_epochs=1))
    nets = networks(model, data, inputs)
    rollout = a_rollout(nets, model, inputs)
    rows = rollout.mask.nonzero()[:, 0]
    advantage = torch.where(rows == 0, 1.0, -1.0)
    zeros = dict.fromkeys(OBJECTIVES, torch.zeros(rollout.tokens))
    scored = aligning.Scored(rollout, zeros, advantage, zeros, nets.critics.features(rollout.dialogues))
    aligning.update(nets, aligning.Optimisers.of(nets, params), scored, params, 0)
    with torch.no_grad():
        log_probs, targets = rollouts.log_probabilities(nets.policy, rollout.batch, 1.0)
    gain = log_probs.gather(1, targets[:, None]).squeeze(1) - rollout.log_probs
    assert float(gain[rows == 0].sum()) > 0
    assert float(gain[rows != 0].sum()) < 0


def test_minibatches_and_whole_batches_see_the_same_tokens(model, data):
    """A step that changes nothing (rate 1e-30): the mean loss over minibatches of one row each is that of the rows."""
    inputs = begin(model)
    nets = networks(model, data, inputs)
    rollout = a_rollout(nets, model, inputs)
    losses = []
    for parts in (1, 3):
        params = alignment._settings(
            settings(model, data, minibatches=parts, ppo_epochs=1, learning_rate=1e-30, critic_learning_rate=1e-30)
        )
        scored = aligning.score(nets, rollout, params, tokens.tokenizer(model["tokenizer"]).end)
        progress = aligning.update(nets, aligning.Optimisers.of(nets, params), scored, params, 0)
        losses.append(progress.value_losses["helpfulness"])
    order = stream(0, "alignment.minibatches", 0).permutation(3)
    lengths = [len(rollout.dialogues[i].tokens.response) for i in order]
    total = sum(loss * length for loss, length in zip(losses[1], lengths, strict=True))
    assert losses[0] == pytest.approx([total / sum(lengths)], rel=1e-4)


def test_the_reference_is_at_distance_zero_of_itself(model, data):
    facts = stages.run("alignment.evaluate", settings(model, data), begin(model)).facts
    assert facts["kl"] == 0.0
    assert facts["kl_per_token"] == 0.0
    assert facts["entropy"] > 0
    assert {"judge_helpfulness", "judge_harmlessness", "refusal_rate"} <= facts.keys()


def test_divergence_grows_when_the_policy_moves(model, data):
    inputs = begin(model)
    moved = stages.run("alignment.train", settings(model, data, steps=3, learning_rate=1e-2), inputs).parts
    facts = stages.run("alignment.evaluate", settings(model, data), {**inputs, **moved}).facts
    assert facts["kl"] > 0.01


def test_beyond_the_bound_steps_go_back_to_the_reference(model, data):
    inputs = begin(model)
    away = settings(model, data, steps=3, learning_rate=1e-2, kl_bound=1e9)
    far = {**inputs, **stages.run("alignment.train", away, inputs).parts}
    distance = stages.run("alignment.evaluate", settings(model, data), far).facts["kl"]
    result = stages.run("alignment.train", settings(model, data, kl_bound=1e-3, steps=4), far)
    assert result.facts["updates"] == 0
    assert result.facts["rectified"] == 4 * 2 * 2
    assert "policy_loss" not in result.facts
    assert result.facts["finite"] is True
    assert stages.run("alignment.evaluate", settings(model, data), {**far, **result.parts}).facts["kl"] < 0.7 * distance


def test_the_bound_holds_against_a_strong_pull(model, data, monkeypatch):
    """Large steps for a reward without limit: with a bound the policy stays, without it it does not."""
    monkeypatch.setattr(
        aligning.Networks,
        "scores",
        lambda *_: dict.fromkeys(OBJECTIVES, torch.tensor([float(d.tokens.response[0]) for d in _SEEN[-1]])),
    )
    monkeypatch.setattr(reward.Pair, "features", _remembering(reward.Pair.features))
    inputs, divergence = begin(model), {}
    for bound in (2.0, 1e9):
        params = settings(model, data, steps=16, batch_size=12, learning_rate=5e-3, kl_coefficient=0.0, kl_bound=bound)
        moved = stages.run("alignment.train", params, inputs)
        divergence[bound] = stages.run("alignment.evaluate", params, {**inputs, **moved.parts}).facts["kl"]
    assert divergence[1e9] > 3.0
    assert divergence[2.0] < 2.0


def test_the_penalty_pulls_back_to_the_reference(model, data):
    """From a policy that moved away, a strong penalty leads to a smaller divergence than none."""
    inputs = begin(model)
    far = {**inputs, **stages.run("alignment.train", settings(model, data, steps=4, learning_rate=5e-3), inputs).parts}
    divergence = {}
    for beta in (0.0, 50.0):
        params = settings(model, data, kl_coefficient=beta, steps=6, learning_rate=2e-3, kl_bound=1e9)
        moved = stages.run("alignment.train", params, far).parts
        divergence[beta] = stages.run("alignment.evaluate", settings(model, data), {**far, **moved}).facts["kl"]
    assert divergence[50.0] < divergence[0.0]


def test_an_input_with_nan_is_reported(model, data):
    inputs = copy.deepcopy(begin(model))
    next(iter(inputs["adapters"].values()))[0] = float("nan")
    assert stages.run("alignment.train", settings(model, data), inputs).facts["finite"] is False


def test_evaluations_use_the_same_sampling_numbers_each_time(model, data):
    inputs = begin(model)
    params = settings(model, data)
    assert (
        stages.run("alignment.evaluate", params, inputs).facts == stages.run("alignment.evaluate", params, inputs).facts
    )


def test_rewards_rise_where_they_can(model, data, monkeypatch):
    """A reward that anybody can raise, the share of tokens whose embedding begins positive: PPO finds out how."""
    good = policy.resident(model, GROUPS).network.get_input_embeddings().weight[:, 0] > 0

    def share(dialogues):
        return torch.stack([good[torch.tensor(d.tokens.response)].float().mean() for d in dialogues])

    monkeypatch.setattr(reward.Pair, "features", _remembering(reward.Pair.features))
    monkeypatch.setattr(aligning.Networks, "scores", lambda *_: dict.fromkeys(OBJECTIVES, 4 * share(_SEEN[-1])))
    inputs = begin(model)
    more = {"steps": 20, "batch_size": 16, "ppo_epochs": 2, "minibatches": 1, "learning_rate": 3e-3}
    params = settings(model, data, kl_coefficient=0.0, kl_bound=1e9, **more)
    before = stages.run("alignment.evaluate", params, inputs).facts
    moved = stages.run("alignment.train", params, inputs)
    after = stages.run("alignment.evaluate", params, {**inputs, **moved.parts}).facts
    assert after["reward_weighted"] > before["reward_weighted"] + 0.5


_SEEN: list = []


def _remembering(features):
    def remember(pair, dialogues):
        _SEEN.append(list(dialogues))
        return features(pair, dialogues)

    return remember


def test_policy_groups_that_a_method_lacks_are_not_asked_for(model, data):
    params = {"model": model, "groups": ["lora"], "reward": reward_params(), "seed": 0}
    parts = stages.run("initialise", params, {}).parts
    inputs = {**parts, "reference_lora": parts["lora"]}
    result = stages.run("alignment.train", settings(model, data, groups=["lora"]), inputs)
    assert set(result.parts) == {"lora", "critics"}
    assert set(policy.resident(model, ["lora"]).groups) == {"lora"}

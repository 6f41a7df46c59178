"""Stage 3: what PPO moves, what it must not move, and what it says about itself."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from small_models import ALIGNING, TUNING, initial_states, reward_params, stage_params

from channel_models.randomness import stream
from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import aligning, peft_policy, policy, predictions, reward, rollouts, stages, state, tokens
from pwffsim.learning.jobs import Job
from pwffsim.learning.rollouts import Request
from pwffsim.learning.stages import alignment

GROUPS = ["adapters", "lora"]


def begin(model, upload="head"):
    parts = initial_states(model, GROUPS, reward_params(upload))
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
    (held,) = reward.resident("reward", [Job(settings(model, data, upload), inputs)]).read()
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
    parts = initial_states(model, GROUPS, description)
    inputs = {**parts, "reference_adapters": parts["adapters"], "reference_lora": parts["lora"]}
    result = stages.run("alignment.train", settings(model, data) | {"reward": description}, inputs)
    assert result.facts["finite"] is True
    assert state.content_digest(result.parts["critics"]) != state.content_digest(parts["reward"])


def networks(model, data, inputs, upload="head"):
    return alignment.networks_of([Job(settings(model, data, upload), inputs)])


def ppo_settings(model, data, **more):
    return alignment.settings_of([Job(settings(model, data, **more), {})])


def a_rollout(nets, model, inputs, seed=1):
    request = Request(["What now?", "How do I grow leeks?", "Tell me how."], 10, 48, seed)
    jobs = [Job({"model": model, "groups": GROUPS}, inputs)]
    return rollouts.collect(nets.policy, tokens.tokenizer(model["tokenizer"]), [request], 1.0, jobs)


def digest_of(pair):
    return [state.content_digest(group) for group in pair.read()]


def test_a_new_critic_values_the_last_token_as_the_reward_does(model, data):
    """The state after the last token is what a token more would be drawn from."""
    inputs = begin(model)
    nets = networks(model, data, inputs)
    rollout = a_rollout(nets, model, inputs)
    scores = nets.scores(nets.rewards.features(rollout.dialogues))
    longer = [replace(d, tokens=replace(d.tokens, response=(*d.tokens.response, 0))) for d in rollout.dialogues]
    for objective in OBJECTIVES:
        features = nets.critics.scorers[objective].encoder.features(longer)
        values = nets.values(objective, features).detach()
        for i, dialogue in enumerate(rollout.dialogues):
            assert float(values[i, len(dialogue.tokens.response)]) == pytest.approx(
                float(scores[objective][i]), rel=1e-4
            )


def test_critics_come_back_as_they_left(model, data):
    inputs = begin(model)
    first = stages.run("alignment.train", settings(model, data), inputs).parts
    kept = {**inputs, **first}
    untouched = stages.run("alignment.train", settings(model, data, critic_learning_rate=1e-30), kept).parts
    assert state.content_digest(untouched["critics"]) == state.content_digest(first["critics"])


def test_without_advantage_only_critics_move(model, data):
    inputs = begin(model)
    params, nets = ppo_settings(model, data), networks(model, data, inputs)
    rollout = a_rollout(nets, model, inputs)
    n = len(rollout.owners)
    returns = dict.fromkeys(OBJECTIVES, torch.ones(n))
    scored = aligning.Scored(rollout, {}, torch.zeros(n), returns, nets.critics.features(rollout.dialogues))
    before, critics = [digests(own) for own in nets.policy.read()], digest_of(nets.critics)
    progress = aligning.update(nets, aligning.Optimisers.of(nets, params), scored, params, [0])
    assert [digests(own) for own in nets.policy.read()] == before
    assert digest_of(nets.critics) != critics
    losses = progress.value_losses["helpfulness"]
    assert losses[-1] < losses[0]


def test_an_advantage_makes_its_tokens_likelier(model, data):
    inputs = begin(model)
    params, nets = ppo_settings(model, data, minibatches=1, ppo_epochs=1), networks(model, data, inputs)
    rollout = a_rollout(nets, model, inputs)
    rows = rollout.mask.nonzero()[:, 0]
    advantage = torch.where(rows == 0, 1.0, -1.0)
    zeros = dict.fromkeys(OBJECTIVES, torch.zeros(len(rows)))
    scored = aligning.Scored(rollout, zeros, advantage, zeros, nets.critics.features(rollout.dialogues))
    aligning.update(nets, aligning.Optimisers.of(nets, params), scored, params, [0])
    with torch.no_grad():
        states, known = nets.policy.predicting(rollout.batch), rollout.predictions
    moved = predictions.compare(rollouts.head(nets.policy, 1.0), states, known.reference_states, rollout.batch.targets)
    gain = moved.log_probs - known.log_probs
    assert float(gain[rows == 0].sum()) > 0
    assert float(gain[rows != 0].sum()) < 0


def test_minibatches_and_whole_batches_see_the_same_tokens(model, data):
    """A step that changes nothing (rate 1e-30): the mean loss over minibatches of one row each is that of the rows."""
    inputs = begin(model)
    nets = networks(model, data, inputs)
    rollout = a_rollout(nets, model, inputs)
    losses = []
    for parts in (1, 3):
        params = ppo_settings(
            model, data, minibatches=parts, ppo_epochs=1, learning_rate=1e-30, critic_learning_rate=1e-30
        )
        scored = aligning.score(nets, rollout, params, tokens.tokenizer(model["tokenizer"]).end)
        progress = aligning.update(nets, aligning.Optimisers.of(nets, params), scored, params, [0])
        losses.append([float(loss) for loss in progress.value_losses["helpfulness"]])
    order = stream(0, "alignment.minibatches", 0).permutation(3)
    lengths = [len(rollout.dialogues[i].tokens.response) for i in order]
    total = sum(loss * length for loss, length in zip(losses[1], lengths, strict=True))
    assert losses[0] == pytest.approx([total / sum(lengths)], rel=1e-4)


def test_the_reference_is_at_distance_zero_of_itself(model, data):
    facts = stages.run("alignment.evaluate", settings(model, data), begin(model)).facts
    assert 0 <= facts["kl"] < 1e-9  # two ways through the network, which differ in the last bits of their states
    assert 0 <= facts["kl_per_token"] < 1e-10
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
    good = policy.network(model, GROUPS).network.get_input_embeddings().weight[:, 0] > 0

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
    parts = initial_states(model, ["lora"], reward_params())
    inputs = {**parts, "reference_lora": parts["lora"]}
    result = stages.run("alignment.train", settings(model, data, groups=["lora"]), inputs)
    assert set(result.parts) == {"lora", "critics"}
    assert set(policy.network(model, ["lora"]).shapes) == {"lora"}


CLIENTS = (0, 1, 2)


def of_three(model, data, upload="head", **more):
    """Clients of one, two and three LoRA modules a block whose states differ; the second is far from its reference."""
    jobs = []
    for client, weight in zip(CLIENTS, (0.7, 0.2, 1.0), strict=True):
        description = {**model, "lora_modules_per_block": client + 1}
        start = begin(description, upload)
        own = {"client": client, "seed": 11 + client, "weight": weight}
        tuning = {
            **stage_params(description, data),
            **own,
            **TUNING,
            "reward": reward_params(upload),
            "engine": "native",
        }
        tuned = stages.run("instruction.train", {**tuning, "steps": 6}, start).parts
        rewards = stages.run("reward.train", tuning, start).parts
        reference = {} if client == 1 else {f"reference_{group}": tensors for group, tensors in tuned.items()}
        params = {**settings(description, data, upload), **own, "learning_rate": 1e-3, "clip": 0.05, **more}
        jobs.append(Job(params, {**start, **tuned, **rewards, **reference}))
    return jobs


@pytest.fixture(scope="module")
def shared():
    from small_models import data_params

    return data_params(3)


def agree(one, other):
    """Facts to rounding; parameters too, but for the few whose gradient is nearly zero, where AdamW's first steps are
    as long as anywhere and point wherever rounding does."""
    assert one.facts == pytest.approx(other.facts, rel=1e-4, abs=1e-4)
    for group in ("adapters", "lora", "critics"):
        assert one.parts[group].keys() == other.parts[group].keys()
        off = [(one.parts[group][name] - tensor).abs().flatten() for name, tensor in other.parts[group].items()]
        assert float((torch.cat(off) > 5e-5).float().mean()) < 1e-3


@pytest.mark.parametrize("upload", ["head", "lora"])
def test_clients_together_end_where_each_would_alone(model, shared, upload):
    """Three tiers, a bound on the gradient that bites, and one client beyond the bound on its divergence."""
    jobs = of_three(model, shared, upload, kl_bound=0.1, minibatches=2)
    alone = [stages.run("alignment.train", job.params, job.inputs) for job in jobs]
    assert [result.facts["rectified"] for result in alone] == [0, 4, 0]
    for order in ((0, 1, 2), (2, 0, 1)):
        together = stages.run_together("alignment.train", [jobs[i] for i in order])
        for i, result in zip(order, together, strict=True):
            agree(result, alone[i])


def test_evaluations_together_are_those_alone(model, shared, monkeypatch):
    """One client has fewer prompts than the others."""
    held_out = alignment._held_out
    monkeypatch.setattr(alignment, "_held_out", lambda p: held_out(p)[: 4 if p["client"] == 1 else None])
    jobs = of_three(model, shared)
    together = stages.run_together("alignment.evaluate", jobs)
    for job, result in zip(jobs, together, strict=True):
        assert result.facts == pytest.approx(stages.run("alignment.evaluate", job.params, job.inputs).facts, abs=1e-4)
    assert len({result.facts["reward_sum"] for result in together}) == 3


def test_a_client_that_is_not_a_number_leaves_the_others_alone(model, shared):
    jobs = of_three(model, shared)
    spoilt = {**jobs[1].inputs, "adapters": {n: t * float("nan") for n, t in jobs[1].inputs["adapters"].items()}}
    results = stages.run_together("alignment.train", [jobs[0], Job(jobs[1].params, spoilt), jobs[2]])
    assert [result.facts["finite"] for result in results] == [True, False, True]
    for i in (0, 2):
        agree(results[i], stages.run("alignment.train", jobs[i].params, jobs[i].inputs))


def test_full_encoders_take_one_client_at_a_time(model, shared):
    jobs = [Job(settings(model, shared, "full", client=c), begin(model, "full")) for c in (0, 1)]
    with pytest.raises(ValueError, match="take turns"):
        stages.run_together("alignment.train", jobs)


def test_bf16_stays_near_fp32(model, shared):
    """The same texts, since sampling is in fp32, and a step in nearly the same direction."""
    (job, *_) = of_three(model, shared, clip=1e9)
    fp32, bf16 = (stages.run("alignment.train", {**job.params, "precision": p}, job.inputs) for p in ("fp32", "bf16"))
    assert bf16.facts["generated_tokens"] == fp32.facts["generated_tokens"]
    assert bf16.facts["reward_sum"] == pytest.approx(fp32.facts["reward_sum"], abs=0.1)
    moves = [moved(result.parts["adapters"], job.inputs["adapters"]) for result in (fp32, bf16)]
    assert not torch.equal(*moves)
    assert float(torch.cosine_similarity(*moves, dim=0)) > 0.9


def moved(after, before):
    return torch.cat([(after[name] - before[name]).flatten() for name in sorted(before)])


def test_a_step_is_that_of_plain_torch(model, shared):
    """peft for each client, whole vocabularies, autograd, AdamW; both sides of the bound; a clip that bites."""
    jobs = of_three(model, shared, kl_bound=0.1, minibatches=1, ppo_epochs=1)
    nets, params = alignment.networks_of(jobs), alignment.settings_of(jobs)
    text = tokens.tokenizer(model["tokenizer"])
    requests = [Request(["What now?", "How do I grow leeks?"], 10, 48, seed) for seed in (1, 2, 3)]
    rollout = rollouts.collect(nets.policy, text, requests, 1.0, jobs)
    scored = aligning.score(nets, rollout, params, text.end)
    expected = [plain_step(job, i, rollout, scored.advantage, params) for i, job in enumerate(jobs)]
    progress = aligning.update(nets, aligning.Optimisers.of(nets, params), scored, params, [0, 0, 0])
    assert progress.far[0].tolist() == [False, True, False] == [far for far, _ in expected]
    for own, (_, states) in zip(nets.policy.read(), expected, strict=True):
        for group, tensors in states.items():
            off = torch.cat([(own[group][name] - tensor).abs().flatten() for name, tensor in tensors.items()])
            assert float((off > 1e-6).float().mean()) < 5e-3
            assert float(moved(own[group], tensors).norm()) < 0.02 * float(
                moved(own[group], jobs[0].inputs[group]).norm()
            )


def plain_step(job, client, rollout, advantage, params):
    """Whether the client is far, and its states after one step."""
    network = peft_policy.resident(job.params["model"], GROUPS)
    rows = slice(client * rollout.responses, (client + 1) * rollout.responses)
    dialogues, mine = rollout.dialogues[rows], rollout.owners == client

    def log_probs():
        each = []
        for dialogue in dialogues:
            ids = torch.tensor([[*dialogue.tokens.prompt, *dialogue.tokens.response]])
            hidden = network.hidden(ids, use_cache=False).last_hidden_state[0, len(dialogue.tokens.prompt) - 1 : -1]
            each.append(torch.log_softmax(network.logits(hidden), -1))
        return torch.cat(each)

    network.load(job.inputs, "reference_")
    with torch.no_grad():
        reference = log_probs()
    network.load(job.inputs)
    own, drawn = log_probs(), torch.tensor([t for d in dialogues for t in d.tokens.response])
    apart = (own.exp() * (own - reference)).sum() / len(dialogues)
    far = float(apart.detach()) > 0.5 * params.kl_bound
    ratio = (own.gather(1, drawn[:, None]).squeeze(1) - rollout.predictions.log_probs[mine]).exp()
    a = advantage[mine]
    surrogate = -torch.minimum(ratio * a, ratio.clamp(1 - params.clip_range, 1 + params.clip_range) * a).mean()
    trained, chosen = network.parameters(), params.policy_optimisation
    optimiser = torch.optim.AdamW(trained, lr=chosen.learning_rate, weight_decay=chosen.weight_decay)
    (apart if far else surrogate).backward()
    assert torch.nn.utils.clip_grad_norm_(trained, chosen.clip) > chosen.clip
    optimiser.step()
    optimiser.zero_grad()
    return far, network.read()

"""Stage 3: PPO with a frozen reward model and a critic an objective, weighted by the client's preference.

params of both: model, groups, reward, data, client, seed, max_length, max_new_tokens, temperature, weight (of
helpfulness).
``alignment.train`` further: steps (iterations), batch_size (prompts), ppo_epochs, minibatches, clip_range, gamma,
gae_lambda, kl_coefficient, kl_bound, value_coefficient, learning_rate, critic_learning_rate, weight_decay, clip,
combine, and at will missing_end_penalty and global_coefficient (0 when absent).
``alignment.evaluate`` further, at will: examiner (:mod:`pwffsim.learning.examining`).
inputs: adapters, lora (those of ``groups``), reward, reference_adapters, reference_lora, critics (a copy of reward when
absent), and where a client shall stay close to the global policy global_adapters, global_lora; with the param examiner
also examiner, the state of its reward models.

Where reward models are of one objective alone it has the whole weight, whatever the client's preference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from channel_models.randomness import derive_seed
from pwffsim.data import judge
from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import (
    aligning,
    batching,
    examining,
    policy,
    ppo,
    preferences,
    reward,
    rollouts,
    runtime,
    shards,
    state,
)
from pwffsim.learning.aligning import Networks, Optimisers, Progress, Settings
from pwffsim.learning.declarations import SAMPLES_A_PROMPT
from pwffsim.learning.jobs import Inputs, Job, Params, Stage, StageResult
from pwffsim.learning.rollouts import Request, Rollout
from pwffsim.learning.scoring import Dialogue
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import Tokenizer, tokenizer

Facts = dict[str, Any]


def train(jobs: Sequence[Job]) -> list[StageResult]:
    """Some PPO iterations; parts: the policy's groups and critics.

    facts, means over the iterations: reward_{objective} (in standard deviations of the reward model's scores on the
    client's training pairs), reward_weighted, reward_sum (unweighted, the paper's figure; only of both objectives), kl
    (nats a response), kl_per_token, entropy (of the policy that sampled), ended (share of responses that ended),
    response_length (tokens), policy_loss, clip_fraction, approx_kl (from the policy that sampled, nats a token, before
    each step: k3), value_loss_{objective}, explained_variance_{objective} of its critic before the update,
    objective_conflict (correlation of the objectives' advantages over tokens), kl_global (nats a response); sums:
    generated_tokens, updates (steps of the surrogate), rectified (steps back towards the reference); update_norm,
    finite.
    What does not exist is absent: explained variance where all returns are equal, the conflict where an advantage is
    constant, kl_global where there is no global policy, facts of the surrogate where every step went back.
    """
    params = jobs[0].params
    networks, settings = networks_of(jobs), settings_of(jobs)
    optimisers, text = Optimisers.of(networks, settings), tokenizer(params["model"]["tokenizer"])
    iterations = []
    for step, prompts in enumerate(zip(*map(prompts_of, jobs), strict=True)):
        seeds = [derive_seed(job.params["seed"], "alignment.iteration", step) for job in jobs]
        requests = [request(params, own, seed) for own, seed in zip(prompts, seeds, strict=True)]
        rollout = rollouts.collect(networks.policy, text, requests, settings.temperature, jobs)
        scored = aligning.score(networks, rollout, settings, text.end)
        progress = aligning.update(networks, optimisers, scored, settings, seeds)
        sampled = rollout_facts(rollout, scored.scores, settings.weights, text)
        each = zip(sampled, scored.health(), _progress_facts(progress), strict=True)
        iterations.append([{**a, **b, **c} for a, b, c in each])
    states = zip(networks.policy.read(), networks.critics.read(), strict=True)
    results = zip(jobs, states, zip(*iterations, strict=True), strict=True)
    return [trained(job, {**own, "critics": critics}, facts) for job, (own, critics), facts in results]


def evaluate(jobs: Sequence[Job]) -> list[StageResult]:
    """Held-out prompts, several responses each, with sampling numbers that depend on the seed alone.

    facts: reward_{objective}, reward_weighted, reward_sum (of both objectives), kl (nats a response), kl_per_token,
    entropy, ended, response_length (tokens), generated_tokens; where the corpus has a judge, judge_{objective} and
    refusal_rate (share of responses that refuse); where there is an examiner, what it finds.
    """
    held_out = [len(_held_out(job.params)) for job in jobs]
    results: dict[int, StageResult] = {}
    for size in dict.fromkeys(held_out):
        alike = [i for i, own in enumerate(held_out) if own == size]
        results |= zip(alike, _evaluate([jobs[i] for i in alike]), strict=True)
    return [results[i] for i in range(len(jobs))]


def _evaluate(jobs: Sequence[Job]) -> list[StageResult]:
    """Of clients that have equally many held-out prompts."""
    params = jobs[0].params
    networks, text = networks_of(jobs), tokenizer(params["model"]["tokenizer"])
    requests = [request(params, _held_out(job.params), job.params["seed"]) for job in jobs]
    rollout = rollouts.collect(networks.policy, text, requests, params["temperature"], jobs)
    features = networks.rewards.features(rollout.dialogues)
    scores = networks.scores(features)
    facts = rollout_facts(rollout, scores, weights_of(jobs), text)
    judges = shards.federation(params["data"]).judges
    own = _by_client(rollout.dialogues, len(jobs))
    examined = examining.facts(jobs, rollout.dialogues, features, scores)
    each = zip(facts, own, examined, strict=True)
    return [StageResult(facts={**f, **_judged(judges, dialogues), **found}) for f, dialogues, found in each]


def networks_of(jobs: Sequence[Job]) -> Networks:
    """All networks of the stage, holding the clients' states."""
    groups = [job.inputs["reward"] for job in jobs]
    actor = policy.resident(jobs)
    rewards, critics = (reward.resident(role, jobs) for role in ("reward", "critics"))
    rewards.load(groups)
    critics.load([job.inputs.get("critics", job.inputs["reward"]) for job in jobs])
    return Networks(actor, rewards, critics, preferences.scales(jobs, rewards, groups))


def settings_of(jobs: Sequence[Job]) -> Settings:
    names = (
        "temperature",
        "ppo_epochs",
        "minibatches",
        "clip_range",
        "kl_coefficient",
        "kl_bound",
        "value_coefficient",
    )
    params = jobs[0].params
    return Settings(
        **{name: params[name] for name in names},
        combine=params["combine"],
        horizon=ppo.Horizon(params["gamma"], params["gae_lambda"]),
        weights=weights_of(jobs),
        missing_end_penalty=params.get("missing_end_penalty", 0.0),
        global_coefficient=params.get("global_coefficient", 0.0),
        policy_optimisation=Optimisation(params["learning_rate"], params["weight_decay"], params["clip"]),
        critic_optimisation=Optimisation(params["critic_learning_rate"], params["weight_decay"], params["clip"]),
    )


def weights_of(jobs: Sequence[Job]) -> dict[str, Tensor]:
    """Objective -> (C,): the client's own, or the whole weight where there is one objective."""
    weight = torch.tensor([job.params["weight"] for job in jobs], device=runtime.device())
    both = dict(zip(OBJECTIVES, (weight, 1 - weight), strict=True))
    learnt = reward.objectives(jobs[0].params["reward"])
    return both if len(learnt) > 1 else dict.fromkeys(learnt, torch.ones_like(weight))


def prompts_of(job: Job) -> list[list[str]]:
    """The prompts of each iteration of a client."""
    params = job.params
    prompts = shards.shard(params).prompts_train
    order = batching.draws(params["seed"], len(prompts), params["steps"], params["batch_size"], "prompts")
    return [[prompts[i] for i in draw] for draw in order]


def _held_out(params: Params) -> list[str]:
    return [prompt for prompt in shards.shard(params).prompts_test for _ in range(SAMPLES_A_PROMPT)]


def request(params: Params, prompts: Sequence[str], seed: int) -> Request:
    return Request(prompts, params["max_new_tokens"], params["max_length"], seed)


def rollout_facts(
    rollout: Rollout, scores: Mapping[str, Tensor], weights: Mapping[str, Tensor], text: Tokenizer
) -> list[Facts]:
    """Of each client."""
    ended = rollouts.ended(rollout, text.end).view(rollout.clients, -1).float().mean(1).tolist()
    means = {o: own.double().view(rollout.clients, -1).mean(1) for o, own in scores.items()}
    columns = {
        **{f"reward_{objective}": mean for objective, mean in means.items()},
        "reward_weighted": torch.stack([weights[o] * mean for o, mean in means.items()]).sum(0),
        **({"reward_sum": torch.stack(list(means.values())).sum(0)} if len(means) > 1 else {}),
    }
    each = zip(_rows(columns), rollout.facts(), ended, strict=True)
    return [{**rewards, **sampled, "ended": share} for rewards, sampled, share in each]


def _progress_facts(progress: Progress) -> list[Facts]:
    """Of each client: those of the surrogate, and value_loss_{objective}, the mean over all steps."""
    values = {f"value_loss_{o}": torch.stack(losses).double().mean(0) for o, losses in progress.value_losses.items()}
    return [{**near, **own} for near, own in zip(progress.facts(), _rows(values), strict=True)]


def _rows(columns: Mapping[str, Tensor]) -> list[Facts]:
    """Columns of (C,) as a mapping a client."""
    return [dict(zip(columns, row, strict=True)) for row in torch.stack(list(columns.values()), 1).tolist()]


_SUMMED = ("generated_tokens", "updates", "rectified")


def trained(job: Job, parts: dict[str, state.Group], iterations: Sequence[Facts]) -> StageResult:
    return StageResult(parts, {**_summary(iterations), **movement(parts, job.inputs, iterations)})


def _summary(iterations: Sequence[Facts]) -> Facts:
    """Sums of counts, means of the rest over the iterations that have it."""
    names = dict.fromkeys(name for facts in iterations for name in facts)
    columns = {name: [facts[name] for facts in iterations if name in facts] for name in names}
    return {name: sum(values) if name in _SUMMED else fmean(values) for name, values in columns.items()}


def movement(parts: Mapping[str, state.Group], inputs: Inputs, iterations: Sequence[Facts]) -> Facts:
    """How far the policy moved, and whether every number is finite."""
    moved = sum(state.distance(parts[g], inputs[g]) ** 2 for g in parts if g != "critics") ** 0.5
    numbers = all(isfinite(value) for facts in iterations for value in facts.values())
    return {
        "update_norm": moved,
        "finite": numbers and all(state.all_finite(group.values()) for group in parts.values()),
    }


def _by_client(dialogues: Sequence[Dialogue], clients: int) -> Iterable[Sequence[Dialogue]]:
    size = len(dialogues) // clients
    return (dialogues[start : start + size] for start in range(0, len(dialogues), size))


def _judged(judges: Mapping[str, Any], dialogues: Sequence[Dialogue]) -> Facts:
    if not judges:
        return {}
    means = {f"judge_{o}": fmean(score(d.prompt, d.response) for d in dialogues) for o, score in judges.items()}
    return {**means, "refusal_rate": fmean(judge.refuses(d.response) for d in dialogues)}


STAGES: dict[str, Stage] = {"alignment.train": train, "alignment.evaluate": torch.no_grad()(evaluate)}

"""Stage 3: PPO with two frozen reward models and two critics, weighted by the client's preference.

params of both: model, groups, reward, data, client, seed, max_length, max_new_tokens, temperature, weight (of
helpfulness).
``alignment.train`` further: steps (iterations), batch_size (prompts), ppo_epochs, minibatches, clip_range, gamma,
gae_lambda, kl_coefficient, kl_bound, value_coefficient, learning_rate, critic_learning_rate, weight_decay, clip,
combine, and at will missing_end_penalty (0 when absent).
inputs: adapters, lora (those of ``groups``), reward, reference_adapters, reference_lora, critics (a copy of reward when
absent).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from channel_models.randomness import derive_seed
from pwffsim.data import judge
from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import aligning, batching, policy, ppo, preferences, reward, rollouts, shards, state
from pwffsim.learning.aligning import Networks, Optimisers, Progress, Scored, Settings
from pwffsim.learning.declarations import SAMPLES_A_PROMPT
from pwffsim.learning.rollouts import Request, Rollout
from pwffsim.learning.scoring import Dialogue
from pwffsim.learning.stages.stage import Inputs, Params, Stage, StageResult
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import Tokenizer, tokenizer

Facts = dict[str, Any]


def train(params: Params, inputs: Inputs) -> StageResult:
    """Some PPO iterations; parts: the policy's groups and critics.

    facts, means over the iterations: reward_{objective} (in standard deviations of the reward model's scores on the
    client's training pairs), reward_weighted, reward_sum (unweighted, the paper's figure), kl (nats a response),
    kl_per_token, entropy (of the policy that sampled), ended (share of responses that ended), policy_loss,
    clip_fraction, value_loss_{objective}; sums: generated_tokens, updates (steps of the
    surrogate), rectified (steps back towards the reference); update_norm, finite.
    """
    networks, settings = _networks(params, inputs), _settings(params)
    optimisers, text = Optimisers.of(networks, settings), tokenizer(params["model"]["tokenizer"])
    iterations = []
    for step, prompts in enumerate(_prompts(params)):
        seed = derive_seed(params["seed"], "alignment.iteration", step)
        request = Request(prompts, params["max_new_tokens"], params["max_length"], seed)
        rollout = rollouts.collect(networks.policy, text, request, settings.temperature, inputs)
        scored = aligning.score(networks, rollout, settings, text.end)
        progress = aligning.update(networks, optimisers, scored, settings, seed)
        iterations.append({**_rollout_facts(scored, settings, text), **_progress_facts(progress)})
    parts = {**networks.policy.read(), "critics": networks.critics.read()}
    return StageResult(parts, {**_summary(iterations), **_movement(parts, inputs, iterations)})


def evaluate(params: Params, inputs: Inputs) -> StageResult:
    """Held-out prompts, several responses each, with sampling numbers that depend on the seed alone.

    facts: reward_{objective}, reward_weighted, reward_sum, kl (nats a response), kl_per_token, entropy, ended,
    generated_tokens; where the corpus has a judge, judge_{objective} and refusal_rate (share of responses that refuse).
    """
    networks, text = _networks(params, inputs), tokenizer(params["model"]["tokenizer"])
    client = shards.shard(params)
    prompts = [prompt for prompt in client.prompts_test for _ in range(SAMPLES_A_PROMPT)]
    request = Request(prompts, params["max_new_tokens"], params["max_length"], params["seed"])
    rollout = rollouts.collect(networks.policy, text, request, params["temperature"], inputs)
    scores = networks.scores(networks.rewards.features(rollout.dialogues))
    judges = shards.federation(params["data"]).judges
    return StageResult(
        facts={
            **_reward_facts(scores, _weights(params)),
            **rollout.facts,
            "ended": float(rollouts.ended(rollout.dialogues, text.end).float().mean()),
            "generated_tokens": rollout.tokens,
            **_judged(judges, rollout.dialogues),
        }
    )


def _networks(params: Params, inputs: Inputs) -> Networks:
    """All networks of the stage, holding their states."""
    model, description, length = params["model"], params["reward"], params["max_length"]
    actor = policy.resident(model, params["groups"])
    actor.load(inputs)
    rewards, critics = (reward.resident(role, description, model, length) for role in ("reward", "critics"))
    rewards.load(inputs["reward"])
    critics.load(inputs.get("critics", inputs["reward"]))
    return Networks(actor, rewards, critics, preferences.scales(params, rewards, inputs["reward"]))


def _settings(params: Params) -> Settings:
    names = (
        "temperature",
        "ppo_epochs",
        "minibatches",
        "clip_range",
        "kl_coefficient",
        "kl_bound",
        "value_coefficient",
    )
    return Settings(
        **{name: params[name] for name in names},
        combine=params["combine"],
        horizon=ppo.Horizon(params["gamma"], params["gae_lambda"]),
        weights=_weights(params),
        missing_end_penalty=params.get("missing_end_penalty", 0.0),
        policy_optimisation=Optimisation(params["learning_rate"], params["weight_decay"], params["clip"]),
        critic_optimisation=Optimisation(params["critic_learning_rate"], params["weight_decay"], params["clip"]),
    )


def _weights(params: Params) -> dict[str, float]:
    return dict(zip(OBJECTIVES, (params["weight"], 1 - params["weight"]), strict=True))


def _prompts(params: Params) -> list[list[str]]:
    """The prompts of each iteration."""
    prompts = shards.shard(params).prompts_train
    order = batching.draws(params["seed"], len(prompts), params["steps"], params["batch_size"], "prompts")
    return [[prompts[i] for i in draw] for draw in order]


def _reward_facts(scores: Mapping[str, Tensor], weights: Mapping[str, float]) -> Facts:
    means = {objective: float(values.double().mean()) for objective, values in scores.items()}
    return {
        **{f"reward_{objective}": mean for objective, mean in means.items()},
        "reward_weighted": sum(weights[objective] * mean for objective, mean in means.items()),
        "reward_sum": sum(means.values()),
    }


def _rollout_facts(scored: Scored, settings: Settings, text: Tokenizer) -> Facts:
    rollout: Rollout = scored.rollout
    return {
        **_reward_facts(scored.scores, settings.weights),
        **rollout.facts,
        "ended": float(rollouts.ended(rollout.dialogues, text.end).float().mean()),
        "generated_tokens": rollout.tokens,
    }


def _progress_facts(progress: Progress) -> Facts:
    """Means over the surrogate's steps of an iteration, which are missing where every step went back; and counts."""
    means = {
        "policy_loss": progress.policy_losses,
        "clip_fraction": progress.clip_fractions,
        **{f"value_loss_{objective}": losses for objective, losses in progress.value_losses.items()},
    }
    known = {name: fmean(values) for name, values in means.items() if values}
    return {**known, "updates": len(progress.policy_losses), "rectified": progress.rectified}


_SUMMED = ("generated_tokens", "updates", "rectified")


def _summary(iterations: Sequence[Facts]) -> Facts:
    """Sums of counts, means of the rest over the iterations that have it."""
    names = dict.fromkeys(name for facts in iterations for name in facts)
    columns = {name: [facts[name] for facts in iterations if name in facts] for name in names}
    return {name: sum(values) if name in _SUMMED else fmean(values) for name, values in columns.items()}


def _movement(parts: Mapping[str, state.Group], inputs: Inputs, iterations: Sequence[Facts]) -> Facts:
    """How far the policy moved, and whether every number is finite."""
    moved = sum(state.distance(parts[g], inputs[g]) ** 2 for g in parts if g != "critics") ** 0.5
    numbers = all(isfinite(value) for facts in iterations for value in facts.values())
    return {
        "update_norm": moved,
        "finite": numbers and all(state.all_finite(group.values()) for group in parts.values()),
    }


def _judged(judges: Mapping[str, Any], dialogues: Sequence[Dialogue]) -> Facts:
    if not judges:
        return {}
    means = {f"judge_{o}": fmean(score(d.prompt, d.response) for d in dialogues) for o, score in judges.items()}
    return {**means, "refusal_rate": fmean(judge.refuses(d.response) for d in dialogues)}


STAGES: dict[str, Stage] = {"alignment.train": train, "alignment.evaluate": torch.no_grad()(evaluate)}

"""Stage 3 without critics: group relative policy optimisation with two frozen reward models, weighted by the client's
preference.

params and inputs as ``alignment.train`` has them, less what concerns critics, horizon and combination; further
group_size (responses a prompt; batch_size counts responses), group_normalisation, and engine ("native" or "trl", which
knows no kl_bound). kl_coefficient weighs k3's estimate of KL(pi || reference) in the loss of each token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from channel_models.randomness import derive_seed
from pwffsim.learning import batching, grpo, health, rollouts, shards
from pwffsim.learning.engines import GRPO_ENGINES
from pwffsim.learning.jobs import Job, Stage, StageResult
from pwffsim.learning.policy import Policy
from pwffsim.learning.rewarding import Rewarding
from pwffsim.learning.rollouts import Rollout
from pwffsim.learning.stages import alignment
from pwffsim.learning.stages.alignment import Facts
from pwffsim.learning.tokens import tokenizer


def train(jobs: Sequence[Job]) -> list[StageResult]:
    """Some iterations: generate, score, a few passes over the responses; parts: the policy's groups.

    facts: as ``alignment.train`` has them, without those of critics; objective_conflict is the correlation of the
    objectives' group-normalised rewards over tokens. trl tells neither clip_fraction nor approx_kl.
    """
    loop, rewarding = GRPO_ENGINES[jobs[0].params["engine"]](jobs), Rewarding.of(jobs)
    weights = alignment.weights_of(jobs)
    iterations = []
    for step, prompts in enumerate(zip(*map(_prompts, jobs), strict=True)):
        seeds = [derive_seed(job.params["seed"], "alignment.iteration", step) for job in jobs]
        rollout = _collected(loop.actor(), jobs, prompts, seeds)
        scores = rewarding.scores(rollout.dialogues)
        progress = loop.update(rollout, scores, weights, seeds)
        iterations.append(_facts(jobs, rollout, scores, progress))
    results = zip(jobs, loop.read(), zip(*iterations, strict=True), strict=True)
    return [alignment.trained(job, own, facts) for job, own, facts in results]


def _prompts(job: Job) -> list[list[str]]:
    """The prompts of each iteration of a client, each as often as a group has responses."""
    params = job.params
    prompts, size = shards.shard(params).prompts_train, params["group_size"]
    order = batching.draws(params["seed"], len(prompts), params["steps"], params["batch_size"] // size, "prompts")
    return [[prompts[i] for i in draw for _ in range(size)] for draw in order]


def _collected(actor: Policy, jobs: Sequence[Job], prompts: Sequence[Sequence[str]], seeds: Sequence[int]) -> Rollout:
    params = jobs[0].params
    requests = [alignment.request(params, own, seed) for own, seed in zip(prompts, seeds, strict=True)]
    return rollouts.collect(actor, tokenizer(params["model"]["tokenizer"]), requests, params["temperature"], jobs)


def _facts(jobs: Sequence[Job], rollout: Rollout, scores: Mapping[str, Tensor], steps: Sequence[Facts]) -> list[Facts]:
    """Of each client in one iteration."""
    text, size = tokenizer(jobs[0].params["model"]["tokenizer"]), jobs[0].params["group_size"]
    sampled = alignment.rollout_facts(rollout, scores, alignment.weights_of(jobs), text)
    each = [rollout.spread(grpo.group_normalised(own, size)) for own in scores.values()]
    conflicts = health.conflicts(each, rollout.owners, rollout.clients)
    return [{**a, **b, **c} for a, b, c in zip(sampled, conflicts, steps, strict=True)]


STAGES: dict[str, Stage] = {"alignment.grpo.train": train}

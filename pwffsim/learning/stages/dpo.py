"""Stage 3 without rewards or sampling: direct preference optimisation on the client's own pairs, of both objectives in
proportion to its weights.

params: model, groups, data, client, seed, max_length, weight (of helpfulness), steps, batch_size (pairs),
learning_rate, weight_decay, clip, dpo_beta, engine ("native" or "trl"), and at will objectives (both when absent;
one has all pairs, whatever the weight).
inputs: adapters, lora (those of ``groups``), reference_adapters, reference_lora.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from channel_models.randomness import stream
from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import batching, pair_texts
from pwffsim.learning.engines import DPO_ENGINES
from pwffsim.learning.engines.engine import Preferred
from pwffsim.learning.jobs import Job, Stage, StageResult
from pwffsim.learning.pair_texts import Member, Pairs
from pwffsim.learning.scoring import Dialogue
from pwffsim.learning.stages import alignment
from pwffsim.learning.stages.alignment import Facts


def train(jobs: Sequence[Job]) -> list[StageResult]:
    """Some steps; parts: the policy's groups.

    facts, means over the steps, of the pairs before the step: dpo_loss, pair_accuracy (share whose chosen response has
    the larger log-ratio to the reference; of equal ones, as before any step, none counts), pair_margin (nats);
    loss_first, loss_last; pairs, update_norm, finite.
    """
    drawn = [list(_drawn(job)) for job in jobs]
    preferred = DPO_ENGINES[jobs[0].params["engine"]](jobs, drawn)
    return [_trained(*one) for one in zip(jobs, preferred, strict=True)]


def _drawn(job: Job) -> Iterator[Pairs]:
    """The pairs of each step: a pair's objective is drawn by the client's weight, then the objective's next pair."""
    params = job.params
    wanted = params["steps"] * params["batch_size"]
    queues = [_in_order(job, objective, wanted) for objective in params.get("objectives", OBJECTIVES)]
    first = stream(params["seed"], "alignment.objectives").random(wanted) < params["weight"]
    chosen = [next(queues[0 if one else -1]) for one in first]
    for start in range(0, wanted, params["batch_size"]):
        yield chosen[start : start + params["batch_size"]]


def _in_order(job: Job, objective: str, wanted: int) -> Iterator[tuple[Dialogue, Dialogue]]:
    """The training pairs of an objective, in permutations one after another."""
    pairs = pair_texts.of(Member(objective, job.params), "train")
    for (i,) in batching.draws(job.params["seed"], len(pairs), wanted, 1, f"alignment.pairs.{objective}"):
        yield pairs[i]


def _trained(job: Job, preferred: Preferred) -> StageResult:
    losses = preferred.losses
    facts: Facts = {
        "dpo_loss": fmean(losses),
        "pair_accuracy": fmean(preferred.accuracies),
        "pair_margin": fmean(preferred.margins),
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "pairs": job.params["steps"] * job.params["batch_size"],
    }
    return StageResult(preferred.parts, {**facts, **alignment.movement(preferred.parts, job.inputs, [facts])})


STAGES: dict[str, Stage] = {"alignment.dpo.train": train}

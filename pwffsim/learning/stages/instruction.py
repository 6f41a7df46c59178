"""Stage 1: supervised tuning on a client's instruction rows, loss on response tokens.

params of both: model, groups, data, client (None: the global test set), seed, max_length, precision.
``instruction.train`` further: steps, batch_size, learning_rate, weight_decay, clip, engine ("native" or "trl").
inputs: adapters, lora (those of ``groups``).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from pwffsim.learning import baselines, batching, policy, state, supervised, token_rows, tokens
from pwffsim.learning.engines import ENGINES
from pwffsim.learning.jobs import Job, Params, Stage, StageResult
from pwffsim.learning.policy import Policy
from pwffsim.learning.tokens import Encoded

_MOST_LOGITS = 2**25
"""Numbers that the logits of a batch of held-out rows may hold, at their longest."""


def train(jobs: Sequence[Job]) -> list[StageResult]:
    """Some optimiser steps on each client's rows; parts: the trained groups.

    facts: loss_first, loss_last (nats a response token), tokens (response tokens learnt from), update_norm, finite.
    """
    params = jobs[0].params
    drawn = [_drawn(job.params) for job in jobs]
    settings = supervised.Optimisation(params["learning_rate"], params["weight_decay"], params["clip"])
    parts, losses = ENGINES[params["engine"]](jobs, drawn, settings)
    return [_trained(*one) for one in zip(jobs, drawn, parts, losses, strict=True)]


def _drawn(params: Params) -> list[list[Encoded]]:
    """The rows of each step of a client."""
    rows = token_rows.of(params).train
    order = batching.draws(params["seed"], len(rows), params["steps"], params["batch_size"])
    return [[rows[i] for i in draw] for draw in order]


def _trained(
    job: Job, drawn: Sequence[Sequence[Encoded]], parts: dict[str, state.Group], losses: Sequence[float]
) -> StageResult:
    finite = all(map(isfinite, losses)) and all(state.all_finite(part.values()) for part in parts.values())
    facts = {
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "tokens": sum(len(row.response) for rows in drawn for row in rows),
        "update_norm": sum(state.distance(part, job.inputs[group]) ** 2 for group, part in parts.items()) ** 0.5,
        "finite": finite,
    }
    return StageResult(parts, facts)


def evaluate(jobs: Sequence[Job]) -> list[StageResult]:
    """Held-out loss and accuracy on response tokens, teacher forced, beside what needs no model.

    facts: loss (nats), accuracy, tokens, majority_accuracy, unigram_accuracy, bigram_accuracy.
    """
    resident = policy.resident(jobs)
    held_out = [token_rows.of(job.params).test for job in jobs]
    pad = tokens.tokenizer(jobs[0].params["model"]["tokenizer"]).pad
    measured = supervised.measure(resident, batching.side_by_side(held_out, _rows_at_once(resident, jobs), pad))
    each = zip(jobs, measured.loss.tolist(), measured.hits.tolist(), measured.tokens.tolist(), strict=True)
    return [
        StageResult(
            facts={"loss": loss / n, "accuracy": hits / n, "tokens": int(n), **baselines.of(token_rows.of(job.params))}
        )
        for job, loss, hits, n in each
    ]


def _rows_at_once(resident: Policy, jobs: Sequence[Job]) -> int:
    """Of each client."""
    row = jobs[0].params["max_length"] * resident.network.config.vocab_size
    return max(1, _MOST_LOGITS // (len(jobs) * row))


STAGES: dict[str, Stage] = {"instruction.train": train, "instruction.evaluate": evaluate}

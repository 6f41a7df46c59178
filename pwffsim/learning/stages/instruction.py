"""Stage 1: supervised tuning on a client's instruction rows, loss on response tokens.

params of both: model, groups, data, client (None: the global test set), seed, max_length.
``instruction.train`` further: steps, batch_size, learning_rate, weight_decay, clip, engine ("native" or "trl").
inputs: adapters, lora (those of ``groups``).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from pwffsim.data.rows import Instruction
from pwffsim.learning import baselines, batching, policy, shards, state, supervised, tokens
from pwffsim.learning.engines import ENGINES
from pwffsim.learning.stages.stage import Inputs, Params, Stage, StageResult

_EVALUATION_ROWS = 32


def train(params: Params, inputs: Inputs) -> StageResult:
    """Some optimiser steps on the client's rows; parts: the trained groups.

    facts: loss_first, loss_last (nats a response token), tokens (response tokens learnt from), update_norm, finite.
    """
    resident = policy.resident(params["model"], params["groups"])
    resident.load(inputs)
    rows = _encoded(params, shards.shard(params).instructions_train)
    order = batching.draws(params["seed"], len(rows), params["steps"], params["batch_size"])
    settings = supervised.Optimisation(params["learning_rate"], params["weight_decay"], params["clip"])
    text = tokens.tokenizer(params["model"]["tokenizer"])
    losses = ENGINES[params["engine"]](resident, [[rows[i] for i in draw] for draw in order], text.pad, settings)
    parts = resident.read()
    finite = all(map(isfinite, losses)) and all(state.all_finite(part.values()) for part in parts.values())
    facts = {
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "tokens": sum(len(rows[i].response) for draw in order for i in draw),
        "update_norm": sum(state.distance(part, inputs[group]) ** 2 for group, part in parts.items()) ** 0.5,
        "finite": finite,
    }
    return StageResult(parts, facts)


def evaluate(params: Params, inputs: Inputs) -> StageResult:
    """Held-out loss and accuracy on response tokens, teacher forced, beside what needs no model.

    facts: loss (nats), accuracy, tokens, majority_accuracy, unigram_accuracy, bigram_accuracy.
    """
    resident = policy.resident(params["model"], params["groups"])
    resident.load(inputs)
    train_rows, test_rows = (_encoded(params, rows) for rows in _split(params))
    pad = tokens.tokenizer(params["model"]["tokenizer"]).pad
    batches = [batching.collate(rows, pad) for rows in batching.chunks(test_rows, _EVALUATION_ROWS)]
    measured = supervised.measure(resident, batches)
    facts = {
        "loss": measured.loss / measured.tokens,
        "accuracy": measured.hits / measured.tokens,
        "tokens": measured.tokens,
        "majority_accuracy": baselines.majority_accuracy(train_rows, test_rows),
        "unigram_accuracy": baselines.unigram_accuracy(train_rows, test_rows),
        "bigram_accuracy": baselines.bigram_accuracy(train_rows, test_rows),
    }
    return StageResult(facts=facts)


def _split(params: Params) -> tuple[Sequence[Instruction], Sequence[Instruction]]:
    """Training and held-out rows of the client, or of everybody."""
    if params["client"] is not None:
        client = shards.shard(params)
        return client.instructions_train, client.instructions_test
    everybody = shards.federation(params["data"])
    return [row for client in everybody.clients for row in client.instructions_train], everybody.test


def _encoded(params: Params, rows: Sequence[Instruction]) -> list[tokens.Encoded]:
    text = tokens.tokenizer(params["model"]["tokenizer"])
    return [text.sequence(row.prompt, row.response, params["max_length"]) for row in rows]


STAGES: dict[str, Stage] = {"instruction.train": train, "instruction.evaluate": evaluate}

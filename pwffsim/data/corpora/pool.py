"""Dealing a finite pool of rows to clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

import numpy as np

from channel_models.randomness import stream
from pwffsim.data.errors import DataError
from pwffsim.data.federated import ClientData, FederatedData, make_client
from pwffsim.data.population import Client, Plan, make_plan
from pwffsim.data.rows import OBJECTIVES, Instruction, Preference
from pwffsim.data.spec import DataSpec

Row = TypeVar("Row")
Pairs = dict[str, list[Preference]]


def deal(
    spec: DataSpec, clients: Sequence[Client], rows: list[Instruction], pairs: Pairs, report: dict[str, Any]
) -> FederatedData:
    """Split rows and pairs over the clients: nobody shares a row with anybody, nor with the global test set.

    The global test set is drawn first. Then each client asks for rows by topic as its plan says; where a topic has
    fewer rows than are asked for, all askers are cut in proportion, and the report tells by how much. A prompt occurs
    once in the pool, so a client's held-out prompts are never its training prompts. DataError for an empty shard.
    """
    seed = clients[0].seed
    shuffled = [rows[at] for at in stream(seed, "data.pool.instructions").permutation(len(rows))]
    _refuse_small(len(shuffled), spec.global_test_rows + 2 * len(clients))
    test, rest = shuffled[: spec.global_test_rows], shuffled[spec.global_test_rows :]
    plans = [make_plan(spec, client, Counter(row.topic for row in rest)) for client in clients]
    shares = _deal_instructions(spec, plans, rest)
    dealt = {name: _deal_pairs(spec, plans, name, pairs[name]) for name in OBJECTIVES}
    shards = [_client(spec, plan, shares[at], {name: dealt[name][at] for name in OBJECTIVES})
              for at, plan in enumerate(plans)]  # fmt: skip
    told = {**report, "clients": _shortfalls(spec, plans, shards)}
    return FederatedData(shards, test, told, unseen=lambda: _unseen(spec, seed, pairs, shards))


def _client(spec: DataSpec, plan: Plan, rows: list[Instruction], pairs: Pairs) -> ClientData:
    held = _held_out(len(rows), plan.rows, spec.test_rows_per_client)
    cuts = {name: _held_out(len(p), plan.pairs[name], spec.test_pairs_per_client) for name, p in pairs.items()}
    train, test = rows[held:], rows[:held]
    pairs_train = {name: p[cuts[name] :] for name, p in pairs.items()}
    pairs_test = {name: p[: cuts[name]] for name, p in pairs.items()}
    _refuse_empty(plan, {"instruction rows": train, "held-out instruction rows": test})
    _refuse_empty(plan, {f"{name} pairs": p for name, p in pairs_train.items()})
    _refuse_empty(plan, {f"held-out {name} pairs": p for name, p in pairs_test.items()})
    kept_out = {pair.prompt for part in pairs_test.values() for pair in part}
    prompts = (
        _prompts(pairs_train, spec.prompts_per_client, kept_out),
        _prompts(pairs_test, spec.test_prompts_per_client),
    )
    return make_client((train, test), (pairs_train, pairs_test), prompts, style="as found")


def _deal_instructions(spec: DataSpec, plans: list[Plan], rows: list[Instruction]) -> list[list[Instruction]]:
    by_topic: dict[str, list[Instruction]] = {}
    for row in rows:
        by_topic.setdefault(row.topic, []).append(row)
    shares: list[list[Instruction]] = [[] for _ in plans]
    for topic, pool in by_topic.items():
        wanted = [(plan.rows + spec.test_rows_per_client) * plan.shares[topic] for plan in plans]
        for at, part in enumerate(_cut(pool, wanted)):
            shares[at] += part
    return [_shuffled(share, plan.client) for share, plan in zip(shares, plans, strict=True)]


def _shuffled(rows: list[Instruction], client: Client) -> list[Instruction]:
    return [rows[at] for at in stream(client.seed, "data.pool.order", client.index).permutation(len(rows))]


def _deal_pairs(spec: DataSpec, plans: list[Plan], objective: str, pool: list[Preference]) -> list[list[Preference]]:
    order = stream(plans[0].client.seed, f"data.pool.{objective}").permutation(len(pool))
    wanted = [float(plan.pairs[objective] + spec.test_pairs_per_client) for plan in plans]
    return _cut([pool[at] for at in order], wanted)


def _cut(pool: list[Row], wanted: list[float]) -> list[list[Row]]:
    """Consecutive parts of the pool of the wanted sizes, all scaled down alike where the pool is smaller."""
    scale = min(1.0, len(pool) / max(sum(wanted), 1.0))
    ends = np.floor(np.cumsum(wanted) * scale + 0.5).astype(int)
    return [pool[start:end] for start, end in zip((0, *ends[:-1]), ends, strict=True)]


def _held_out(rows: int, train: int, test: int) -> int:
    """How many of a client's rows to hold out: `test`, or in proportion where the rows are too few."""
    return min(test, round(rows * test / (train + test)))


def _unseen(spec: DataSpec, seed: int, pairs: Pairs, shards: Sequence[ClientData]) -> Pairs:
    """The examiners' pairs: drawn from all that no client trains on, held-out ones and those that nobody got."""
    return {name: _drawn(spec, seed, name, pairs[name], shards) for name in OBJECTIVES}


def _drawn(
    spec: DataSpec, seed: int, objective: str, pairs: Sequence[Preference], shards: Sequence[ClientData]
) -> list[Preference]:
    trained = {pair.prompt for shard in shards for pair in shard.preferences_train[objective]}
    free = [pair for pair in pairs if pair.prompt not in trained]
    order = stream(seed, f"data.examiner.{objective}").permutation(len(free))
    return [free[at] for at in order[: spec.examiner_pairs]]


def _prompts(pairs: Pairs, count: int, kept_out: Collection[str] = ()) -> list[str]:
    """Prompts of both objectives' pairs by turns, each once, without those that are kept out."""
    longest = max(len(p) for p in pairs.values())
    mixed = [p[at].prompt for at in range(longest) for p in pairs.values() if at < len(p)]
    return [prompt for prompt in dict.fromkeys(mixed) if prompt not in kept_out][:count]


def _refuse_small(rows: int, needed: int) -> None:
    if rows < needed:
        raise DataError(
            f"{rows} usable instruction rows cannot fill the global test set and a training and a held-out row for "
            f"every client ({needed}): give more files, or lower global_test_rows or clients"
        )


def _refuse_empty(plan: Plan, parts: dict[str, list[Any]]) -> None:
    for what, part in parts.items():
        if not part:
            raise DataError(
                f"client {plan.client.index} gets no {what}: give more files, lower the number of clients or "
                "partition.size_skew, or raise partition.dirichlet_alpha"
            )


def _shortfalls(spec: DataSpec, plans: list[Plan], shards: list[ClientData]) -> list[dict[str, int]]:
    """A client's rows and how many it lacks of what its plan asked for."""
    return [
        {
            "instructions": len(shard.instructions_train),
            "instructions_short": max(plan.rows - len(shard.instructions_train), 0),
            **{f"{n}_short": max(plan.pairs[n] - len(shard.preferences_train[n]), 0) for n in OBJECTIVES},
            "prompts_short": max(spec.prompts_per_client - len(shard.prompts_train), 0),
        }
        for plan, shard in zip(plans, shards, strict=True)
    ]

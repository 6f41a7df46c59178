"""Reward learning of several clients, and the server's sum: how much processor time each way of doing it takes.

    python -m benchmarks.fusion_reward [--upload head] [--clients 10] [--updates 100] [--ways ...]

Ways to train the two reward models of every client of `tiny`, 8 steps of 8 pairs: `plain`, the loop a user writes with
transformers, peft, autograd and torch's AdamW, one model after another; `cached`, the same where the encoder is frozen
and its features were computed once; `alone`, this package client by client; `fused`, clients at once. `features` is
what they cost for one client and objective, `sum` the server's sum. Each way has a process of its own, one thread and
the same switches; they take turns. Printed are the seconds of processor time of each turn, and each process's peak
memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.turns import Parts, command
from pwffsim.data.rows import OBJECTIVES
from pwffsim.data.spec import DataSpec
from pwffsim.learning import (
    bases,
    batching,
    frozen,
    lora,
    pair_features,
    pair_texts,
    reward,
    runtime,
    shards,
    stages,
    state,
)
from pwffsim.learning.jobs import Job
from pwffsim.learning.pair_texts import Member

PAIRS, LENGTH = 64, 64
FIT = {"steps": 8, "batch_size": 8, "learning_rate": 3e-3, "weight_decay": 0.0, "clip": 1.0}
Way = Callable[[], None]


def jobs(clients: int, upload: str) -> list[Job]:
    """A job a client, all from one state."""
    description = {"model": "base_head", "upload": upload, "rank": 8, "base": None}
    common = {"model": bases.resolve("tiny").params(0), "reward": description, "max_length": LENGTH}
    start = stages.run("initialise", {**common, "group": "reward", "seed": 0}, {}).parts
    spec = DataSpec(rows_per_client=4, test_rows_per_client=2, pairs_per_client=PAIRS, test_pairs_per_client=16)
    snr, weights = [5.0] * clients, [0.5] * clients
    data = {"spec": spec.to_mapping(), "clients": clients, "seed": 1, "mean_snr_db": snr, "preference_weights": weights}
    data["name"] = f"{clients} clients"
    digests = [client.digests for client in shards.federation(data).clients]
    each = [{**common, **FIT, "data": data, "client": i, "seed": i, "shard": digests[i]} for i in range(clients)]
    return [Job(params, start) for params in each]


def own(each: Sequence[Job], at_once: int) -> Way:
    """This package, so many clients at once."""

    def play() -> None:
        for first in range(0, len(each), at_once):
            stages.run_together("reward.train", each[first : first + at_once])

    return play


def plain(each: Sequence[Job], known: bool) -> Way:
    """One model after another; `known`: on features computed once."""
    encoder, factors = _encoder(each[0])
    width = encoder.config.hidden_size
    head = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
    trained = {f"head.{name}": p for name, p in head.named_parameters()} | factors
    tables = {(job.params["client"], o): _table(job, o, known) for job in each for o in OBJECTIVES}

    def features(rows: Any) -> torch.Tensor:
        if known:
            return torch.stack(rows)
        lengths = torch.tensor([len(row) for row in rows])
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        with torch.set_grad_enabled(bool(factors)):
            return encoder.base_model(ids).last_hidden_state[torch.arange(len(rows)), lengths - 1]

    def model(job: Job, objective: str) -> None:
        state.load(trained, reward.part(job.inputs["reward"], objective))
        adam = torch.optim.AdamW(trained.values(), lr=FIT["learning_rate"], weight_decay=FIT["weight_decay"])
        table, seed = tables[job.params["client"], objective], job.params["seed"]
        for rows in batching.draws(seed, len(table), int(FIT["steps"]), int(FIT["batch_size"]), objective):
            chosen, rejected = head(features([table[i][side] for side in (0, 1) for i in rows])).chunk(2)
            loss = -nn.functional.logsigmoid(chosen - rejected).mean()
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained.values(), FIT["clip"])
            adam.step()
            loss.item()
        state.read(trained)

    def play() -> None:
        for job in each:
            for objective in OBJECTIVES:
                model(job, objective)

    return play


def _encoder(job: Job) -> tuple[Any, dict[str, nn.Parameter]]:
    """The base, and what is trained of it."""
    network, description = frozen.language_model(job.params["model"]), job.params["reward"]
    if description["upload"] != "lora":
        return network, {}
    factors = lora.attach(network, lora.LoraShape(description["rank"], 2.0 * description["rank"], 1))
    return network, {f"encoder.{name}": p.requires_grad_() for name, p in factors.items()}


def _table(job: Job, objective: str, known: bool) -> list[Any]:
    """(chosen, rejected) of each pair: features, or ids."""
    member = Member(objective, job.params)
    if known:
        return list(pair_features.of([member], "train", reward.scorer(job.params).encoder)[0])
    pairs = pair_texts.of(member, "train")
    return [[torch.tensor((*d.tokens.prompt, *d.tokens.response)) for d in pair] for pair in pairs]


@dataclass(frozen=True)
class Task:
    """What is trained: reward models of so many clients, of which what is uploaded and so trained; clients that share a
    batch (0: all); updates that are summed."""

    clients: int = 10
    upload: str = "head"
    at_once: int = 0
    updates: int = 100


def features(task: Task) -> Parts:
    """Features of one client's pairs of one objective, from nothing."""
    member = Member(OBJECTIVES[0], jobs(1, "head")[0].params)
    encoder, pairs = reward.scorer(member.params).encoder, pair_texts.of(member, "train")
    return {"features": lambda: pair_features.compute(encoder, pairs)}


def summed(task: Task) -> Parts:
    """The server's sum of updates of 78,636 elements (adapters of `tiny`, bottleneck 25)."""
    sizes = {"down.weight": (25, 128), "down.bias": (25,), "up.weight": (128, 25), "up.bias": (128,)}
    shapes = {f"h.{i}.{site}.{name}": s for i in range(4) for site in "amb" for name, s in sizes.items()}
    pool = [{name: torch.randn(shape) for name, shape in shapes.items()} for _ in range(16)]
    inputs = {"global/adapters": pool[0]}
    for i in range(task.updates):
        inputs |= {f"update{i}/adapters": pool[1 + i % 15], f"base{i}/adapters": pool[0]}
    params = {"groups": ["adapters"], "coefficients": [1 / task.updates] * task.updates, "lost": [[]] * task.updates}
    return {"sum": lambda: stages.run("aggregate", {**params, "per_module": False}, inputs)}


WAYS: dict[str, Callable[[Task], Parts]] = {
    "plain": lambda task: {"train": plain(jobs(task.clients, task.upload), known=False)},
    "cached": lambda task: {"train": plain(jobs(task.clients, task.upload), known=True)},
    "alone": lambda task: {"train": own(jobs(task.clients, task.upload), 1)},
    "fused": lambda task: {"train": own(jobs(task.clients, task.upload), task.at_once or task.clients)},
    "features": features,
    "sum": summed,
}


def parts(way: str, task: Task) -> Parts:
    """What a process runs."""
    runtime.tune()
    return WAYS[way](task)


def main() -> None:
    """Print the figures as JSON."""
    command(__doc__, parts, list(WAYS), Task(), 7, ["plain", "cached", "alone", "fused"])


if __name__ == "__main__":
    main()

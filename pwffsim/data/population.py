"""Who the clients are, as far as data depend on it, and what share of the data each is to get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from pwffsim.data.errors import DataError
from pwffsim.data.rows import OBJECTIVES
from pwffsim.data.spec import DataSpec, Partition


@dataclass(frozen=True)
class Client:
    """One client: its number, the run's seed, its mean SNR and its weight of helpfulness (harmlessness: the rest)."""

    index: int
    seed: int
    mean_snr_db: float
    preference_weight: float


@dataclass(frozen=True)
class Plan:
    """What one client is to get: rows to train on, pairs by objective, and shares of topics that sum to 1."""

    client: Client
    rows: int
    pairs: dict[str, int]
    shares: dict[str, float]
    harmful_share: float


HARMFUL_SHARE = 0.2


def population(
    spec: DataSpec, clients: int, seed: int, mean_snr_db: Sequence[float], preference_weights: Sequence[float]
) -> list[Client]:
    """The run's clients. DataError for no client, sequences of another length, a weight outside 0 .. 1."""
    if clients < 1:
        raise DataError(f"a run needs at least one client, got {clients}")
    for name, values in (("mean_snr_db", mean_snr_db), ("preference_weights", preference_weights)):
        if len(values) != clients:
            raise DataError(f"{name} holds {len(values)} values for {clients} clients: give one a client")
    people = [
        Client(index, seed, float(snr), float(weight))
        for index, (snr, weight) in enumerate(zip(mean_snr_db, preference_weights, strict=True))
    ]
    for person in people:
        _check(person, spec.partition)
    return people


def make_plan(spec: DataSpec, client: Client, topics: Mapping[str, float]) -> Plan:
    """What the spec's partitioner gives this client.

    topics: name -> weight of the topic in the whole corpus (they need not sum to 1). DataError naming the client
    and the remedy where its shard would be empty.
    """
    from pwffsim.data.partitioners import PARTITIONERS

    partitioner = PARTITIONERS[spec.partition.by]
    total = sum(topics.values())
    prior = {name: weight / total for name, weight in topics.items()}
    factor = partitioner.size_factor(client, spec.partition)
    helpfulness = partitioner.helpfulness_share(client)
    counts = (2 * spec.pairs_per_client * factor * share for share in (helpfulness, 1 - helpfulness))
    plan = Plan(
        client=client,
        rows=round(spec.rows_per_client * factor),
        pairs={name: round(count) for name, count in zip(OBJECTIVES, counts, strict=True)},
        shares=partitioner.shares(client, spec.partition, prior),
        harmful_share=2 * HARMFUL_SHARE * (1 - helpfulness),
    )
    _refuse_empty(plan)
    return plan


def _refuse_empty(plan: Plan) -> None:
    for what, count in (("instruction rows", plan.rows), *((f"{name} pairs", n) for name, n in plan.pairs.items())):
        if count < 1:
            raise DataError(
                f"client {plan.client.index} gets no {what}: raise rows_per_client or pairs_per_client, "
                "or lower partition.size_skew"
            )


def _check(client: Client, partition: Partition) -> None:
    if not 0 <= client.preference_weight <= 1:
        raise DataError(f"client {client.index}: preference weight {client.preference_weight} lies outside 0 .. 1")
    if partition.by == "snr" and not isfinite(client.mean_snr_db):
        raise DataError(f"client {client.index}: partition by snr needs a finite mean SNR, got {client.mean_snr_db} dB")

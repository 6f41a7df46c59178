"""Everything that must be known before the clock starts: models, data, clients. What is wrong with them shows here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from os.path import expandvars
from typing import Any

from channel_models.randomness import derive_seed
from pwffsim.architecture.families import Architecture, architecture_of
from pwffsim.data.federated import FederatedData, build
from pwffsim.data.spec import DataSpec
from pwffsim.learning.bases import ResolvedBase, resolve
from pwffsim.scenario.loader import LoadedScenario
from pwffsim.scenario.memory import shortages
from pwffsim.scenario.schema import Reward, Scenario
from pwffsim.world.blueprint import Blueprint, Shard
from pwffsim.world.profiles import Profile, profiles


class MemoryShortage(ValueError):
    """A device that is too small for a stage; the message names client, stage and megabytes."""


@dataclass(frozen=True)
class Prepared:
    """A scenario, ready to run.

    Attributes:
        loaded: the scenario with its source.
        blueprint: what the world works from.
        base, encoder: where weights come from.
        data_report: rows read and dropped.
    """

    loaded: LoadedScenario
    blueprint: Blueprint
    base: ResolvedBase
    encoder: ResolvedBase | None
    data_report: Mapping[str, Any]


def prepare(loaded: LoadedScenario) -> Prepared:
    """Find the model, read the data, make the clients.

    Raises:
        BaseUnavailable: when a model's weights or config cannot be had.
        DataError: when the data cannot be used.
        MemoryShortage: when a stage does not fit a device.
    """
    scenario = loaded.scenario
    cast = profiles(scenario)
    model = scenario.model
    base = _resolve(model.base, model.weights, model.tokenizer)
    encoder = _encoder(scenario.stages.reward)
    source = _data_params(scenario, cast)
    data = build(DataSpec.from_mapping(source["spec"]), **{k: v for k, v in source.items() if k != "spec"})
    policy, judge = architecture_of(base.config), None if encoder is None else architecture_of(encoder.config)
    _refuse_shortage(scenario, policy, judge)
    blueprint = Blueprint(
        scenario=scenario,
        profiles=cast,
        policy=policy,
        encoder=judge,
        base=base.params(derive_seed(scenario.seed, "base.weights")),
        reward_base=None if encoder is None else encoder.params(derive_seed(scenario.seed, "encoder.weights")),
        data=source,
        shards=_shards(data),
        test_digest=_digest(data),
    )
    return Prepared(loaded, blueprint, base, encoder, data.report)


def _refuse_shortage(scenario: Scenario, policy: Architecture, encoder: Architecture | None) -> None:
    """Models that came from the hub have shapes only now."""
    for shortage in shortages(scenario, policy, encoder):
        raise MemoryShortage(f"devices.tiers[{shortage.tier}].memory_mb: {shortage}")


def _encoder(reward: Reward | None) -> ResolvedBase | None:
    if reward is None or reward.model == "base_head":
        return None
    return _resolve(reward.base, reward.weights, reward.tokenizer)


def _resolve(base: str, weights: str, tokenizer: str | None) -> ResolvedBase:
    return resolve(expandvars(base), weights, None if tokenizer is None else expandvars(tokenizer))


def _data_params(scenario: Scenario, cast: tuple[Profile, ...]) -> dict[str, Any]:
    """What the learning room needs to build the same data: nothing that the split does not look at.

    So a change of the radio alone leaves every recipe, and its stored result, as it was.
    """
    by = scenario.data.partition.by
    return {
        "spec": DataSpec.from_mapping(scenario.data.model_dump(mode="json")).to_mapping(),
        "clients": len(cast),
        "seed": scenario.seed,
        "mean_snr_db": [profile.mean_snr_db if by == "snr" else 0.0 for profile in cast],
        "preference_weights": [profile.preference if by == "preference" else 0.5 for profile in cast],
    }


def _shards(data: FederatedData) -> tuple[Shard, ...]:
    return tuple(
        Shard(
            rows=len(client.instructions_train),
            pairs=sum(len(pairs) for pairs in client.preferences_train.values()),
            digest=client.digest,
        )
        for client in data.clients
    )


def _digest(data: FederatedData) -> str:
    """Of what the global evaluation reads: the test set, and everybody's rows for its trivial baselines."""
    digest = blake2b(digest_size=16)
    for row in data.test:
        digest.update(repr((row.prompt, row.response)).encode())
    for client in data.clients:
        digest.update(client.digest.encode())
    return digest.hexdigest()

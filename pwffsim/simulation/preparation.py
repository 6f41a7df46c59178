"""Everything that must be known before the clock starts: models, data, clients. What is wrong with them shows here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os.path import expandvars
from typing import Any

from channel_models.randomness import derive_seed
from pwffsim.architecture.attention import check_family, pattern
from pwffsim.architecture.families import Architecture, architecture_of
from pwffsim.compute.recipe import address
from pwffsim.data.federated import DATA_KINDS, ClientData, ShardSize, census
from pwffsim.data.spec import DataSpec
from pwffsim.federation.methods import METHODS
from pwffsim.learning.bases import ResolvedBase, resolve
from pwffsim.learning.shards import reread
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
        UnsupportedPlaces: when a block of the model has no such places for LoRA.
        UnsupportedPattern: when the model cannot attend by the pattern.
        MemoryShortage: when a stage does not fit a device.
    """
    return _prepared(loaded, _dealt)


def prepare_plan(loaded: LoadedScenario) -> Prepared:
    """As :func:`prepare`, for a world in which nothing is trained: rows are counted, not made, and have no digest."""
    return _prepared(loaded, _counted)


@dataclass(frozen=True)
class _Data:
    """What the world knows of the data."""

    shards: tuple[Shard, ...]
    test_digest: str
    report: Mapping[str, Any]
    pool: Shard | None
    unseen: Shard | None


@dataclass(frozen=True)
class _Wanted:
    """Which of the data a scenario works with.

    Attributes:
        objectives: what clients learn rewards for.
        pooled: clients whose rows are taken together; none where each learns from its own.
        examined: whether pairs are kept from all clients for examiners.
    """

    objectives: tuple[str, ...]
    pooled: tuple[int, ...]
    examined: bool

    @classmethod
    def of(cls, scenario: Scenario, cast: Sequence[Profile]) -> _Wanted:
        method = METHODS[scenario.method]
        pooled = tuple(profile.index for profile in cast if not profile.idle) if method.pooled else ()
        return cls(method.objectives, pooled, scenario.evaluation.examiner and scenario.stages.alignment is not None)

    def pairs(self, size: ShardSize) -> int:
        """Preference pairs that a client trains on."""
        return sum(size.pairs[objective] for objective in self.objectives)


def _prepared(loaded: LoadedScenario, read: Callable[[dict[str, Any], _Wanted], _Data]) -> Prepared:
    scenario = loaded.scenario
    cast = profiles(scenario)
    model = scenario.model
    base = _resolve(model.base, model.weights, model.tokenizer)
    encoder = _encoder(scenario.stages.reward)
    source = _data_params(scenario, cast)
    data = read(source, _Wanted.of(scenario, cast))
    policy = architecture_of(base.config).placed(model.lora.places)
    check_family(pattern(model.attention.settings), policy.family)
    judge = None if encoder is None else architecture_of(encoder.config)
    _refuse_shortage(scenario, policy, judge)
    blueprint = Blueprint(
        scenario=scenario,
        profiles=cast,
        policy=policy,
        encoder=judge,
        base=base.params(derive_seed(scenario.seed, "base.weights")),
        reward_base=None if encoder is None else encoder.params(derive_seed(scenario.seed, "encoder.weights")),
        data=source,
        shards=data.shards,
        test_digest=data.test_digest,
        pool=data.pool,
        unseen=data.unseen,
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
    source = {
        "spec": DataSpec.from_mapping(scenario.data.model_dump(mode="json")).to_mapping(),
        "clients": len(cast),
        "seed": scenario.seed,
        "mean_snr_db": [profile.mean_snr_db if by == "snr" else 0.0 for profile in cast],
        "preference_weights": [profile.preference if by == "preference" else 0.5 for profile in cast],
    }
    return {**source, "name": address(source)}


def _dealt(source: dict[str, Any], wanted: _Wanted) -> _Data:
    """Every row: the data that the learning room works with, as files are now."""
    data = reread(source)
    sized = zip(data.sizes, data.clients, strict=True)
    shards = tuple(Shard(size.rows, wanted.pairs(size), client.digests) for size, client in sized)
    pool = _shard(data.pooled(wanted.pooled), wanted) if wanted.pooled else None
    unseen = _shard(data.examiner, wanted) if wanted.examined else None
    return _Data(shards, data.instructions_digest, data.report, pool, unseen)


def _shard(client: ClientData, wanted: _Wanted) -> Shard:
    return Shard(client.size.rows, wanted.pairs(client.size), client.digests)


def _counted(source: dict[str, Any], wanted: _Wanted) -> _Data:
    """Numbers of rows alone."""
    given = {name: value for name, value in source.items() if name not in ("spec", "name")}
    sizes = census(DataSpec.from_mapping(source["spec"]), **given)
    shards = tuple(Shard(size.rows, wanted.pairs(size), _NOT_MADE) for size in sizes)
    members = [shards[member] for member in wanted.pooled]
    pool = Shard(sum(own.rows for own in members), sum(own.pairs for own in members), _NOT_MADE) if members else None
    unseen = Shard(0, 0, _NOT_MADE) if wanted.examined else None
    return _Data(shards, "", {}, pool, unseen)


_NOT_MADE = dict.fromkeys(DATA_KINDS, "")
"""Digests of rows that were counted and not made, so that nothing can be trained on them."""

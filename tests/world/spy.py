"""A compute back-end that writes down every recipe it is given, and the world played over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from worlds import blueprint_of

from channel_models.transfer.delivery import Delivery
from pwffsim.compute.recipe import Facts, NotPlanned, Recipe
from pwffsim.federation.method import Group
from pwffsim.runs.laws import check
from pwffsim.runs.load import Run
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.simulation.run import physics
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.radio.ground import terrain_of
from pwffsim.world.radio.links import Links
from pwffsim.world.world import World

THREE_STAGES = {"instruction": {"rounds": 3}, "reward": {"rounds": 2}, "alignment": {"rounds": 3}}


class WorldRunsOn(AssertionError):
    """A world has asked for more recipes than any of these tests has use for: it would never end."""


@dataclass(frozen=True)
class Submitted:
    """A recipe under its key; as a handle it knows references and no facts."""

    key: str
    recipe: Recipe

    def part(self, name: str) -> str:
        return f"{self.key}/{name}"

    def facts(self) -> Facts:
        raise NotPlanned(f"{self.recipe.stage} was never carried out")


class SpyCompute:
    """Handles without results, in the order in which they were asked for."""

    learns = False

    def __init__(self, limit: int = 5_000) -> None:
        self.submitted: list[Submitted] = []
        self._limit = limit

    def submit(self, recipe: Recipe) -> Submitted:
        if len(self.submitted) >= self._limit:
            raise WorldRunsOn(f"{self._limit} recipes, and another {recipe.stage}")
        self.submitted.append(Submitted(recipe.key("spy"), recipe))
        return self.submitted[-1]

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(frozen=True)
class Start:
    """First values, of so many LoRA modules a block."""

    submitted: Sequence[Submitted]
    lora_modules: int

    def part(self, group: Group) -> str:
        """The one recipe of a group that was asked for, under its key."""
        keys = {
            found.key
            for found in self.submitted
            if found.recipe.params["group"] == group
            and found.recipe.params["model"].get("lora_modules_per_block", self.lora_modules) == self.lora_modules
        }
        (key,) = keys
        return f"{key}/{group}"


@dataclass(frozen=True)
class Watched:
    """A world that has been played, its records, and what it wanted computed."""

    blueprint: Blueprint
    run: Run
    submitted: Sequence[Submitted]

    @property
    def clients(self) -> range:
        return range(len(self.blueprint.profiles))

    def of(self, stage: str, client: int | None = None) -> list[Submitted]:
        """Recipes of a stage, of one client or of all, in order."""
        own = [found for found in self.submitted if found.recipe.stage == stage]
        return [found for found in own if client is None or found.recipe.params.get("client") == client]

    def initial(self, client: int | None = None) -> Start:
        """The state that the server (or a client) starts from."""
        blueprint = self.blueprint
        modules = blueprint.largest_tier if client is None else blueprint.lora_modules(blueprint.profiles[client])
        return Start(self.of("initialise"), modules)

    def newest(self, group: Group, version: int) -> str:
        """Reference of the server's state of a group after so many aggregations."""
        holders = [found for found in self.of("aggregate")[:version] if group in found.recipe.params["groups"]]
        return (holders[-1] if holders else self.initial()).part(group)

    def trained(self, client: int) -> dict[int, Submitted]:
        """Update -> the recipe of its training: a client carries its tasks out in the order in which they came."""
        updates = self.run.updates
        begun = updates[(updates.client == f"client-{client:02d}") & (updates.fate != "skipped")]["update"]
        recipes = [
            found
            for found in self.submitted
            if found.recipe.stage.endswith(".train") and found.recipe.params["client"] == client
        ]
        return dict(zip(sorted(begun), recipes, strict=True))

    def deliveries(self) -> dict[int, Delivery]:
        """Update -> how its upload went, from the channel itself: a transfer is pure in start, size and number."""
        scenario = self.blueprint.scenario
        links = Links(scenario, self.blueprint.profiles, terrain_of(scenario))
        up = self.run.messages[self.run.messages.direction == "up"].sort_values("sent_ns", kind="stable")
        number = up.groupby("source").cumcount()
        return {
            row.update: links.uplink(int(row.source.removeprefix("client-")), 0).transfer(
                row.sent_ns / 1e9, row.payload_bytes, number[row.Index]
            )
            for row in up.itertuples()
        }


def watch(settings: dict[str, Any], rows: Sequence[int] = (), pairs: Sequence[int] = ()) -> Watched:
    """Play a world over the spy, with shards of so many rows and pairs; every conservation law is checked."""
    blueprint, recorder, spy = blueprint_of(settings, rows), MemoryRecorder(), SpyCompute()
    if pairs:
        shards = [replace(shard, pairs=count) for shard, count in zip(blueprint.shards, pairs, strict=True)]
        blueprint = replace(blueprint, shards=tuple(shards))
    World(blueprint, spy, recorder).run()
    run = recorder.run(physics(blueprint))
    check(run)
    return Watched(blueprint, run, spy.submitted)

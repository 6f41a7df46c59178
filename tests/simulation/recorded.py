"""Whole worlds with real training, kept in hand: every update's tensors beside the message that carried it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from small import prepared
from torch import Tensor

from pwffsim.architecture.tensors import TensorShape
from pwffsim.compute.environment import environment
from pwffsim.compute.executors.serial import Serial
from pwffsim.compute.fusion import Together
from pwffsim.compute.recipe import Facts, Recipe
from pwffsim.compute.scheduler import Scheduler
from pwffsim.compute.store import Store
from pwffsim.runs.laws import check
from pwffsim.runs.load import Run
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.simulation.fusion import fusion
from pwffsim.simulation.run import physics
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.world import World, stages

State = Mapping[str, Tensor]


class Noted(Scheduler):
    """A scheduler over this process, which also notes what it was asked for, in order."""

    def __init__(self, store: Store, together: Together) -> None:
        super().__init__(store, Serial(store), environment(), together)
        self.noted: list[tuple[str, Recipe]] = []

    def submit(self, recipe: Recipe) -> Any:
        handle = super().submit(recipe)
        self.noted.append((handle.key, recipe))
        return handle


@dataclass(frozen=True)
class Played:
    """A world that has run to its end."""

    blueprint: Blueprint
    world: World
    run: Run
    compute: Noted

    def of(self, stage: str) -> list[tuple[str, Recipe]]:
        """Keys and recipes of a stage, in order."""
        return [(key, recipe) for key, recipe in self.compute.noted if recipe.stage == stage]

    def facts(self, key: str) -> Facts:
        return self.compute.settled(key)

    def trained(self) -> dict[int, tuple[str, Recipe]]:
        """Update -> the key and recipe of its training, client by client in the order of tasks."""
        found = {}
        for profile in self.blueprint.profiles:
            updates = self.run.updates
            begun = sorted(updates[(updates.client == profile.name) & (updates.fate != "skipped")]["update"])
            own = [
                (key, recipe)
                for key, recipe in self.compute.noted
                if recipe.stage.endswith(".train") and recipe.params["client"] == profile.index
            ]
            found |= dict(zip(begun, own, strict=True))
        return found

    def shared(self, stage: str) -> tuple[str, ...]:
        """Groups that a stage (``instruction.train`` or ``instruction``) uploads."""
        name = stage.partition(".")[0]
        return next(found.shared for found in stages(self.blueprint) if found.name == name)

    def state(self, reference: str) -> State:
        return self.compute.state(reference)

    def merged(self, key: str, groups: tuple[str, ...]) -> dict[str, Tensor]:
        """The tensors of several groups of a result."""
        return {name: tensor for group in groups for name, tensor in self.state(f"{key}/{group}").items()}

    def declared(self, stage: str, client: int) -> tuple[TensorShape, ...]:
        (found,) = (found for found in stages(self.blueprint) if found.name == stage)
        return found.upload_tensors(self.blueprint.profiles[client])


def played(folder: Path, **changes: Any) -> Played:
    """Run a small scenario with real training; every conservation law is checked."""
    folder.mkdir(parents=True, exist_ok=True)
    blueprint, recorder = prepared(folder, **changes).blueprint, MemoryRecorder()
    compute = Noted(Store(folder / "store"), fusion(blueprint))
    world = World(blueprint, compute, recorder)
    world.run()
    run = recorder.run(physics(blueprint))
    check(run)
    return Played(blueprint, world, run, compute)

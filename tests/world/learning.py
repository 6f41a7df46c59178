"""Worlds that learn without training: results are a hash of their recipe, so that who shares a batch never shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from worlds import blueprint_of

from pwffsim.compute.batch import Batch
from pwffsim.compute.fusion import Together, alone
from pwffsim.compute.recipe import Facts, Recipe, address
from pwffsim.compute.scheduler import Scheduler
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.runs.records import Record
from pwffsim.world.world import World

Diverges = Callable[[Recipe], bool]


def facts_of(recipe: Recipe, diverges: Diverges) -> Facts:
    """Numbers between 0 and 1 out of a recipe's address."""
    number = int(address([recipe.stage, recipe.params])[:8], 16) / 16**8
    losses = {f"{objective}_loss": number for objective in ("helpfulness", "harmlessness")}
    facts = {"loss": number, "reward_weighted": number, "generated_tokens": 20, **losses}
    return {**facts, "digest": address([number]), "finite": not diverges(recipe)}


@dataclass
class Pretender:
    """An executor that hashes, and the memory in which its results lie.

    Attributes:
        ran: what was carried out.
    """

    diverges: Diverges = lambda recipe: False
    ran: list[Recipe] = field(default_factory=list)
    slots: int = 1

    def __post_init__(self) -> None:
        self._done: list[tuple[Batch, list[Facts]]] = []
        self._held: set[str] = set()

    def start(self, batch: Batch) -> None:
        self.ran.extend(batch.recipes)
        self._held.update(batch.places)
        self._done.append((batch, [facts_of(recipe, self.diverges) for recipe in batch.recipes]))

    def finished(self, wait_s: float) -> list[tuple[Batch, list[Facts]]]:
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Nothing."""

    def facts(self, place: str) -> None:
        """As a store: nothing of earlier runs."""

    def whole(self, place: str) -> bool:
        return place in self._held


class Noting(MemoryRecorder):
    """A recorder that also keeps the records of all tables in one row."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Record] = []

    def _record(self, table: str, record: Record, *extra: str) -> None:
        super()._record(table, record, *extra)
        self.noted.append(record)


@dataclass
class Learnt:
    """A world that learns.

    Attributes:
        ended: what ended it; None when it played to its end.
    """

    world: World
    compute: Scheduler
    pretender: Pretender
    recorder: Noting
    ended: Exception | None = None

    @property
    def records(self) -> list[Record]:
        return self.recorder.noted

    def ran(self, stage: str, client: int | None = None) -> list[Recipe]:
        own = [recipe for recipe in self.pretender.ran if recipe.stage == stage]
        return [recipe for recipe in own if client is None or recipe.params["client"] == client]


def learn(settings: dict[str, Any], together: Together = alone, diverges: Diverges = lambda recipe: False) -> Learnt:
    """Play a world."""
    pretender, recorder = Pretender(diverges), Noting()
    compute = Scheduler(pretender, pretender, "test", together)  # type: ignore[arg-type]
    learnt = Learnt(World(blueprint_of(settings), compute, recorder), compute, pretender, recorder)
    try:
        learnt.world.run()
    except Exception as error:
        learnt.ended = error
    return learnt

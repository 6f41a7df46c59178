"""The scheduler: remembers what the world announces, and has computed what somebody needs.

A recipe runs when its facts are wanted, or those of one that rests on it; what nobody wants never runs. Everything that
is wanted at once is dealt into batches (:mod:`pwffsim.compute.fusion`), found in the store where it lies there, and
handed to the executor in an order that never waits for more than it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pwffsim.compute import fusion
from pwffsim.compute.batch import Batch, batch
from pwffsim.compute.counts import Counts
from pwffsim.compute.course import Course, Node
from pwffsim.compute.executors.answer import Failure
from pwffsim.compute.executors.executor import Executor
from pwffsim.compute.fusion import Together
from pwffsim.compute.recipe import Facts, Handle, Recipe, split_reference
from pwffsim.compute.store import Store

if TYPE_CHECKING:
    from torch import Tensor

_LOOK_EVERY_S = 0.2
"""How often a wait for workers is interrupted, to see whether the run should stop."""


@dataclass(frozen=True)
class _Lazy:
    key: str
    scheduler: Scheduler

    def part(self, name: str) -> str:
        return f"{self.key}/{name}"

    def facts(self) -> Facts:
        return self.scheduler.settled(self.key)

    def known(self) -> bool:
        return self.scheduler.knows(self.key)


class Scheduler:
    """Lazy, fused, parallel execution of recipes.

    Args:
        store: where results are kept and found.
        executor: who computes.
        environment: digest of what computes.
        together: who may share a batch.
        checkpoint: called between batches; it may raise to stop.
    """

    learns = True

    def __init__(
        self,
        store: Store,
        executor: Executor,
        environment: str,
        together: Together = fusion.alone,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        self.counts = Counts()
        self._store = store
        self._executor = executor
        self._environment = environment
        self._together = together
        self._checkpoint = checkpoint
        self._announced: dict[str, tuple[int, Recipe]] = {}
        self._nodes: dict[str, Node] = {}
        self._places: dict[str, str] = {}
        self._facts: dict[str, Facts] = {}
        self._computed: set[Node] = set()

    def submit(self, recipe: Recipe) -> _Lazy:
        """Remember the recipe under its key."""
        key = recipe.key()
        if key not in self._announced and key not in self._nodes:
            self._announced[key] = self.counts.announced, recipe
            self.counts.announced += 1
        return _Lazy(key, self)

    def settle(self, handles: Iterable[Handle], tell: Callable[[], None] = lambda: None) -> None:
        """Compute all of these, and what they rest on.

        Raises:
            ComputeError: when a stage fails: of several that do, the one that was dealt first.
        """
        wanted = self._dealt([handle.key for handle in handles])
        missing = self._with_inputs([node for node in wanted if not self._known(node)])
        tell()
        self._compute(missing, tell)

    def settled(self, key: str) -> Facts:
        """The facts of a recipe, computed if need be."""
        if not self.knows(key):
            self.settle([_Lazy(key, self)])
        return self._facts[key]

    def knows(self, key: str) -> bool:
        """Whether a recipe is settled."""
        return key in self._facts

    def state(self, reference: str) -> Mapping[str, Tensor]:
        """The tensors behind a reference, computed if need be (for tests and exports)."""
        key, part = split_reference(reference)
        self._compute(self._with_inputs([n for n in self._dealt([key]) if not self._readable(n)]), lambda: None)
        return self._store.state(self._places[key], part)

    def close(self) -> None:
        """Let the workers go."""
        self._executor.close()

    def _dealt(self, wanted: Sequence[str]) -> list[Node]:
        """The batches of what is wanted; what was not before is dealt now, with all that it rests on."""
        new = self._not_yet_dealt(wanted)
        self.counts.wanted += len(new)
        for keys in fusion.groups(new, self._together):
            made = batch([new[key] for key in keys], self._places.__getitem__, self._environment)
            node = Node(len(self._places), made, keys, self._needs(new[key] for key in keys))
            self._places.update(zip(keys, made.places, strict=True))
            self._nodes.update(dict.fromkeys(keys, node))
        return list(dict.fromkeys(self._nodes[key] for key in wanted))

    def _not_yet_dealt(self, wanted: Sequence[str]) -> dict[str, Recipe]:
        """Recipes in the order in which they were announced: each after all that it rests on."""
        found: dict[str, tuple[int, Recipe]] = {}
        pending = list(wanted)
        while pending:
            key = pending.pop()
            if key in self._announced:
                found[key] = self._announced.pop(key)
                pending.extend(split_reference(reference)[0] for reference in found[key][1].inputs.values())
        return {key: found[key][1] for key in sorted(found, key=lambda key: found[key][0])}

    def _needs(self, recipes: Iterable[Recipe]) -> list[Node]:
        keys = (split_reference(reference)[0] for recipe in recipes for reference in recipe.inputs.values())
        return list(dict.fromkeys(self._nodes[key] for key in keys))

    def _with_inputs(self, missing: Sequence[Node]) -> list[Node]:
        """Batches that must be carried out, and before them those whose tensors they would not find."""
        readable = cache(self._readable)
        found: dict[Node, None] = {}
        pending = list(missing)
        while pending:
            node = pending.pop()
            if node not in found:
                found[node] = None
                pending.extend(need for need in node.needs if not readable(need))
        return list(found)

    def _known(self, node: Node) -> bool:
        """Whether the facts of a batch are known, or lie in the store."""
        if node.keys[0] in self._facts:
            return True
        stored = [facts for place in node.batch.places if (facts := self._store.facts(place)) is not None]
        if len(stored) < len(node.keys):
            return False
        self._note(node, stored)
        return True

    def _readable(self, node: Node) -> bool:
        """Whether all tensors of a batch lie in the store, undamaged."""
        return all(self._store.whole(place) for place in node.batch.places)

    def _note(self, node: Node, facts: Sequence[Facts]) -> None:
        self._facts.update(zip(node.keys, facts, strict=True))

    def _compute(self, missing: Sequence[Node], tell: Callable[[], None]) -> None:
        """Carry batches out, as many at once as the executor takes."""
        self._expect(missing)
        course, running = Course(missing), dict[Batch, Node]()
        while running or course.ready:
            self._checkpoint()
            while course.ready and len(running) < self._executor.slots:
                node = course.next()
                running[node.batch] = node
                self._executor.start(node.batch)
            for done, answer in self._executor.finished(_LOOK_EVERY_S):
                node = running.pop(done)
                if isinstance(answer, Failure):
                    course.failed(node, answer)
                else:
                    course.done(node)
                    self._count(node)
                    self._note(node, answer)
                    tell()
        course.strike()

    def _expect(self, missing: Sequence[Node]) -> None:
        self._computed.update(missing)
        self.counts.to_go = sum(len(node.keys) for node in missing)
        self.counts.reused = self.counts.wanted - sum(len(node.keys) for node in self._computed)

    def _count(self, node: Node) -> None:
        self.counts.computed += len(node.keys)
        self.counts.batches += 1
        self.counts.to_go -= len(node.keys)

"""The serial executor: recipes run in this process, one after another, when somebody needs what they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pwffsim.compute.environment import environment
from pwffsim.compute.recipe import ComputeError, Facts, Recipe, split_reference
from pwffsim.compute.store import Store


@dataclass(frozen=True)
class _Lazy:
    key: str
    executor: SerialCompute

    def part(self, name: str) -> str:
        return f"{self.key}/{name}"

    def facts(self) -> Facts:
        return self.executor.resolve(self.key)


class SerialCompute:
    """Runs a recipe on first demand and keeps its result in the store.

    Args:
        store: where results are kept and found.
        checkpoint: called before each recipe; it may raise to stop.
    """

    learns = True

    def __init__(self, store: Store, checkpoint: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._checkpoint = checkpoint
        self._environment = environment()
        self._recipes: dict[str, Recipe] = {}
        self._facts: dict[str, Facts] = {}

    @property
    def store(self) -> Store:
        """Where results are kept."""
        return self._store

    def submit(self, recipe: Recipe) -> _Lazy:
        """Remember the recipe under its key."""
        key = recipe.key(self._environment)
        self._recipes.setdefault(key, recipe)
        return _Lazy(key, self)

    def resolve(self, key: str) -> Facts:
        """The facts of a recipe, after running it and whatever it rests on.

        Raises:
            ComputeError: when a stage fails.
        """
        waiting = [key]
        while waiting:
            missing = self._missing_inputs(waiting[-1])
            if missing:
                waiting.extend(missing)
            else:
                self._finish(waiting.pop())
        return self._facts[key]

    def close(self) -> None:
        """Nothing to let go of."""

    def _missing_inputs(self, key: str) -> list[str]:
        if self._known(key):
            return []
        needed = (split_reference(reference)[0] for reference in self._recipes[key].inputs.values())
        return [other for other in needed if not self._known(other)]

    def _known(self, key: str) -> bool:
        if key not in self._facts and (facts := self._store.facts(key)) is not None:
            self._facts[key] = facts
            self._store.hits += 1
        return key in self._facts

    def _finish(self, key: str) -> None:
        if self._known(key):
            return
        self._checkpoint()
        from pwffsim.learning import stages

        recipe = self._recipes[key]
        inputs = {name: self._store.state(*split_reference(reference)) for name, reference in recipe.inputs.items()}
        try:
            result = stages.run(recipe.stage, {**recipe.params, **recipe.hints}, inputs)
        except Exception as error:
            raise ComputeError(f"{_title(recipe)} failed: {type(error).__name__}: {error}") from error
        self._store.put(key, result.parts, result.facts)
        self._facts[key] = result.facts
        self._store.misses += 1

    def state(self, reference: str) -> object:
        """The tensors behind a reference, computed if need be (for tests and exports)."""
        key, part = split_reference(reference)
        self.resolve(key)
        return self._store.state(key, part)


def _title(recipe: Recipe) -> str:
    client = recipe.params.get("client")
    return recipe.stage if client is None else f"{recipe.stage} of client {client}"

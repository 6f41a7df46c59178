"""One batch, from the store and back into it: what every executor's worker does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pwffsim.compute.batch import Batch
from pwffsim.compute.recipe import ComputeError, Facts, split_reference
from pwffsim.compute.store import Store

if TYPE_CHECKING:
    from torch import Tensor


def carry_out(batch: Batch, store: Store) -> list[Facts]:
    """Run the batch's stage; its results lie in the store afterwards. The facts of each recipe, as the store has them.

    Raises:
        ComputeError: when the stage fails, or the store cannot take its results.
    """
    try:
        return _carried_out(batch, store)
    except Exception as error:
        raise ComputeError(f"{batch.title} failed: {type(error).__name__}: {error}") from error


def _carried_out(batch: Batch, store: Store) -> list[Facts]:
    from pwffsim.learning import stages

    jobs = [stages.Job({**r.params, **r.hints}, _Inputs(store, r.inputs)) for r in batch.recipes]
    results = stages.run_together(batch.recipes[0].stage, jobs)
    return [store.put(place, r.parts, r.facts) for place, r in zip(batch.places, results, strict=True)]


class _Inputs(Mapping[str, "Mapping[str, Tensor]"]):
    """Input states by name, read from the store when they are looked at."""

    def __init__(self, store: Store, references: Mapping[str, str]) -> None:
        self._store = store
        self._references = references

    def __getitem__(self, name: str) -> Mapping[str, Tensor]:
        return self._store.state(*split_reference(self._references[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._references)

    def __len__(self) -> int:
        return len(self._references)

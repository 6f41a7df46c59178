"""The compute back-end of `pwffsim plan`: gives every recipe a number and computes none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from pwffsim.compute.recipe import Facts, Handle, NotPlanned, Recipe


@dataclass(frozen=True)
class _Unlearned:
    key: str
    stage: str

    def part(self, name: str) -> str:
        return f"{self.key}/{name}"

    def facts(self) -> Facts:
        raise NotPlanned(
            f"this scenario's timeline depends on the outcome of {self.stage}, which a plan does not compute; "
            "use `pwffsim run`, or settings whose durations are declared (fixed rounds, declared token counts)"
        )

    def known(self) -> bool:
        return False


class DryCompute:
    """Handles without results."""

    learns = False

    def __init__(self) -> None:
        self._serials = count()

    def submit(self, recipe: Recipe) -> _Unlearned:
        """A handle that refuses to tell facts. Its key tells results apart and is nobody's content address: no record
        holds it."""
        return _Unlearned(f"result {next(self._serials)}", recipe.stage)

    def settle(self, handles: Iterable[Handle], tell: Callable[[], None] = lambda: None) -> None:
        """Nothing is computed.

        Raises:
            NotPlanned: when something is wanted.
        """
        for handle in handles:
            handle.facts()

    def close(self) -> None:
        """Nothing to let go of."""

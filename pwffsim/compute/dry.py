"""The compute back-end of `pwffsim plan`: knows every recipe's name and computes none."""

from __future__ import annotations

from dataclasses import dataclass

from pwffsim.compute.recipe import Facts, NotPlanned, Recipe


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


class DryCompute:
    """Handles without results."""

    learns = False

    def submit(self, recipe: Recipe) -> _Unlearned:
        """A handle that knows its key and refuses to tell facts."""
        return _Unlearned(recipe.key("plan"), recipe.stage)

    def close(self) -> None:
        """Nothing to let go of."""

"""When a stage has learnt what it can."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from pwffsim.scenario.schema import Convergence


class Patience:
    """Ends a stage after `patience` evaluations in a row without an improvement of at least `min_delta`.

    Under the rule ``fixed`` the validation loss is never looked at, so that nothing need be trained to know it.
    """

    def __init__(self, settings: Convergence) -> None:
        self._settings = settings
        self._best = inf
        self._failures = 0

    def exhausted(self, validation_loss: Callable[[], float]) -> bool:
        """Whether it is time to stop."""
        if self._settings.rule == "fixed":
            return False
        loss = validation_loss()
        improved = loss < self._best - self._settings.min_delta
        self._failures = 0 if improved else self._failures + 1
        self._best = loss if improved else self._best
        return self._failures >= self._settings.patience

"""What comes of a batch: the facts of its recipes, or what went wrong. It can be sent between processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from pwffsim.compute.recipe import ComputeError, Facts


@dataclass(frozen=True)
class Failure:
    """What went wrong, and why, as far as it can be sent."""

    error: ComputeError
    cause: BaseException | None

    def strike(self) -> NoReturn:
        """Raise it here."""
        raise self.error from self.cause


Answer = list[Facts] | Failure
"""The facts of a batch, recipe by recipe; or what went wrong."""


def answer(work: Callable[[], list[Facts]]) -> Answer:
    """What comes of a piece of work that may raise ComputeError."""
    try:
        return work()
    except ComputeError as error:
        return Failure(error, error.__cause__ if _can_be_sent(error.__cause__) else None)


def _can_be_sent(cause: BaseException | None) -> bool:
    try:
        pickle.loads(pickle.dumps(cause))
    except Exception:  # whatever an exception of another library's makes of it
        return False
    return True

"""What several laws look for in a run, looked for once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from pwffsim.runs.load import Run

T = TypeVar("T")


def once(look: Callable[[Run], T]) -> Callable[[Run], T]:
    """A function of a run that remembers its answer as long as the run is there."""
    found: WeakKeyDictionary[Run, T] = WeakKeyDictionary()

    @wraps(look)
    def remembered(run: Run) -> T:
        if run not in found:
            found[run] = look(run)
        return found[run]

    return remembered

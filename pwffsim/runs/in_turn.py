"""Rows of a table one actor after another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def in_turn(actors: IntArray, start_ns: IntArray) -> IntArray:
    """The order int64[n] of rows by actor, numbers from 0 on, and each actor's by their start; equal ones as they are.

    Each actor's mostly are in order already. Then sorting the few actors is all that there is to do.
    """
    order = np.argsort(actors.astype(np.min_scalar_type(actors.max(initial=0))), kind="stable")
    actor, starts = actors[order], start_ns[order]
    back = (actor[1:] == actor[:-1]) & (starts[1:] < starts[:-1])
    return np.lexsort((start_ns, actors)) if back.any() else order

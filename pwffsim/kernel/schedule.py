"""SimPy's event heap with ordered ties, cancelled entries that have no effect, and no silent end."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import cast

import simpy
from simpy.events import NORMAL, Event, EventPriority

from pwffsim.kernel.faults import SimFault
from pwffsim.kernel.order import rank_of

_FEW = 64
"""Fewer cancelled entries than this are not worth a clean-up of the heap."""


class OrderedEnvironment(simpy.Environment):
    """A SimPy environment whose heap is ordered by (time, order, actor, insertion).

    An event with a true ``cancelled`` attribute is skipped: its callbacks don't run and the clock does not move to it.
    """

    def __init__(self, describe_waiting: Callable[[], str]) -> None:
        super().__init__(0)
        self.steps = 0
        self._describe_waiting = describe_waiting
        self._cancelled = 0

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: int | float = 0) -> None:
        """Put an event on the heap, ``delay`` nanoseconds from now."""
        rank = cast(EventPriority, rank_of(event, priority))
        heappush(self._queue, (self._now + delay, rank, next(self._eid), event))

    def note_cancelled(self) -> None:
        """One entry of the heap has been cancelled; rebuild the heap once most of it is dead."""
        self._cancelled += 1
        if self._cancelled > _FEW and 2 * self._cancelled > len(self._queue):
            self._queue[:] = [entry for entry in self._queue if not _is_cancelled(entry[3])]
            heapify(self._queue)
            self._cancelled = 0

    def step(self) -> None:
        """Process the next event. Raises SimFault if there is none."""
        while self._queue and _is_cancelled(self._queue[0][3]):
            heappop(self._queue)
            self._cancelled -= 1
        if not self._queue:
            raise SimFault(self._describe_waiting())
        self.steps += 1
        super().step()


def _is_cancelled(event: Event) -> bool:
    return getattr(event, "cancelled", False)

"""Ties at one instant have a total order: (time, order, actor, insertion)."""

from __future__ import annotations

from enum import IntEnum

from simpy.events import NORMAL, EventPriority

Rank = tuple[int, int]
"""(order, actor) of an event; lower goes first among the events of one instant."""


class Order(IntEnum):
    """Which of two things at the same instant happens first.

    A message that arrives at a deadline has arrived, work that completes as its client fails is complete, and a timer
    sees all that happened up to and at its instant. GRANT comes last: a free resource is given away after everybody
    who wanted it at that instant has said so. Immediate consequences of an event (a process ends, a plain event
    succeeds) run before the next of these.
    """

    DELIVERY = 1
    COMPLETION = 2
    FAULT = 3
    TIMER = 4
    GRANT = 5


def rank_of(event: object, priority: EventPriority) -> Rank:
    """The rank of an event: its own ``rank``; without one, SimPy's priority: initialisation and interrupts (-1)
    before immediate consequences (0), both before every Order."""
    own = getattr(event, "rank", None)
    if own is not None and priority == NORMAL:
        return own
    return (priority - NORMAL, 0)

"""The clock and the processes of a simulation: SimPy with integer nanoseconds and explicit ends."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any, SupportsFloat, SupportsIndex

from simpy.events import AllOf, Event, Process

from pwffsim.kernel.faults import SimFault, origin
from pwffsim.kernel.guard import Guarded, ProcessGenerator
from pwffsim.kernel.order import Order
from pwffsim.kernel.schedule import OrderedEnvironment
from pwffsim.kernel.signals import Signal
from pwffsim.kernel.timers import Timer

NS_PER_S = 1_000_000_000
_NAMED = 12
"""So many waiting processes are named in a deadlock's message."""


def ns(seconds: SupportsFloat | SupportsIndex) -> int:
    """Seconds as the nearest integer number of nanoseconds. Raises SimFault for nan, infinite and negative values."""
    if isinstance(seconds, (bool, str)):
        raise SimFault(f"a time in seconds is a number, not {seconds!r}")
    if isinstance(seconds, int):
        value_ns = seconds * NS_PER_S
    else:
        value_s = float(seconds)
        if not math.isfinite(value_s):
            raise SimFault(f"a time in seconds is finite, not {seconds!r}")
        value_ns = round(value_s * NS_PER_S)
    if value_ns < 0 or seconds < 0:  # type: ignore[operator]
        raise SimFault(f"a time in seconds is not negative: {seconds!r}")
    return value_ns


def seconds(ns: int) -> float:
    """Nanoseconds as seconds."""
    return ns / NS_PER_S


def checked_ns(value: SupportsIndex, what: str) -> int:
    """An integer >= 0 (also one of numpy's). Raises SimFault for bool, float and negative values."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise SimFault(f"{what} is an integer number of nanoseconds, not {value!r} (use ns(seconds))")
    value_ns = operator.index(value)
    if value_ns < 0:
        raise SimFault(f"{what} is not negative: {value!r}")
    return value_ns


class Kernel:
    """Runs processes (generators that yield events) on one integer-nanosecond clock that starts at 0.

    Events of one instant happen in the order (order, actor, insertion); see ``Order``. An exception that no process
    handles leaves ``run`` as itself, with a note that names the process and the simulated time.
    """

    def __init__(self) -> None:
        self.env = OrderedEnvironment(self._describe_waiting)
        self._alive: dict[Process, None] = {}

    @property
    def now_ns(self) -> int:
        """Simulated time in nanoseconds."""
        return int(self.env.now)

    @property
    def now_s(self) -> float:
        """Simulated time in seconds."""
        return seconds(self.now_ns)

    @property
    def events(self) -> int:
        """How many events have been processed."""
        return self.env.steps

    def timeout(
        self, duration_ns: SupportsIndex, value: Any = None, *, order: Order = Order.TIMER, actor: int = 0
    ) -> Timer:
        """A timer that fires ``duration_ns`` from now with ``value``. Raises SimFault unless it is an int >= 0."""
        return Timer(self.env, checked_ns(duration_ns, "a duration"), value, (order, actor))

    def at(self, time_ns: SupportsIndex, value: Any = None, *, order: Order = Order.TIMER, actor: int = 0) -> Timer:
        """A timer that fires at an absolute time. Raises SimFault if that is past."""
        target_ns = checked_ns(time_ns, "a time")
        if target_ns < self.now_ns:
            raise SimFault(f"{target_ns} ns is past: it is {self.now_ns} ns")
        return Timer(self.env, target_ns - self.now_ns, value, (order, actor))

    def event(self, *, order: Order | None = None, actor: int = 0) -> Signal:
        """An event to succeed or fail by hand; without ``order`` it runs as an immediate consequence."""
        return Signal(self.env, None if order is None else (order, actor))

    def process(self, generator: ProcessGenerator, name: str) -> Process:
        """Start a process at this instant. It is an event too: its value is what the generator returns."""
        if not (hasattr(generator, "send") and hasattr(generator, "throw")):
            raise SimFault(f"process {name!r} needs a generator, not {generator!r} (does the function yield?)")
        process = Process(self.env, Guarded(self.env, generator, name))
        self._alive[process] = None
        process.callbacks.append(lambda _: self._alive.pop(process))
        return process

    def all_of(self, events: Iterable[Event]) -> AllOf:
        """An event that happens when all of them have happened."""
        return AllOf(self.env, events)

    def run(self, until: Event) -> Any:
        """Process events until ``until`` has happened and return its value.

        Raises SimFault("deadlock: ...") naming the waiting processes if nothing is left to happen before, and whatever
        a process raised that nobody handled.
        """
        if not isinstance(until, Event) or until.env is not self.env:
            raise SimFault(f"run() stops on an event of this kernel, not on {until!r}")
        if until.callbacks is None:
            return until.value
        done = Signal(self.env)
        until.callbacks.append(lambda event: _pass_on(event, done))
        try:
            return self.env.run(done)
        except SimFault as fault:
            failure = origin(fault)
        raise failure

    def _describe_waiting(self) -> str:
        names = [f"{process.name} (waits for {_wait(process)})" for process in self._alive]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        waiting = ", ".join(names[:_NAMED]) + more if names else "no process is left"
        return f"deadlock: at {self.now_ns} ns nothing is left to happen, but the end was not reached: {waiting}"


def _pass_on(event: Event, done: Signal) -> None:
    if not event.ok:
        event.defused = True
    done.trigger(event)


def _wait(process: Process) -> str:
    return process.target._desc() if process.target is not None else "nothing"

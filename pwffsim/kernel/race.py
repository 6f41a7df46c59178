"""Wait for the first of several events; the others are withdrawn without loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simpy.events import Event

from pwffsim.kernel.clock import Kernel
from pwffsim.kernel.faults import SimFault
from pwffsim.kernel.signals import Cancellable, Signal


class Race(Cancellable):
    """The first of ``runners`` to happen wins: the value is ``(name, value)``; a failed winner fails the race.

    The losers are let go: timers and requests that nobody else listens to are cancelled. While nobody waits for the
    race, it holds on to none of its runners.
    """

    def __init__(self, kernel: Kernel, runners: dict[str, Event]) -> None:
        super().__init__(kernel.env)
        self._runners = runners
        self._listening: dict[str, Callable[[Event], None]] = {}

    def wanted(self) -> None:
        """Start to listen to all runners; one that has already happened wins at once."""
        past = next((name for name, runner in self._runners.items() if runner.processed), None)
        if past is not None:
            call = Signal(self.env)
            call.callbacks.append(lambda _: self._finish(past))
            call.succeed()
            return
        for name, runner in self._runners.items():
            self._listening[name] = partial(self._won, name)
            runner.callbacks.append(self._listening[name])

    def unwanted(self) -> None:
        """Stop listening, so that no runner's value is taken for nobody."""
        for name, callback in self._listening.items():
            callbacks = self._runners[name].callbacks
            if callbacks is not None:
                callbacks.remove(callback)
        self._listening.clear()

    def cancel(self) -> bool:
        """Withdraw the race and its runners; False if it is over."""
        cancelled = super().cancel()
        if cancelled:
            self._let_go()
        return cancelled

    def _won(self, name: str, _: Event) -> None:
        self._finish(name)

    def _finish(self, name: str) -> None:
        if self.processed or not self.callbacks:
            return
        winner = self._runners[name]
        self.unwanted()
        self._let_go()
        if winner.ok:
            self.deliver((name, winner.value))
        else:
            winner.defused = True
            self.deliver(winner._value, ok=False)

    def _let_go(self) -> None:
        for runner in self._runners.values():
            if isinstance(runner, Cancellable) and not runner.callbacks:
                runner.cancel()

    def _desc(self) -> str:
        return "the first of " + ", ".join(f"{name} ({runner._desc()})" for name, runner in self._runners.items())


def race(kernel: Kernel, **events: Event) -> Race:
    """The event that ``(name, value)`` of the first of ``events`` has happened; the losers are cancelled.

    Two that happen at the same instant are told apart by the kernel's order (time, order, actor, insertion). Raises
    SimFault for a race of nothing, or with a runner of another kernel.
    """
    if not events:
        raise SimFault("a race needs at least one event")
    for name, event in events.items():
        if not isinstance(event, Event) or event.env is not kernel.env:
            raise SimFault(f"{name}={event!r} is not an event of this kernel")
    return Race(kernel, events)

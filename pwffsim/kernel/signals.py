"""Events that know whether anybody still wants them.

SimPy's requests act whether or not somebody waits for them; that is how an item is handed to a dead consumer. Here a
request acts only while it has a listener, and its answer reaches the listener in the same call: there is no moment
between "granted" and "received" in which anything could be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpy.events import Event

from pwffsim.kernel.faults import SimFault, as_fault
from pwffsim.kernel.order import Rank
from pwffsim.kernel.schedule import OrderedEnvironment

Callback = Callable[[Event], None]


class Signal(Event):
    """A plain event that somebody makes succeed or fail; ``rank`` places it among others of the same instant."""

    def __init__(self, env: OrderedEnvironment, rank: Rank | None = None) -> None:
        super().__init__(env)
        self.rank = rank

    def fail(self, exception: Exception) -> Event:
        """Fail with any exception, also one that SimPy could not copy."""
        fault = as_fault(exception, "a failed event")
        assert isinstance(fault, Exception)
        return super().fail(fault)


class _Listeners(list[Callback]):
    """The callbacks of one Cancellable, which is told when it becomes wanted and unwanted."""

    def __init__(self, owner: Cancellable) -> None:
        super().__init__()
        self._owner = owner

    def append(self, callback: Callback) -> None:
        self._owner.admit(len(self))
        super().append(callback)
        if len(self) == 1:
            self._owner.wanted()

    def remove(self, callback: Callback) -> None:
        super().remove(callback)
        if not self:
            self._owner.unwanted()


class Cancellable(Event):
    """An event that can be withdrawn. Subclasses say what happens when it becomes ``wanted`` and ``unwanted``."""

    shareable = False
    """Whether several may listen to it (an item or a grant can go to one only)."""

    env: OrderedEnvironment

    def __init__(self, env: OrderedEnvironment) -> None:
        super().__init__(env)
        self.callbacks = _Listeners(self)
        self.cancelled = False

    def admit(self, listeners: int) -> None:
        """Let one more listen. Raises SimFault where nobody or only one may."""
        if self.cancelled:
            raise SimFault(f"{self._desc()} was cancelled (as the loser of a race?): make a new one to wait for")
        if listeners and not self.shareable:
            raise SimFault(f"{self._desc()} has a listener already: each waiter needs its own")

    def wanted(self) -> None:
        """Somebody has begun to listen."""

    def unwanted(self) -> None:
        """The last listener has gone."""

    def cancel(self) -> bool:
        """Withdraw it; False if it has already happened. Raises SimFault while somebody listens."""
        if self.processed or self.cancelled:
            return False
        if self.callbacks:
            raise SimFault(f"{self._desc()} cannot be cancelled: somebody still waits for it")
        self.cancelled = True
        return True

    def deliver(self, value: Any, *, ok: bool = True) -> None:
        """Happen now: hand ``value`` to the listeners within this call. With ``ok=False`` the value is an exception."""
        self._ok, self._value = ok, value
        callbacks = list(self.callbacks)
        self.callbacks = None  # type: ignore[assignment]
        for callback in callbacks:
            callback(self)
        if not ok and not self.defused:
            raise value

"""Timers that can be cancelled."""

from __future__ import annotations

from typing import Any

from simpy.events import NORMAL

from pwffsim.kernel.order import Rank
from pwffsim.kernel.schedule import OrderedEnvironment
from pwffsim.kernel.signals import Cancellable


class Timer(Cancellable):
    """Fires ``duration_ns`` from now. A cancelled timer never fires, never moves the clock, and leaves the heap."""

    shareable = True

    def __init__(self, env: OrderedEnvironment, duration_ns: int, value: Any, rank: Rank) -> None:
        super().__init__(env)
        self.duration_ns = duration_ns
        self.rank = rank
        self._ok, self._value = True, value
        env.schedule(self, NORMAL, duration_ns)

    def cancel(self) -> bool:
        """Withdraw the timer; False if it has already fired. Raises SimFault while somebody waits for it."""
        cancelled = super().cancel()
        if cancelled:
            self.env.note_cancelled()
        return cancelled

    def _desc(self) -> str:
        return f"timer of {self.duration_ns} ns"

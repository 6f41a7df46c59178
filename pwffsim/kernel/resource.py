"""One-at-a-time use of something shared, such as a radio channel."""

from __future__ import annotations

from bisect import insort

from simpy.events import Event

from pwffsim.kernel.clock import Kernel
from pwffsim.kernel.faults import SimFault
from pwffsim.kernel.order import Order
from pwffsim.kernel.signals import Cancellable, Signal

Place = tuple[int, int, int]
"""(time of asking in ns, actor, running number): the order in which a medium is granted."""


class Acquire(Cancellable):
    """An actor's wish to have the medium; it counts while somebody listens."""

    def __init__(self, medium: Medium, actor: int) -> None:
        super().__init__(medium.kernel.env)
        self.actor = actor
        self._medium = medium

    def wanted(self) -> None:
        """Queue up."""
        self._medium._enqueue(self)

    def unwanted(self) -> None:
        """Leave the queue."""
        self._medium._withdraw(self)

    def _desc(self) -> str:
        return f"{self._medium.name} (actor {self.actor})"


class Medium:
    """Held by one actor at a time, first come first served; who asks at the same instant is served by actor number.

    An actor that goes away while it queues leaves the queue; a grant is made in the call that resumes its actor, so
    none is ever held by nobody.
    """

    def __init__(self, kernel: Kernel, name: str = "the medium") -> None:
        self.kernel = kernel
        self.name = name
        self._holder: int | None = None
        self._queue: list[tuple[Place, Acquire]] = []
        self._asked = 0
        self._arbitrating = False

    @property
    def holder(self) -> int | None:
        """The actor that has the medium, or None."""
        return self._holder

    def __len__(self) -> int:
        """How many wait."""
        return len(self._queue)

    def acquire(self, actor: int) -> Acquire:
        """An event for ``actor`` to yield; it then has the medium until it calls ``release``."""
        return Acquire(self, actor)

    def release(self, actor: int) -> None:
        """Give the medium back. Raises SimFault unless ``actor`` has it."""
        if self._holder != actor:
            raise SimFault(f"actor {actor} released {self.name}, but its holder is {self._holder}")
        self._holder = None
        self._arbitrate_soon()

    def _enqueue(self, acquire: Acquire) -> None:
        if acquire.actor == self._holder or any(other.actor == acquire.actor for _, other in self._queue):
            raise SimFault(f"actor {acquire.actor} already has or awaits {self.name}")
        self._asked += 1
        place = (self.kernel.now_ns, acquire.actor, self._asked)
        insort(self._queue, (place, acquire), key=lambda entry: entry[0])
        self._arbitrate_soon()

    def _withdraw(self, acquire: Acquire) -> None:
        self._queue = [entry for entry in self._queue if entry[1] is not acquire]

    def _arbitrate_soon(self) -> None:
        if self._holder is None and self._queue and not self._arbitrating:
            self._arbitrating = True
            arbitration = Signal(self.kernel.env, (Order.GRANT, 0))
            arbitration.callbacks.append(self._arbitrate)
            arbitration.succeed()

    def _arbitrate(self, _arbitration: Event) -> None:
        self._arbitrating = False
        if self._holder is None and self._queue:
            _, acquire = self._queue.pop(0)
            self._holder = acquire.actor
            acquire.deliver(None)

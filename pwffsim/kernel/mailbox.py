"""A mailbox that cannot lose an item."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from simpy.events import Event

from pwffsim.kernel.clock import Kernel
from pwffsim.kernel.order import Order
from pwffsim.kernel.signals import Cancellable, Signal

T = TypeVar("T")


class Receive(Cancellable, Generic[T]):
    """A wish for the next item of a mailbox; it counts while somebody listens, and has no effect otherwise."""

    def __init__(self, mailbox: Mailbox[T]) -> None:
        super().__init__(mailbox.kernel.env)
        self._mailbox = mailbox

    def wanted(self) -> None:
        """Queue up behind the other receivers."""
        self._mailbox._enqueue(self)

    def unwanted(self) -> None:
        """Leave the queue; the item that might have come stays for the next receiver."""
        self._mailbox._withdraw(self)

    def _desc(self) -> str:
        return f"an item in {self._mailbox.name}"


class Mailbox(Generic[T]):
    """Items leave in the order in which they were posted, each to one receiver; receivers are served in turn.

    An item stays in the mailbox until the very call that resumes its receiver. Deliveries of one instant to several
    mailboxes happen in the order of their ``actor``.
    """

    def __init__(self, kernel: Kernel, name: str = "a mailbox", *, actor: int = 0) -> None:
        self.kernel = kernel
        self.name = name
        self._rank = (Order.DELIVERY, actor)
        self._items: deque[T] = deque()
        self._waiting: deque[Receive[T]] = deque()
        self._knocked = False

    def __len__(self) -> int:
        return len(self._items)

    def post(self, item: T) -> None:
        """Put an item in, now."""
        self._items.append(item)
        self._knock()

    def receive(self) -> Receive[T]:
        """An event whose value is the next item, for one process to yield or to race."""
        return Receive(self)

    def take_back(self, unwanted: Callable[[T], bool]) -> list[T]:
        """Remove the items that nobody has received yet and that are ``unwanted``; they are returned in order."""
        items, self._items = self._items, deque()
        taken: list[T] = []
        for item in items:
            (taken if unwanted(item) else self._items).append(item)
        return taken

    def _enqueue(self, receive: Receive[T]) -> None:
        self._waiting.append(receive)
        self._knock()

    def _withdraw(self, receive: Receive[T]) -> None:
        self._waiting.remove(receive)

    def _knock(self) -> None:
        if self._items and self._waiting and not self._knocked:
            self._knocked = True
            delivery = Signal(self.kernel.env, self._rank)
            delivery.callbacks.append(self._serve)
            delivery.succeed()

    def _serve(self, _: Event) -> None:
        self._knocked = False
        if self._items and self._waiting:
            receive = self._waiting.popleft()
            receive.deliver(self._items.popleft())
        self._knock()

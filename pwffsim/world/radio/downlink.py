"""How the server's states reach clients that ask for them: one by one, or all who ask at once together."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

from channel_models.transfer.broadcast import broadcast
from channel_models.transfer.transmission import Transmission
from pwffsim.kernel.clock import Kernel, ns, seconds
from pwffsim.kernel.order import Order
from pwffsim.kernel.resource import Medium
from pwffsim.kernel.signals import Signal
from pwffsim.runs.records import SpanKind
from pwffsim.world.radio.air import Air, Leave
from pwffsim.world.radio.rider import Rider


class Delivery(Protocol):
    """A way of bringing a payload to a client in a cell.

    Attributes:
        for_all: whether the cell sends from one copy to whoever asks; else each client has a copy of its own.
    """

    for_all: bool

    def ride(self, rider: Rider, cell: int, content: Hashable, leave: Leave) -> Generator[Any, Any, bool]:
        """Carry the payload until it has arrived (True) or it is time to leave (False).

        ``content`` is equal for two riders who want the same bits."""
        ...


class Unicast:
    """To each client on its own, over the cell's air."""

    for_all = False

    def __init__(self, airs: list[Air]) -> None:
        self._airs = airs

    def ride(self, rider: Rider, cell: int, content: Hashable, leave: Leave) -> Generator[Any, Any, bool]:
        return (yield from self._airs[cell].ride(rider, leave))


@dataclass(eq=False)
class _Audience:
    """Clients of one cell that want the same thing at the same instant."""

    riders: list[Rider]
    served: Signal
    began_ns: int = field(default=0)


class Broadcast:
    """To all clients of a cell that ask for the same bits at the same instant, at the rate of whoever hears worst.

    Every packet is sent until all of them have it. A cell sends one broadcast at a time, first come first served. Who
    changes cells in the queue or while it is on listens to the end over the old cell, whose name its message bears; the
    end is known at the start, and LinkStalled is raised where it is farther off than the links allow, or than ten hours
    where the links change on the way: who walks away for ever may never hear the end.
    """

    for_all = True

    def __init__(self, kernel: Kernel, cells: list[str]) -> None:
        self._kernel = kernel
        self._bands = [Medium(kernel, f"the downlink of {cell}") for cell in cells]
        self._gathering: dict[tuple[int, Hashable], _Audience] = {}
        self._sent = 0

    def ride(self, rider: Rider, cell: int, content: Hashable, leave: Leave) -> Generator[Any, Any, bool]:
        asked_ns = self._kernel.now_ns
        audience = self._join(rider, cell, content)
        yield audience.served
        rider.note(SpanKind.QUEUE, asked_ns, audience.began_ns)
        rider.note(SpanKind.DOWNLOAD, audience.began_ns)
        return True

    def _join(self, rider: Rider, cell: int, content: Hashable) -> _Audience:
        """The audience that gathers at this instant; whoever opens it also has it served."""
        audience = self._gathering.get((cell, content))
        if audience is None:
            audience = _Audience([], self._kernel.event())
            self._gathering[cell, content] = audience
            self._sent += 1
            self._kernel.process(self._serve(audience, cell, content, self._sent), "a broadcast")
        audience.riders.append(rider)
        return audience

    def _serve(self, audience: _Audience, cell: int, content: Hashable, number: int) -> Generator[Any, Any, None]:
        closing = self._kernel.event(order=Order.GRANT, actor=cell)
        closing.succeed()
        yield closing
        del self._gathering[cell, content]
        yield self._bands[cell].acquire(number)
        audience.began_ns = self._kernel.now_ns
        transmission = self._send(audience)
        yield self._kernel.at(max(ns(transmission.finish_s), self._kernel.now_ns), order=Order.DELIVERY, actor=number)
        self._bands[cell].release(number)
        audience.served.succeed()

    def _send(self, audience: _Audience) -> Transmission:
        """One transmission for everybody."""
        riders = audience.riders
        indices = [rider.transfer_index for rider in riders]
        now_s = seconds(self._kernel.now_ns)
        transmission = broadcast([rider.link for rider in riders], now_s, riders[0].payload_bytes, indices)
        for rider in riders:
            rider.transmission = transmission
        return transmission

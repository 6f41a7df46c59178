"""The wires behind the cells: store and forward, one message at a time on each link and direction."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from itertools import pairwise
from typing import Any

from simpy.events import Process

from channel_models.geometry.topology import Topology
from pwffsim.kernel.clock import Kernel, ns, seconds
from pwffsim.kernel.order import Order
from pwffsim.kernel.resource import Medium
from pwffsim.runs.records import SERVER, SpanKind
from pwffsim.world.diary import Diary, Recorder
from pwffsim.world.tasks import Task, about

BITS_PER_BYTE = 8


class Backbone:
    """Carries messages between cells and the server over the quickest route.

    Args:
        kernel: the clock.
        recorder: where the links' spans go.
        topology: nodes and links.
    """

    def __init__(self, kernel: Kernel, recorder: Recorder, topology: Topology) -> None:
        self._kernel = kernel
        self._topology = topology
        directed = [pair for link in topology.links for pair in (link.ends, link.ends[::-1])]
        self._pipes = {pair: Medium(kernel, name_of(*pair)) for pair in directed}
        self._diaries = {pair: Diary(kernel, recorder, name_of(*pair)) for pair in directed}
        self._copies: dict[tuple[str, Hashable], Process] = {}

    def carry(self, source: str, target: str, size_bytes: int, task: Task, note: str = "") -> Generator[Any, Any, None]:
        """Bring a message from node to node; each link has it whole before the next one begins."""
        if size_bytes == 0:
            return
        route = self._topology.route(source, target, BITS_PER_BYTE * size_bytes)
        for hop in pairwise(route.nodes):
            yield from self._pass(hop, size_bytes, task, note)

    def supply(self, cell: str, content: Hashable, size_bytes: int, task: Task) -> Process:
        """The way of the server's states to a cell for all who listen there, an event to wait for. They cross once:
        whoever asks on the way waits for the same copy, and the cell keeps it. Its hops note the cell."""
        key = (cell, content)
        if key not in self._copies:
            way = self.carry(SERVER, cell, size_bytes, task, note=cell)
            self._copies[key] = self._kernel.process(way, f"a copy for {cell}")
        return self._copies[key]

    def close(self) -> None:
        """The end of the run."""
        for diary in self._diaries.values():
            diary.close()

    def _pass(self, hop: tuple[str, str], size_bytes: int, task: Task, note: str) -> Generator[Any, Any, None]:
        pipe, link = self._pipes[hop], self._topology.link(*hop)
        yield pipe.acquire(task.update)
        start_ns = self._kernel.now_ns
        arrival_ns = ns(link.transfer(seconds(start_ns), BITS_PER_BYTE * size_bytes))
        sent_ns = max(arrival_ns - ns(link.delay_s), start_ns)
        yield self._kernel.at(sent_ns, order=Order.DELIVERY, actor=task.update)
        facts = about(task)
        self._diaries[hop].write(SpanKind.BACKHAUL, start_ns, sent_ns, **facts, size_bytes=size_bytes, note=note)
        pipe.release(task.update)
        yield self._kernel.at(arrival_ns, order=Order.DELIVERY, actor=task.update)


def name_of(source: str, target: str) -> str:
    """Name of a directed link on the timeline."""
    return f"{source}>{target}"

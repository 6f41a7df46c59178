"""The course of a computation: each batch after those that it rests on, otherwise as they were dealt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from pwffsim.compute.batch import Batch
from pwffsim.compute.executors.answer import Failure


@dataclass(frozen=True, eq=False)
class Node:
    """A batch among others.

    Attributes:
        number: when it was dealt, after all that it rests on.
        batch: what is to be done.
        keys: of its recipes.
        needs: batches whose results it reads.
    """

    number: int
    batch: Batch
    keys: Sequence[str]
    needs: Sequence[Node]


Turn = tuple[float, int]
"""Depth, and for equal ones when it was dealt."""

_LAG = 1.5
"""How many steps of the longest way a batch that nobody rests on may be put off."""


class Course:
    """Which batch may begin next: by its depth, the number of batches on the longest way to it. Those that nobody rests
    on, such as evaluations, are put off a little: they fill the time in which workers would wait for a sum.

    After a failure those whose turn was before it are still carried out, and no others: so the failure that is reported
    in the end, that of the earliest batch, is the same however many are under way at once.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        ahead = set(nodes)
        self._waits_for = {node: {need for need in node.needs if need in ahead} for node in nodes}
        self._awaited: dict[Node, list[Node]] = {node: [] for node in nodes}
        for node, needs in self._waits_for.items():
            for need in needs:
                self._awaited[need].append(node)
        self._turns = self._in_turn()
        self._ready = [(self._turns[node], node) for node, needs in self._waits_for.items() if not needs]
        self._failed: tuple[Turn, Failure] | None = None
        heapify(self._ready)

    @property
    def ready(self) -> bool:
        """Whether a batch may begin."""
        return bool(self._ready) and (self._failed is None or self._ready[0][0] < self._failed[0])

    def next(self) -> Node:
        """Take the first of those that are ready."""
        return heappop(self._ready)[1]

    def done(self, node: Node) -> None:
        """What waited for this one alone is ready now."""
        for later in self._awaited[node]:
            self._waits_for[later].discard(node)
            if not self._waits_for[later]:
                heappush(self._ready, (self._turns[later], later))

    def failed(self, node: Node, failure: Failure) -> None:
        """This one has failed; what rests on it never begins."""
        turn = self._turns[node]
        if self._failed is None or turn < self._failed[0]:
            self._failed = turn, failure

    def strike(self) -> None:
        """Raise the earliest failure, if any.

        Raises:
            ComputeError: of the batch that failed.
        """
        if self._failed is not None:
            self._failed[1].strike()

    def _in_turn(self) -> dict[Node, Turn]:
        """Turns rise along every way, since a batch is dealt after all that it rests on."""
        depths: dict[Node, int] = {}
        for node in sorted(self._awaited, key=lambda node: node.number):
            depths[node] = 1 + max((depths[need] for need in self._waits_for[node]), default=0)
        return {n: (depth + (0.0 if self._awaited[n] else _LAG), n.number) for n, depth in depths.items()}

"""The ledger: records in the order of simulated time, some of which wait for what is learnt.

The world plays on while nothing has been computed yet. What says a learnt number takes its place here and is written,
with everything after it, when the number is known. So the timeline comes first, and training sees as much work at once
as nobody had to wait for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pwffsim.compute.recipe import Compute, Handle
from pwffsim.kernel.clock import Kernel
from pwffsim.runs.records import Aggregation, Message, Metric, Span, UpdateFate
from pwffsim.world.diary import Recorder

_MOST_WAITING = 20_000
"""Handles that wait at most: then everything is computed, so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A point of a run: stage, round, rounds of the stage at most, simulated time."""

    stage: str = ""
    round: int = 0
    rounds: int = 0
    time_ns: int = 0


@dataclass(slots=True)
class _Entry:
    """Something to write, when these handles are known; so many of them were when it was last looked at."""

    reached: Reached
    handles: Sequence[Handle]
    write: Callable[[], None]
    known: int = 0

    @property
    def due(self) -> bool:
        while self.known < len(self.handles) and self.handles[self.known].known():
            self.known += 1
        return self.known == len(self.handles)


class Ledger:
    """A recorder in front of another one.

    Args:
        kernel: the clock.
        recorder: where records go in the end.
        compute: what computes.

    Attributes:
        written: the point up to which everything is recorded.
    """

    def __init__(self, kernel: Kernel, recorder: Recorder, compute: Compute) -> None:
        self.written = Reached()
        self._now = Reached()
        self._kernel = kernel
        self._recorder = recorder
        self._compute = compute
        self._entries: deque[_Entry] = deque()
        self._waiting = 0

    @property
    def written_ns(self) -> int:
        """Simulated time up to which everything is recorded."""
        try:
            return self._entries[0].reached.time_ns
        except IndexError:  # asked first, the entry could be gone by now: progress is shown from another thread
            return self._kernel.now_ns

    def mark(self, stage: str, round_: int, rounds: int) -> None:
        """From here on it is this round of this stage."""
        self._now = Reached(stage, round_, rounds, self._kernel.now_ns)

    def span(self, record: Span) -> None:
        """What an actor did."""
        self._enter((), partial(self._recorder.span, record))

    def message(self, record: Message) -> None:
        """A transfer."""
        self._enter((), partial(self._recorder.message, record))

    def aggregation(self, record: Aggregation) -> None:
        """A new global version."""
        self._enter((), partial(self._recorder.aggregation, record))

    def fate(self, record: UpdateFate) -> None:
        """What became of an update."""
        self._enter((), partial(self._recorder.fate, record))

    def metric(self, record: Metric) -> None:
        """A measured value."""
        self._enter((), partial(self._recorder.metric, record))

    def when_known(self, handles: Sequence[Handle], write: Callable[[Recorder], None]) -> None:
        """Write at this place in the order, as soon as these facts are known; at once where nothing is ever computed.

        Args:
            handles: what must be known.
            write: writes the records; what it raises ends the run at this instant of simulated time.
        """
        self._enter(handles if self._compute.learns else (), partial(write, self._recorder))
        if self._waiting > _MOST_WAITING:
            self.settle()

    def settle(self) -> None:
        """Have everything computed that waits here, and written.

        Raises:
            ComputeError: when a stage fails.
            SimFault: what a writer makes of the facts.
        """
        if self._entries:
            wanted = [handle for entry in self._entries for handle in entry.handles]
            self._compute.settle(wanted, self._write_what_is_due)

    def _enter(self, handles: Sequence[Handle], write: Callable[[], None]) -> None:
        reached = Reached(self._now.stage, self._now.round, self._now.rounds, self._kernel.now_ns)
        self._entries.append(_Entry(reached, handles, write))
        self._waiting += len(handles)
        if self._waiting == 0:
            self._write_what_is_due()

    def _write_what_is_due(self) -> None:
        while self._entries and self._entries[0].due:
            entry = self._entries[0]
            self.written = entry.reached
            entry.write()
            self._entries.popleft()
            self._waiting -= len(entry.handles)

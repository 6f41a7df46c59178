"""Progress of a run: a live view on a terminal, otherwise a plain line every ten seconds.

A thread reads the ledger's and the scheduler's counters; neither knows anything of it.
"""

from __future__ import annotations

import sys
from threading import Event, Thread
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pwffsim.compute.scheduler import Scheduler
from pwffsim.kernel.clock import seconds
from pwffsim.world.world import World

_PLAIN_EVERY_S = 10.0
_REFRESH_HZ = 4


class Progress:
    """Shows stage, round, simulated and wall time, and how much is left to compute, while it is entered.

    Args:
        world: what runs.
        compute: where it learns.
    """

    def __init__(self, world: World, compute: Scheduler) -> None:
        self._world = world
        self._counts = compute.counts
        self._begun_s = monotonic()
        self._over = Event()
        self._console = Console(stderr=True)
        self._live = Live(
            get_renderable=self._view, console=self._console, refresh_per_second=_REFRESH_HZ, transient=True
        )
        self._lines = Thread(target=self._print_lines, daemon=True)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        else:
            self._lines.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._console.is_terminal:
            self._live.stop()
        else:
            self._lines.join()
        print(f"{'stopped' if error else 'finished'}: {self.line()}", file=sys.stderr, flush=True)

    def line(self) -> str:
        """Where the run is, in one line."""
        written, counts = self._world.ledger.written, self._counts
        simulated_s, wall_s = seconds(self._world.written_ns), monotonic() - self._begun_s
        done = f"{counts.computed} computed in {counts.batches} batches, {counts.reused} reused, {counts.to_go} to go"
        where = f"{written.stage} round {written.round}/{written.rounds}"
        return f"{where}, simulated {simulated_s:.1f} s, wall {wall_s:.1f} s, {done}"

    def _print_lines(self) -> None:
        while not self._over.wait(_PLAIN_EVERY_S):
            print(self.line(), file=sys.stderr, flush=True)

    def _view(self) -> Text:
        return Text(self.line(), style="bold")

"""Progress of a run: a live view on a terminal, otherwise a plain line every ten seconds.

A thread reads the world's counters; the world knows nothing of it.
"""

from __future__ import annotations

import sys
from threading import Event, Thread
from time import monotonic
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pwffsim.compute.serial import SerialCompute
from pwffsim.kernel.clock import seconds
from pwffsim.world.world import World

_PLAIN_EVERY_S = 10.0
_REFRESH_HZ = 4
_SLOWEST = 3


class Progress:
    """Shows simulated and wall time, stage, round and the slowest clients while it is entered.

    Args:
        world: what runs.
        compute: where it learns.
    """

    def __init__(self, world: World, compute: SerialCompute) -> None:
        self._world = world
        self._compute = compute
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
        stage, round_, rounds = self._world.server.progress
        simulated_s, wall_s = self._world.kernel.now_s, monotonic() - self._begun_s
        done = f"{self._compute.store.misses} computed, {self._compute.store.hits} reused"
        return f"{stage} round {round_}/{rounds}, simulated {simulated_s:.1f} s, wall {wall_s:.1f} s, {done}"

    def slowest(self) -> list[tuple[str, str, int, float]]:
        """Clients that have worked longest on one task: name, stage, round, simulated seconds."""
        now_ns = self._world.kernel.now_ns
        busy = [
            (client.profile.name, client.task[0].stage.name, client.task[0].round, seconds(now_ns - client.task[1]))
            for client in list(self._world.server.clients.values())
            if client.task is not None
        ]
        return sorted(busy, key=lambda row: (-row[3], row[0]))[:_SLOWEST]

    def _print_lines(self) -> None:
        while not self._over.wait(_PLAIN_EVERY_S):
            slow = ", ".join(f"{name} {busy_s:.1f} s" for name, _, _, busy_s in self.slowest())
            print(f"{self.line()}; slowest: {slow or 'none'}", file=sys.stderr, flush=True)

    def _view(self) -> Group:
        table = Table("slowest clients", "stage", "round", "busy, simulated s", box=None)
        for name, stage, round_, busy_s in self.slowest():
            table.add_row(name, stage, str(round_), f"{busy_s:.2f}")
        return Group(Text(self.line(), style="bold"), table)

"""Processes that carry out a point each, forked from one that has loaded the libraries."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pwffsim.compute.executors.processes import forking
from pwffsim.studies.attempt import Task, attempt
from pwffsim.studies.outcome import Ending

_PATIENCE_S = 60.0
"""How long a run may take to close its directory when it is told to stop."""


class Hand:
    """A process at work on one point.

    Args:
        task: what it does.
    """

    def __init__(self, task: Task) -> None:
        context = forking("pwffsim.studies.warm")
        self.task = task
        self.pipe, theirs = context.Pipe(duplex=False)
        self._process: BaseProcess = context.Process(target=_work, args=(theirs, task), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Its number, for whoever watches or kills it."""
        assert self._process.pid is not None, "a process that was started has a number"
        return self._process.pid

    def ending(self) -> Ending:
        """What it says, or that it died without a word."""
        said = self._said()
        self._process.join()
        self.pipe.close()
        return said or Ending("failed", self._death())

    def _said(self) -> Ending | None:
        try:
            ending: Ending = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return ending

    def tell_to_stop(self) -> None:
        """Its run is to close its directory and end."""
        self._process.terminate()

    def see_off(self) -> None:
        """Wait for its end; kill it where that does not come."""
        self._process.join(_PATIENCE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()

    def _death(self) -> str:
        return f"its process ended with code {self._process.exitcode}: out of memory, or killed; try again"


def heard(hands: Sequence[Hand], wait_s: float) -> list[Hand]:
    """Those that have something to say, at the latest after a while."""
    ready = wait([hand.pipe for hand in hands], wait_s)
    return [hand for hand in hands if hand.pipe in ready]


def _work(pipe: Connection, task: Task) -> None:
    """The life of such a process."""
    from pwffsim.simulation import interruption

    interruption.listen()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the study, which then stops its processes
    try:
        pipe.send(attempt(task))
    except KeyboardInterrupt:
        pipe.send(Ending("interrupted"))

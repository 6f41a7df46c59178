"""Worker processes on this machine, forked from one that has loaded the libraries."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from multiprocessing import forkserver, get_all_start_methods, get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from pwffsim.compute.batch import Batch
from pwffsim.compute.executors.answer import Answer
from pwffsim.compute.executors.crew import Crew, Died
from pwffsim.compute.executors.worker import Place, Worker

WARM = "pwffsim.learning.warm"
"""Imported once in the process from which workers are forked."""


class Process:
    """A worker process and the pipe to it."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self._process = process
        self.pipe = pipe

    @property
    def pid(self) -> int | None:
        """Its number, for whoever watches or kills it."""
        return self._process.pid

    def post(self, batch: Batch) -> None:
        """Send a batch; if it is gone already, its answer will say so."""
        try:
            self.pipe.send(batch)
        except OSError:
            return

    def answer(self) -> Answer:
        """What it sent."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise Died(_ending(self._process)) from error

    def dismiss(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


class Processes(Crew[Process]):
    """Batches on several processes of this machine."""

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [hand.pid for hand in (*self._idle, *self._busy) if hand.pid is not None]

    def _hire(self) -> Process:
        context = forking()
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._place), daemon=True)
        process.start()
        theirs.close()
        return Process(process, ours)

    def _heard(self, busy: Sequence[Process], wait_s: float) -> list[Process]:
        ready = wait([hand.pipe for hand in busy], wait_s)
        return [hand for hand in busy if hand.pipe in ready]


def _serve(pipe: Connection, place: Place) -> None:
    """A worker's life: a batch, its answer, and so on until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the run, which then stops its workers
    worker = Worker(place)
    try:
        while True:
            pipe.send(worker.answer(pipe.recv()))
    except (EOFError, OSError):
        return


def forking(preloaded: str = WARM) -> Any:
    """How processes are made that find the libraries loaded; where there is no forking from a server, each loads them
    itself."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    start_server(preloaded)
    return context


def start_server(preloaded: str = WARM) -> None:
    """Start the process that workers are forked from, unless it runs, and do not wait for it. It is deaf to interrupts
    from the beginning, and not only once it has loaded the libraries."""
    if "forkserver" not in get_all_start_methods():
        return
    get_context("forkserver").set_forkserver_preload([preloaded])
    resource_tracker.ensure_running()  # which would unblock interrupts when it starts
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _ending(process: BaseProcess) -> str:
    code = process.exitcode
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"

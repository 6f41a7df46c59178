"""Buffered asynchronous aggregation (FedBuff, Nguyen et al., arXiv 2106.06639): nobody waits for the slowest."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pwffsim.kernel.clock import ns
from pwffsim.kernel.race import race
from pwffsim.runs.records import Fate
from pwffsim.scenario.schema import Aggregation
from pwffsim.world.convergence import Patience
from pwffsim.world.server import Server
from pwffsim.world.stages.stage import Stage
from pwffsim.world.tasks import Report


def buffered(server: Server, stage: Stage) -> Generator[Any, Any, None]:
    """Keep clients busy; whenever the buffer is full, sum it into the next version, until the stage ends."""
    yield from _Buffer(server, stage).fill_and_empty()


class _Buffer:
    """Updates that wait to be summed, and the clients that are at work on more."""

    def __init__(self, server: Server, stage: Stage) -> None:
        self._server = server
        self._stage = stage
        self._settings: Aggregation = server.blueprint.scenario.aggregation
        self._patience = Patience(stage.convergence)
        self._round = 1
        self._waiting: list[Report] = []
        self._working: set[int] = set()
        self._fruitless = 0

    def fill_and_empty(self) -> Generator[Any, Any, None]:
        self._invite(self._server.select())
        while True:
            yield from self._next_report()
            if not self._due():
                continue
            if self._empty():
                break
            self._invite(client for client in self._server.select() if client not in self._working)
        self._server.withdraw(self._stage)

    def _next_report(self) -> Generator[Any, Any, None]:
        """Take in one report, or run out of patience with a buffer that fills too slowly."""
        receive = self._server.inbox.receive()
        self._overdue = False
        if self._settings.max_wait_s is None or not self._waiting:
            report = yield receive
        else:
            since_ns = self._server.kernel.now_ns - self._first_ns
            timer = self._server.kernel.timeout(max(ns(self._settings.max_wait_s) - since_ns, 0))
            winner, report = yield race(self._server.kernel, report=receive, timer=timer)
            if winner == "timer":
                self._overdue = True
                return
        self._take(report)

    def _take(self, report: Report) -> None:
        if report.task.stage is not self._stage:
            self._server.dismiss(report, Fate.LATE)
            self._invite([report.client] if report.client not in self._working else [])
            return
        self._working.discard(report.client)
        if self._server.accepts(report):
            if not self._waiting:
                self._first_ns = self._server.kernel.now_ns
            self._waiting.append(report)
        else:
            self._fruitless += 1
            self._server.dismiss(report, Fate.LOST)
        if self._settings.retask == "immediately" and len(self._waiting) < self._settings.buffer:
            self._invite([report.client])

    def _due(self) -> bool:
        """The buffer is full or old, nobody is at work, or as many updates were lost as there are clients."""
        hopeless = self._fruitless >= len(self._server.select())
        return self._overdue or len(self._waiting) >= self._settings.buffer or not self._working or hopeless

    def _empty(self) -> bool:
        """Sum what waits; say whether the stage is over."""
        if self._waiting:
            self._server.aggregate(self._stage, self._round, self._waiting)
        self._waiting, self._fruitless = [], 0
        converged = self._server.finish_round(self._stage, self._round, self._patience)
        self._round += 1
        return converged or self._round > self._stage.rounds

    def _invite(self, clients: Any) -> None:
        for client in clients:
            self._working.add(client)
            self._server.invite(client, self._stage, self._round)

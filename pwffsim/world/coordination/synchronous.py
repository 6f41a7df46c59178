"""Synchronous rounds: the slowest client sets the pace."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pwffsim.runs.records import Fate
from pwffsim.world.convergence import Patience
from pwffsim.world.server import Server
from pwffsim.world.stages.stage import Stage
from pwffsim.world.tasks import Report


def synchronous(server: Server, stage: Stage) -> Generator[Any, Any, None]:
    """Invite the selected clients, wait for all of them, sum, measure; again until the stage ends."""
    patience = Patience(stage.convergence)
    for round_ in range(1, stage.rounds + 1):
        selected = server.select()
        invited = [server.invite(client, stage, round_, together=len(selected)) for client in selected]
        reports: list[Report] = []
        for _ in invited:
            reports.append((yield server.inbox.receive()))
        arrived = [report for report in reports if server.accepts(report)]
        for report in reports:
            if not server.accepts(report):
                server.dismiss(report, Fate.LOST)
        if arrived:
            server.aggregate(stage, round_, arrived)
        if server.finish_round(stage, round_, patience):
            return

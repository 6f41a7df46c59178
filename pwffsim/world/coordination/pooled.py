"""No coordination: the server learns by itself. A method chooses it, not a scenario's mode."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pwffsim.world.convergence import Patience
from pwffsim.world.server import Server
from pwffsim.world.stages.stage import Stage


def pooled(server: Server, stage: Stage) -> Generator[Any, Any, None]:
    """Round after round on everybody's rows, each in no time: the server has sufficient resources."""
    patience = Patience(stage.convergence)
    for round_ in range(1, stage.rounds + 1):
        server.learn(stage, round_)
        yield server.kernel.timeout(0)
        if server.finish_round(stage, round_, patience):
            return

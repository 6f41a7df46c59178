"""Which task a row belongs to: an entry a client of each of some rounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pwffsim.runs.page import Column
from pwffsim.world.abreast.acts import Round
from pwffsim.world.abreast.journal import Journal


def tasks(journal: Journal, rounds: Sequence[Round], clients: int) -> dict[str, Column]:
    """Stage, round, version and update of everybody's task in each round, as columns."""
    first = np.array([round_.first_update for round_ in rounds])
    return {
        "stage": journal.stages([round_.stage.name for round_ in rounds], clients),
        "round": np.repeat([round_.number for round_ in rounds], clients),
        "version": np.repeat([round_.version for round_ in rounds], clients),
        "update": (first[:, None] + np.arange(clients)).ravel(),
    }

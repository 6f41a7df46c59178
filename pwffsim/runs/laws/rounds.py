"""Laws of aggregations: versions, staleness and weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pwffsim.runs.laws.breach import refuse
from pwffsim.runs.laws.views import by_update, used_updates

if TYPE_CHECKING:
    from pwffsim.runs.load import Run

WEIGHT_TOLERANCE = 1e-12


def versions(run: Run) -> int:
    """The global version grows by one with each aggregation of a stage, and never falls; staleness is not negative."""
    rounds = run.rounds
    refuse("versions", rounds, rounds.version.diff() <= 0, "the version did not grow")
    refuse("versions", rounds, rounds.groupby("stage").version.diff().fillna(1) != 1, "the version skipped")
    negative = np.array([any(value < 0 for value in values) for values in rounds.staleness], dtype=bool)
    refuse("versions", rounds, negative, "negative staleness")
    return len(rounds)


def staleness(run: Run) -> int:
    """The staleness of an update is how many versions the global model had moved on since the version that the update
    is based on, by its fate: (aggregation's version - 1) - (update's version)."""
    used, fates = used_updates("staleness", run), run.updates
    base = used.updates.map(by_update(fates, "version"))
    refuse("staleness", used, used.staleness != used.version - 1 - base, "not its age in versions", "clients")
    return len(used)


def weights(run: Run) -> int:
    """The weights of each aggregation sum to 1 within 1e-12."""
    rounds = run.rounds
    off = [len(values) > 0 and abs(math.fsum(values) - 1.0) > WEIGHT_TOLERANCE for values in rounds.weights]
    refuse("weights", rounds, np.array(off, dtype=bool), "the weights do not sum to 1")
    return len(rounds)

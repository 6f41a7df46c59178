"""When patience ends a stage."""

from __future__ import annotations

import pytest

from pwffsim.scenario.schema import Convergence
from pwffsim.world.convergence import Patience


def stops_at(losses, **settings):
    patience = Patience(Convergence(rule="patience", **settings))
    return next((i for i, loss in enumerate(losses) if patience.exhausted(lambda loss=loss: loss)), None)


@pytest.mark.parametrize(
    ("losses", "stop"),
    [
        ([1.0, 1.0, 1.0, 1.0], 2),
        ([1.0, 0.5, 0.5, 0.5], 3),
        ([1.0, 0.995, 0.985, 0.98, 0.97, 0.96], None),
        ([1.0, 2.0, 0.5, 2.0, 2.0], 4),
    ],
    ids=["flat", "flat after a gain", "small gains add up", "a gain between"],
)
def test_patience_counts_evaluations_without_a_real_gain(losses, stop):
    assert stops_at(losses, patience=2, min_delta=0.01) == stop


def test_a_fixed_number_of_rounds_never_looks_at_the_loss():
    patience = Patience(Convergence())

    def never():
        raise AssertionError("asked for")

    assert not any(patience.exhausted(never) for _ in range(9))

"""Points of a grid, what they share, and what names their folders."""

from __future__ import annotations

from pathlib import Path

from small_studies import points, scenario

from pwffsim.scenario.loader import load
from pwffsim.simulation.preparation import prepare
from pwffsim.studies.identity import identity
from pwffsim.studies.point import PLAN, RUN, grid


def test_a_grid_is_every_combination_and_keeps_a_seed_together():
    axes = {"method": {"a": ("method=a",), "b": ("method=b",)}, "snr": {"low": ("x=1", "y=2"), "high": ()}}
    found = grid(Path("s.yaml"), axes, (3, 4), RUN, ("z=0",), study="s")
    assert [(p.seed, *dict(p.labels).values()) for p in found] == [
        (seed, "s", method, snr) for seed in (3, 4) for method in "ab" for snr in ("low", "high")
    ]
    assert found[0].arguments == ("z=0", "method=a", "x=1", "y=2", "seed=3")


def test_equal_seeds_mean_equal_data_and_clients(tmp_path):
    """What pairing rests on: nothing that a method chooses is among what rows and preferences are drawn from."""
    left, right = (prepare(load(p.scenario, p.arguments)).blueprint for p in points(scenario(tmp_path)))
    assert left.method != right.method
    assert [s.digests for s in left.shards] == [s.digests for s in right.shards]
    assert left.profiles == right.profiles and left.test_digest == right.test_digest


def test_a_folder_is_named_by_what_results_depend_on(tmp_path):
    path = scenario(tmp_path)

    def named(kind: str, *overrides: str) -> str:
        return identity(load(path, overrides), kind)

    assert named(RUN, "seed=1") == named(RUN, "seed=2", "seed=1")
    assert len({named(RUN, "seed=1"), named(RUN, "seed=2"), named(PLAN, "seed=1")}) == 3


def test_another_name_on_an_axis_asks_for_the_same_run(tmp_path):
    path = scenario(tmp_path)
    (left,), (right,) = (grid(path, {"method": {name: ()}}, (1,)) for name in ("one", "other"))
    assert left != right and left.arguments == right.arguments

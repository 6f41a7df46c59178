"""Whether the quickstart learns, over five seeds: three stages, each against its own yardstick. Slow.

Run it with ``python -m pytest -m slow -s tests/simulation/test_learning_quality.py``; it prints its figures.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from scipy import stats
from small import ROOT, command

from pwffsim.runs.load import load

SEEDS = (7, 8, 9, 10, 11)
SCENARIO = ROOT / "scenarios" / "quickstart.yaml"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(partial(_run, folder), SEEDS))


def _run(folder, seed):
    out = folder / str(seed)
    ended = command("run", str(SCENARIO), "--set", f"seed={seed}", "--out", str(out), "--store", str(folder / "store"))
    assert ended.returncode == 0, ended.stderr
    return load(out)


def course(run, stage, name):
    """Clients x rounds of a metric."""
    found = run.metrics[(run.metrics.stage == stage) & (run.metrics.name == name) & (run.metrics.actor != "server")]
    return found.pivot(index="actor", columns="round", values="value")


def interval(values, what):
    """95 % interval of the mean over seeds (Student)."""
    values = np.asarray(values)
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    print(f"\n{what}: mean {values.mean():.4f}, 95 % [{values.mean() - half:.4f}, {values.mean() + half:.4f}]", end="")
    print(f", seeds {np.round(values, 4).tolist()}", end="")
    return values.mean() - half, values.mean() + half


def test_stage_one_gains_ten_points_on_the_best_baseline(runs):
    gains = []
    for run in runs:
        accuracy = course(run, "instruction", "accuracy").mean()
        best = max(run.manifest["baselines"]["accuracy"].values())
        gains.append(accuracy.iloc[-1] - best)
    low, _ = interval(gains, "stage 1: accuracy gained on the best baseline")
    assert np.mean(gains) >= 0.10 and low > 0


@pytest.mark.parametrize("objective", ["helpfulness", "harmlessness"])
def test_stage_two_ranks_held_out_pairs(runs, objective):
    finals = [course(run, "reward", f"{objective}_accuracy").mean().iloc[-1] for run in runs]
    low, _ = interval(finals, f"stage 2: {objective} accuracy on held-out pairs")
    assert low >= 0.55


def test_stage_three_raises_each_clients_own_reward(runs):
    gains = [course(run, "alignment", "reward_weighted") for run in runs]
    gains = [table.iloc[:, -1] - table.iloc[:, 0] for table in gains]
    low, _ = interval([gain.mean() for gain in gains], "stage 3: own weighted reward gained")
    winners = [int((gain > 0).sum()) for gain in gains]
    print(f"\nstage 3: clients that gain, by seed: {winners}", end="")
    assert low > 0
    assert min(winners) >= 8


def test_stage_three_stays_near_its_reference(runs):
    bound = runs[0].scenario["stages"]["alignment"]["kl_bound"]
    worst = [course(run, "alignment", "kl").to_numpy().max() for run in runs]
    print(f"\nstage 3: largest KL of any client, by seed: {np.round(worst, 3).tolist()} nats, bound {bound}", end="")
    assert max(worst) < bound

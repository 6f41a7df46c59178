"""Real training whose updates add up on the air: what the sum makes of them, planned and run in other processes."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from recorded import played
from small import command, play, prepared, scenario_file

from channel_models.randomness import derive_seed
from channel_models.units import db_to_linear
from pwffsim.runs.laws import LAWS
from pwffsim.runs.load import load
from pwffsim.simulation.plan import plan

AIR = {
    "sharing": {"model": "over_the_air", "gain_threshold": 0.3},
    "fading": {"model": "rayleigh", "coherence_s": 2e-3},
    "bandwidth_hz": 1e5,
    "packets": "fluid",
    "loss": "none",
    "retransmission": "none",
    "residual_loss": "partial",
    "mean_snr_db": 15.0,
    "snr_spread_db": 3.0,
}
STAGES = {"instruction": {"rounds": 2, "local_steps": 2, "batch_size": 4}}
SCENARIO = {"clients": 3, "stages": STAGES, "radio": AIR}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("air")


@pytest.fixture(scope="module")
def done(folder):
    return played(folder, **SCENARIO)


def vector(tensors):
    return np.concatenate([tensors[name].double().numpy().ravel() for name in sorted(tensors)])


def heard(done, recipe):
    """What arrived: differences f64[clients, d], which entries each client sent, and the step that the server took."""
    key = next(key for key, found in done.compute.noted if found is recipe)
    groups = recipe.params["groups"]
    part = {
        kind: vector({n: t for g in groups for n, t in done.state(recipe.inputs[f"{kind}/{g}"]).items()})
        for kind in ("global", *(f"{kind}{i}" for kind in ("update", "base") for i in range(3)))
    }
    differences = np.stack([part[f"update{i}"] - part[f"base{i}"] for i in range(3)])
    sends = np.ones(differences.shape, dtype=bool)
    for row, ranges in zip(sends, recipe.params["lost"], strict=True):
        for start, stop in ranges:
            row[start // 4 : stop // 4] = False
    return differences, sends, vector(done.merged(key, tuple(groups))) - part["global"]


def test_the_server_takes_the_mean_of_those_who_send_and_the_receivers_noise(done):
    """Class B: the error of the mean, times C_j sqrt(rho0/sigma^2) / max c_i r_i, is of unit mean square."""
    recipes = [recipe for _, recipe in done.of("aggregate")]
    assert len(recipes) == 2
    for recipe in recipes:
        differences, sends, step = heard(done, recipe)
        weights = np.array(recipe.params["coefficients"])[:, None]
        shares, somebody = (weights * sends).sum(axis=0), sends.any(axis=0)
        assert not step[~somebody].any() and 0 < (~sends).mean() < 0.6
        mean = (weights * sends * differences).sum(axis=0)[somebody] / shares[somebody]
        scale = max(weights[:, 0] * np.sqrt(np.square(differences).mean(axis=1)))
        snr = float(db_to_linear(recipe.params["air"]["snr_db"]))
        square = np.square((step[somebody] - mean) * shares[somebody] * sqrt(snr) / scale)
        assert abs(square.mean() - 1.0) <= 4.4 * square.std() / sqrt(square.size)


def test_the_noise_is_of_the_scenarios_seed_and_the_round(done):
    seeds = [recipe.params["air"]["seed"] for _, recipe in done.of("aggregate")]
    assert seeds == [derive_seed(5, "instruction.receiver_noise", round_) for round_ in (1, 2)]


def test_clients_start_the_next_round_from_what_was_heard(done):
    (first, _), _ = done.of("aggregate")
    later = [recipe for _, recipe in done.of("instruction.train")][3:]
    assert len(later) == 3
    for recipe in later:
        assert {recipe.inputs[group] for group in done.shared("instruction")} == {
            f"{first}/{group}" for group in done.shared("instruction")
        }


def test_a_plan_and_two_processes_agree_on_every_fingerprint(done, folder, tmp_path):
    here = load(play(tmp_path, folder / "store", **SCENARIO).path)
    out = tmp_path / "there" / "run"
    ended = command("run", str(scenario_file(tmp_path, **SCENARIO)), "--out", str(out), hash_seed="2")
    assert ended.returncode == 0, ended.stderr
    there = load(out)
    assert here.manifest["recipes"]["computed"] == 0 < there.manifest["recipes"]["computed"], (
        "the other process trains anew"
    )
    assert set(there.manifest["invariants"]) == set(LAWS)
    assert there.manifest["fingerprints"] == here.manifest["fingerprints"]
    assert list(there.rounds.digest) == list(here.rounds.digest)
    planned = plan(prepared(tmp_path, **SCENARIO)).network_fingerprint
    assert planned == there.manifest["fingerprints"]["network"]

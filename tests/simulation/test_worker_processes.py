"""Worker processes: the serial bits, deaths, refusals, failures, interrupts. Workers and training are real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from time import sleep

import psutil
import pytest
from crews import SCENARIO, Killer, place_of, travelled, travelled_here
from small import ROOT, prepared, scenario_file

from pwffsim.compute.executors.processes import Processes
from pwffsim.compute.recipe import BackendUnavailable, ComputeError, Recipe, WorkerLost
from pwffsim.compute.scheduler import Scheduler
from pwffsim.compute.store import Store
from pwffsim.exit_codes import Exit, code_of
from pwffsim.runs.load import load


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return place_of(tmp_path_factory.mktemp("crew") / "store")


@pytest.fixture(scope="module")
def crew(place):
    workers = Processes(place, 2)
    yield workers
    workers.close()


def shoot(hand):
    os.kill(hand.pid, signal.SIGKILL)
    return hand.pid


def test_two_processes_give_the_serial_bits(crew, place, tmp_path):
    there, here = travelled(tmp_path, place.store, crew, seed=1), travelled_here(tmp_path, seed=1)
    assert there.fingerprints == here.fingerprints
    assert there.counts == here.counts and there.counts.computed == there.counts.wanted > 0
    assert len(crew.pids) == 2, "both were needed"
    names = {path.relative_to(place.store): path for path in place.store.glob("*/*")}
    own = {path.relative_to(tmp_path / "own"): path for path in (tmp_path / "own").glob("*/*")}
    assert names.keys() == own.keys() and all(own[name].read_bytes() == names[name].read_bytes() for name in own)


def test_a_worker_that_is_killed_is_replaced_and_nothing_shows(crew, place, tmp_path):
    before, killer = set(crew.pids), Killer(crew, shoot, times=2)
    there = travelled(tmp_path, place.store, crew, killer, seed=2)
    assert there.fingerprints == travelled_here(tmp_path, seed=2).fingerprints
    assert len(killer.killed) == 2 and not set(killer.killed) & set(crew.pids)
    assert len(crew.pids) == 2 and set(crew.pids) != before
    assert there.counts.computed == there.counts.wanted, "a batch that began anew counts once"


def test_a_worker_that_dies_while_it_has_nothing_to_do_is_replaced(crew, place, tmp_path):
    travelled(tmp_path, place.store, crew, seed=3)
    for pid in crew.pids:
        os.kill(pid, signal.SIGKILL)
    assert travelled(tmp_path, place.store, crew, seed=4).fingerprints == travelled_here(tmp_path, seed=4).fingerprints


def test_a_batch_that_costs_three_workers_their_lives_ends_the_run(place, tmp_path):
    workers = Processes(place, 1)
    try:
        killer = Killer(workers, shoot, times=10)
        with pytest.raises(WorkerLost, match="initialise: 3 workers died over it, the last with signal SIGK") as end:
            travelled(tmp_path, tmp_path / "store", workers, killer, seed=5)
    finally:
        workers.close()
    assert code_of(end.value) is Exit.RESOURCE and len(killer.killed) == 3


def test_a_worker_with_other_numerics_is_refused(place, tmp_path):
    workers = Processes(replace(place, environment="0" * 32), 1)
    try:
        with pytest.raises(BackendUnavailable, match="a worker computes otherwise than the run") as refusal:
            travelled(tmp_path, tmp_path / "store", workers, seed=6)
    finally:
        workers.close()
    assert code_of(refusal.value) is Exit.INVALID


def test_a_stage_that_fails_in_a_worker_is_named_with_its_client_and_code(crew, place, tmp_path):
    """The same words, cause and code as in this process."""
    model = {"base": str(tmp_path / "gone"), "untrained": False, "tokenizer": "tiny", "digest": "d", "seed": 0}
    recipe = Recipe("initialise", {"group": "adapters", "client": 3, "seed": 1, "model": {**model, "adapters": {}}})
    compute = Scheduler(Store(place.store), crew, "test")
    with pytest.raises(ComputeError, match="initialise of client 3 failed: BaseUnavailable: the model in") as failure:
        compute.submit(recipe).facts()
    assert code_of(failure.value) is Exit.INVALID
    assert type(failure.value.__cause__).__name__ == "BaseUnavailable"


def test_a_disk_that_fails_a_worker_is_no_death(crew, place, tmp_path):
    own = prepared(tmp_path, **SCENARIO).blueprint.group_params("adapters", 1)
    recipe = Recipe("initialise", {"group": "adapters", "seed": 1, **own})
    key = recipe.key("test")
    (place.store / key[:2] / f"{key}.json").mkdir(parents=True)
    with pytest.raises(ComputeError, match="initialise failed: IsADirectoryError") as failure:
        Scheduler(Store(place.store), crew, "test").submit(recipe).facts()
    assert code_of(failure.value) is Exit.RESOURCE


PATIENT = {"stages": {"instruction": {"rounds": 300, "local_steps": 2, "batch_size": 4}}}


@pytest.mark.parametrize(("number", "everybody", "code"), [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143)])
def test_a_signal_stops_a_run_and_all_its_workers(tmp_path, number, everybody, code):
    """Ctrl-C reaches the whole group of processes, SIGTERM the run alone."""
    path = scenario_file(tmp_path, **{**SCENARIO, **PATIENT})
    words = ["run", str(path), "--out", str(tmp_path / "run"), "--store", str(tmp_path / "store"), "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pwffsim", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        while len(list((tmp_path / "store").glob("*/*.json"))) < 12 and process.poll() is None:
            sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, number) if everybody else process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code, errors
    assert "Traceback" not in errors, errors
    manifest = load(tmp_path / "run").manifest
    assert (manifest["status"], manifest["exit_code"]) == ("interrupted", code)
    assert len(family) >= 2, "there were workers"
    assert psutil.wait_procs(family, timeout=10)[1] == [], "and nobody is left"

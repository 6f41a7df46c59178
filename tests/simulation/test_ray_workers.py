"""Workers on Ray: the serial bits, a death in the middle, a run from the command line that is told to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from time import sleep

import psutil
import pytest
from crews import SCENARIO, Killer, place_of, travelled, travelled_here
from small import ROOT, scenario_file

from pwffsim.compute.executors.ray import Ray
from pwffsim.compute.recipe import BackendUnavailable
from pwffsim.exit_codes import Exit, code_of

pytestmark = pytest.mark.ray
ray = pytest.importorskip("ray", reason="needs the extra ray: pip install 'pwffsim[ray]'")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return place_of(tmp_path_factory.mktemp("ray") / "store")


@pytest.fixture(scope="module")
def crew(place):
    handler = signal.getsignal(signal.SIGTERM)
    ray.init(num_cpus=3, log_to_driver=False, include_dashboard=False)
    signal.signal(signal.SIGTERM, handler)
    workers = Ray(place, 2)
    yield workers
    workers.close()
    assert ray.is_initialized(), "a cluster that was there before stays"
    ray.shutdown()


def shoot(_):
    """Kill the processes of all actors: which of them has the batch, Ray does not say."""
    processes = psutil.Process().children(recursive=True)
    actors = [process for process in processes if process.cmdline()[0].startswith("ray::Worker")]
    for actor in actors:
        actor.kill()
    return actors[0].pid


def test_ray_gives_the_serial_bits(crew, place, tmp_path):
    there, here = travelled(tmp_path, place.store, crew, seed=1), travelled_here(tmp_path, seed=1)
    assert there.fingerprints == here.fingerprints and there.counts == here.counts


def test_actors_that_are_killed_are_replaced_and_nothing_shows(crew, place, tmp_path):
    killer = Killer(crew, shoot, times=1)
    there = travelled(tmp_path, place.store, crew, killer, seed=2)
    assert there.fingerprints == travelled_here(tmp_path, seed=2).fingerprints
    assert len(killer.killed) == 1


def test_more_workers_than_processors_are_refused(crew, place):
    with pytest.raises(BackendUnavailable, match="the workers take 200 processors, but Ray's cluster has 3"):
        Ray(replace(place, threads=100), 2)


def test_a_worker_with_other_numerics_is_refused(crew, place, tmp_path):
    other = Ray(replace(place, environment="0" * 32), 1)
    with pytest.raises(BackendUnavailable, match="a worker computes otherwise than the run") as refusal:
        travelled(tmp_path, tmp_path / "store", other, seed=6)
    assert code_of(refusal.value) is Exit.INVALID


def test_a_run_on_ray_that_is_told_to_stop_leaves_nobody(tmp_path):
    stages = {"instruction": {"rounds": 300, "local_steps": 2, "batch_size": 4}}
    path = scenario_file(tmp_path, **{**SCENARIO, "stages": stages})
    words = ["run", str(path), "--out", str(tmp_path / "run"), "--store", str(tmp_path / "store")]
    process = subprocess.Popen(
        [sys.executable, "-m", "pwffsim", *words, "--workers", "2", "--executor", "ray"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        while len(list((tmp_path / "store").glob("*/*.json"))) < 12 and process.poll() is None:
            sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=100)
    finally:
        process.kill()
    assert process.returncode == Exit.TERMINATED, errors
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["status"] == "interrupted"
    assert family and psutil.wait_procs(family, timeout=30)[1] == []

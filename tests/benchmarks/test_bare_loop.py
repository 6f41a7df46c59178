"""The floor is honest: it learns, its two forms agree, and pwffsim's own run ends at the same LoRA."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.peers import bare
from benchmarks.peers.learner import NUMERICS
from benchmarks.peers.meter import Job, Meter
from benchmarks.peers.task import distance, read, write
from benchmarks.script import figures, output

CLIENTS, ROUNDS = 2, 2


@pytest.fixture(scope="module", autouse=True)
def _numerics_kept():
    """The loops set torch's numerics for their own process; other tests go on with what there was."""
    precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
    yield
    torch.set_float32_matmul_precision(precision)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A task, written in a process of its own: its scenario names a method that is known there alone."""
    path = tmp_path_factory.mktemp("benchmark") / "task.safetensors"
    shape = ("--clients", str(CLIENTS), "--rounds", str(ROUNDS))
    output([sys.executable, "-m", "benchmarks.peers.write_task", path, *shape], 120)
    return path


@pytest.fixture(scope="module")
def averaged(path):
    """The LoRA that each form of the loop ends with."""
    return {name: bare.simulate(Job(path, name), Meter(CLIENTS)) for name in NUMERICS}


def test_a_task_comes_back_from_its_file(path, tmp_path):
    work, copy = read(path), tmp_path / "copy.safetensors"
    write(work, copy)
    assert read(copy).settings == work.settings
    assert (work.settings.clients, work.settings.rounds, work.settings.rows) == (CLIENTS, ROUNDS, 4)
    assert all(torch.equal(getattr(read(copy), name), getattr(work, name)) for name in ("ids", "labels", "lengths"))
    assert all(torch.equal(tensor, work.initial[name]) for name, tensor in read(copy).initial.items())


def test_clients_and_rounds_learn_from_different_rows(path):
    rows = read(path).ids.flatten(2).flatten(0, 1)
    assert len(rows.unique(dim=0)) == CLIENTS * ROUNDS


def test_the_loop_learns(path, averaged):
    work = read(path)
    learner = Job(path, "tuned").learner
    losses = []
    for state in (work.initial, averaged["tuned"]):
        learner.load(state)
        losses.append(sum(learner.loss(*work.rows(r, c)).item() for r in range(ROUNDS) for c in range(CLIENTS)))
    assert losses[1] < 0.99 * losses[0]


def test_both_forms_of_the_loop_do_the_same(path, averaged):
    assert distance(averaged["stock"], averaged["tuned"], read(path).initial) < 1e-3


@pytest.mark.parametrize("script", ["pwffsim", "pwffsim_fused"])
def test_pwffsim_does_what_the_bare_loop_does(path, averaged, tmp_path, script):
    state = tmp_path / "state.safetensors"
    told = figures([sys.executable, "-m", "benchmarks.peers", script, path, state], 120)
    assert set(told) >= {"wall_s", "cpu_s", "whole_cpu_s", "setup_s", "peak_bytes"}
    assert distance(load_file(state), averaged["tuned"], read(path).initial) < 1e-3


def test_a_step_less_would_show(path, averaged):
    work = read(path)
    parts = {name: getattr(work, name)[:, :, :-1].contiguous() for name in ("ids", "labels", "lengths")}
    less = replace(work, **parts)
    short = path.with_name("short.safetensors")
    write(less, short)
    found = bare.simulate(Job(short, "tuned"), Meter(CLIENTS))
    assert distance(found, averaged["tuned"], work.initial) > 0.03

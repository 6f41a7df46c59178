"""Whole runs of all three stages with real training: what is recorded, and that it is the same every time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recorded import played
from small import CALM, ROOT, SMALL, command, play, prepared, scenario_file

from pwffsim.architecture.work import Rollout, alignment_flops
from pwffsim.compute.backend import Backend
from pwffsim.compute.fusion import alone
from pwffsim.runs.laws import LAWS
from pwffsim.runs.load import load
from pwffsim.simulation.plan import plan


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One finished run, and its store."""
    folder = tmp_path_factory.mktemp("done")
    outcome = play(folder)
    assert outcome.code == 0, outcome.message
    return load(outcome.path)


def test_a_finished_run_says_so_and_has_every_file(done):
    assert done.manifest["status"] == "done"
    assert {path.name for path in done.path.iterdir()} >= {
        "manifest.json",
        "scenario.yaml",
        "scenario.resolved.json",
        "summary.json",
        "report.html",
        "spans",
        "rounds",
        "metrics",
    }
    assert set(done.manifest["invariants"]) == set(LAWS)
    idle = {law for law, checked in done.manifest["invariants"].items() if checked == 0}
    assert idle <= {"bands", "backhaul"}, "only laws of exclusive bands and of wires have no records here"


def test_all_stages_are_measured_before_and_after(done):
    metrics = done.metrics
    for stage, name in (
        ("instruction", "accuracy"),
        ("reward", "helpfulness_accuracy"),
        ("alignment", "reward_weighted"),
    ):
        rounds = metrics[(metrics.stage == stage) & (metrics.name == name)]["round"]
        assert set(rounds) == {0, 1, 2}, stage


def test_uploads_carry_the_declared_tensors_and_no_others(done):
    uploads = done.messages[done.messages.direction == "up"]
    for stage, own in uploads.groupby("stage"):
        for payload in set(own.payload):
            names = [name for name, _ in done.payloads[payload]]
            wanted = (".head.",) if stage == "reward" else (".adapters.",)
            assert all(any(part in name for part in wanted) for name in names)
            assert not any("lora" in name or "critic" in name or "exp_avg" in name for name in names)


def test_upload_bytes_are_those_of_the_trained_tensors(tmp_path):
    """The payload is declared before anything is trained; here it is held against the tensors that were."""
    everything = prepared(tmp_path)
    from pwffsim.runs.recorder import MemoryRecorder
    from pwffsim.world.world import World, stages

    compute = Backend().scheduler(tmp_path / "store", alone, lambda: None)
    world = World(everything.blueprint, compute, MemoryRecorder())
    world.run()
    for stage in stages(everything.blueprint):
        for profile in everything.blueprint.profiles:
            declared = {t.name: (t.shape, t.size_bytes) for t in stage.upload_tensors(profile)}
            real = {
                name: (tuple(tensor.shape), tensor.numel() * tensor.element_size())
                for group in stage.shared
                for name, tensor in compute.state(world.server.states(0)[group]).items()
            }
            assert declared == real


def test_the_same_scenario_has_the_same_fingerprints_in_fresh_processes(tmp_path):
    """Three processes, three hash seeds, three empty stores."""
    path = scenario_file(
        tmp_path, stages={**SMALL["stages"], "alignment": {"rounds": 1, "batch_size": 4, "max_new_tokens": 8}}
    )
    prints = []
    for seed in ("0", "1", "2"):
        out = tmp_path / f"run{seed}"
        ended = command("run", str(path), "--out", str(out), "--store", str(tmp_path / f"store{seed}"), hash_seed=seed)
        assert ended.returncode == 0, ended.stderr
        prints.append(json.loads((out / "manifest.json").read_text())["fingerprints"])
    assert prints[0] == prints[1] == prints[2]


def test_a_plan_has_the_timeline_of_the_run(done, tmp_path):
    assert plan(prepared(tmp_path)).network_fingerprint == done.manifest["fingerprints"]["network"]


def test_a_second_run_trains_nothing_and_ends_the_same(done, tmp_path):
    again = load(play(tmp_path, store=done.path.parent / "store").path)
    assert again.manifest["recipes"]["computed"] == 0
    assert again.manifest["fingerprints"] == done.manifest["fingerprints"]


def test_another_radio_reuses_the_training_of_a_synchronous_run(tmp_path):
    slow = play(tmp_path / "slow", tmp_path / "store", radio={**CALM, "mean_snr_db": 0.0})
    fast = play(tmp_path / "fast", tmp_path / "store", radio={**CALM, "mean_snr_db": 20.0})
    assert load(fast.path).manifest["recipes"]["computed"] == 0
    assert load(fast.path).rounds.digest.equals(load(slow.path).rounds.digest)
    assert load(fast.path).rounds.time_s.iloc[-1] < load(slow.path).rounds.time_s.iloc[-1]


def test_buffered_with_all_clients_has_the_synchronous_weights_to_the_bit(done, tmp_path):
    aggregation = {"mode": "buffered", "buffer": 3, "retask": "next_version"}
    buffered = load(play(tmp_path, store=done.path.parent / "store", aggregation=aggregation).path)
    assert list(buffered.rounds.digest) == list(done.rounds.digest)


def test_a_run_can_be_loaded_without_torch(done):
    program = (
        "import sys, pwffsim; run = pwffsim.load(sys.argv[1]);"
        "print(len(run.spans), len(run.rounds), run.summary['rounds']);"
        "assert 'torch' not in sys.modules and 'simpy' not in sys.modules"
    )
    arguments = [sys.executable, "-c", program, str(done.path)]
    ended = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[2] == "6"


def test_a_report_is_written_without_torch(done, tmp_path):
    program = (
        "import sys; from pwffsim.cli import main; code = main(sys.argv[1:]);"
        "assert 'torch' not in sys.modules and 'simpy' not in sys.modules; sys.exit(code)"
    )
    target = tmp_path / "again.html"
    arguments = [sys.executable, "-c", program, "report", str(done.path), "--out", str(target)]
    ended = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert target.read_bytes() == (done.path / "report.html").read_bytes()


def test_a_recorded_run_is_never_overwritten(done, tmp_path):
    path = scenario_file(tmp_path)
    before = (done.path / "manifest.json").read_bytes()
    ended = command("run", str(path), "--out", str(done.path))
    assert ended.returncode == 2
    assert "already exists and is not empty; a recorded run is never overwritten" in ended.stderr
    assert (done.path / "manifest.json").read_bytes() == before


def test_divergence_has_its_own_exit_code_and_names_the_client(tmp_path):
    path = scenario_file(tmp_path)
    out = tmp_path / "run"
    ended = command("run", str(path), "--set", "stages.instruction.learning_rate=1e30", "--out", str(out))
    assert ended.returncode == 4, ended.stderr
    assert (
        "client-0" in ended.stderr
        and "holds NaN or infinite values; lower stages.instruction.learning_rate" in ended.stderr
    )
    manifest = load(out).manifest
    assert manifest["status"] == "diverged" and manifest["exit_code"] == 4
    assert (out / "report.html").is_file()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_marked_and_readable(tmp_path, number, code):
    path = scenario_file(tmp_path, stages={"instruction": {"rounds": 500, "local_steps": 2, "batch_size": 4}})
    out = tmp_path / "run"
    words = [sys.executable, "-m", "pwffsim", "run", str(path), "--out", str(out)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    results_of_a_round = 1 + 4 + 3 + 1 + 1  # initial state, evaluations, trainings, the sum and an evaluation of it
    wait_for(lambda: len(list((tmp_path / "store").rglob("*.json"))) >= results_of_a_round)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    run = load(out)
    assert run.manifest["status"] == "interrupted"
    assert {"compute", "upload", "aggregate"} <= set(run.spans.kind)
    assert 1 <= len(run.rounds) < 500 and len(run.metrics) > 0
    assert (out / "report.html").is_file()


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def test_counting_tokens_really_generated_makes_time_depend_on_learning(tmp_path):
    """Whose tokens are waited for trains alone; with fusion off everybody does, and learns the same in both runs."""
    stages = {**SMALL["stages"], "alignment": {"rounds": 1, "batch_size": 4, "max_new_tokens": 32}}
    devices = {"count_generated": "actual"}
    declared, actual = (
        load(play(tmp_path / name, tmp_path / "store", stages=stages, compute={"fusion": "off"}, **kwargs).path)
        for name, kwargs in (("d", {}), ("a", {"devices": devices}))
    )
    assert list(declared.rounds.digest) == list(actual.rounds.digest)
    assert actual.rounds.time_ns.iloc[-1] < declared.rounds.time_ns.iloc[-1]


def test_generation_takes_the_time_of_the_tokens_really_generated(tmp_path):
    """2 iterations of 4 prompts: the mean length of a response, rounded up, in place of the declared maximum."""
    alignment = {"rounds": 2, "local_steps": 2, "batch_size": 4, "max_new_tokens": 32, "ppo_epochs": 3}
    stages = {"reward": {"rounds": 1, "local_steps": 1}, "alignment": alignment}
    done = played(tmp_path, stages=stages, radio=CALM, devices={"count_generated": "actual"})
    spans = done.run.spans[(done.run.spans.kind == "compute") & (done.run.spans.stage == "alignment")]
    lengths = {}
    for span in spans.itertuples():
        key, recipe = done.trained()[span.update]
        tokens = done.facts(key)["generated_tokens"]
        lengths[span.update] = -(-tokens // (2 * 4))
        rollout = Rollout(prompts=4, prompt_tokens=64 - 32, new_tokens=lengths[span.update], epochs=3)
        blueprint, profile = done.blueprint, done.blueprint.profiles[recipe.params["client"]]
        policy = blueprint.policy_network(blueprint.lora_modules(profile))
        flops = alignment_flops(policy, blueprint.reward_network(), True, iterations=2, rollout=rollout)
        assert span.duration_ns == round(flops / (profile.tier.gflops * 1e9) * 1e9)
    assert len(lengths) == 2 * 3
    assert len(set(lengths.values())) > 1 and max(lengths.values()) <= 32


def test_patience_ends_a_stage_early(tmp_path):
    stages = {
        "instruction": {
            "rounds": 9,
            "local_steps": 1,
            "batch_size": 2,
            "learning_rate": 1e-9,
            "convergence": {"rule": "patience", "patience": 2},
        }
    }
    rounds = load(play(tmp_path, stages=stages).path).rounds
    assert len(rounds) == 3


def test_patience_cannot_be_planned(tmp_path):
    stages = {"instruction": {"rounds": 3, "convergence": {"rule": "patience"}}}
    ended = command("plan", str(scenario_file(tmp_path, stages=stages)))
    assert ended.returncode != 0
    assert "depends on the outcome of instruction.evaluate" in ended.stderr


def test_a_plan_prints_seconds_bytes_and_joules(tmp_path):
    ended = command("plan", str(scenario_file(tmp_path)))
    assert ended.returncode == 0, ended.stderr
    for word in ("instruction", "reward", "alignment", "client-02", "tx J", "network fingerprint"):
        assert word in ended.stdout


def test_the_store_of_a_run_lies_beside_it_by_default(tmp_path):
    from small import run, unwatched

    outcome = run(
        prepared(tmp_path, stages={"reward": {"rounds": 1, "local_steps": 1}}), tmp_path / "run", None, unwatched
    )
    assert Path(tmp_path / "store").is_dir() and outcome.code == 0

"""The larger example scenarios, as a user runs them: to the end, with the figures of the paper. Slow.

Run it with ``python -m pytest -m slow tests/simulation/test_example_scenarios.py``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small import ROOT, command

from pwffsim.runs.laws import LAWS
from pwffsim.runs.load import load

DATA = Path(os.environ.get("PWFFSIM_DATA", ROOT.parent / "shared" / "data"))
STAGES = ("instruction", "reward", "alignment")

pytestmark = pytest.mark.slow


def finished(name, folder):
    """Run a scenario through the command line; it must end well and keep every law."""
    ended = command("run", str(ROOT / "scenarios" / f"{name}.yaml"), "--out", str(folder / "run"))
    assert ended.returncode == 0, ended.stderr
    run = load(folder / "run")
    assert run.manifest["status"] == "done" and run.manifest["exit_code"] == 0
    assert set(run.manifest["invariants"]) == set(LAWS)
    assert (folder / "run" / "report.html").stat().st_size > 10_000
    return run


@pytest.mark.skipif(not DATA.is_dir(), reason="no real data: PWFFSIM_DATA names no folder")
def test_real_instructions_and_preferences(tmp_path, monkeypatch):
    monkeypatch.setenv("PWFFSIM_DATA", str(DATA.resolve()))
    run = finished("alpaca_hh", tmp_path)
    assert not run.manifest["base"]["untrained"]
    for stage in STAGES:
        own = run.rounds[run.rounds.stage == stage]
        assert len(own) == run.scenario["stages"][stage]["rounds"]
        assert all(digest for digest in own.digest)
    samples = [client["samples"] for client in run.manifest["clients"]]
    assert len(samples) == 6 and sum(samples) == pytest.approx(6 * 128, rel=0.01)
    loss = run.metrics[(run.metrics.stage == "instruction") & (run.metrics.name == "loss")]
    course = loss[loss.actor != "server"].groupby("round").value.mean()
    assert course.iloc[-1] < course.iloc[0]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """The network is left alone: weights come from the cache, or are random and say so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield finished("gpt2_small", tmp_path_factory.mktemp("gpt2"))


def payload(run, stage):
    """Tensors of the stage's uploads; they are the same for all clients."""
    up = run.messages[(run.messages.direction == "up") & (run.messages.stage == stage)]
    (digest,) = set(up.payload)
    return up, dict(run.payloads[digest])


@pytest.mark.parametrize("stage", ["instruction", "alignment"])
def test_gpt2_uploads_thirty_six_adapters_of_580968_parameters(gpt2, stage):
    messages, tensors = payload(gpt2, stage)
    adapters = {name.rsplit(".", 2)[0] for name in tensors}
    assert len(adapters) == 36 and all(".adapters." in name for name in adapters)
    assert len(tensors) == 36 * 4
    assert sum(tensors.values()) == 4 * 580_968 == 2_323_872
    assert set(messages.payload_bytes) == {2_323_872}
    assert len(messages) == 2


def test_gpt2_small_uploads_two_whole_distilberts(gpt2):
    """66,362,880 parameters of the encoder, a head of 768 x 768 + 768 and one of 768 + 1, twice."""
    messages, tensors = payload(gpt2, "reward")
    expected = 2 * (66_362_880 + 768 * 768 + 768 + 768 + 1)
    assert sum(tensors.values()) == 4 * expected
    assert set(messages.payload_bytes) == {4 * expected}


def test_gpt2_small_trains_every_stage(gpt2):
    assert list(gpt2.rounds.stage) == list(STAGES)
    assert len(set(gpt2.rounds.digest)) == 3
    for stage, name in zip(STAGES, ("loss", "helpfulness_loss", "reward_weighted"), strict=True):
        own = gpt2.metrics[(gpt2.metrics.stage == stage) & (gpt2.metrics.name == name)]
        assert set(own["round"]) == {0, 1}
        assert own.value.notna().all()

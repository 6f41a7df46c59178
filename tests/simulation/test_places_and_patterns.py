"""Whole runs with LoRA in chosen places and with sparse attention."""

from __future__ import annotations

import pytest
from small import CALM, play, prepared

from pwffsim.runs.load import load
from pwffsim.simulation.plan import plan

PLACES = ["attn.v", "attn.q", "mlp.c_fc"]
TIERS = {
    "tiers": [
        {"name": "small", "lora_modules_per_block": 1, "gflops": 1},
        {"name": "large", "lora_modules_per_block": 3, "gflops": 1},
    ]
}
ASKED = {"clients": 2, "devices": TIERS, "radio": CALM}
MODEL = {"base": "tiny", "max_length": 64}
SPARSE = {"attention": {"pattern": "strided", "window": 8, "stride": 16}}


def loaded(folder, **changes):
    play(folder, **{**ASKED, **changes})
    return load(folder / "run")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    aggregation = {"lora_average": "per_module"}
    model = {**MODEL, "lora": {"places": PLACES}, **SPARSE}
    return loaded(folder, model=model, method="vanilla_fl", aggregation=aggregation), folder


def test_a_device_sends_lora_of_its_first_places(run):
    messages = run[0].messages
    sent = messages[(messages.direction == "up") & (messages.stage == "instruction")]
    carried = {
        client: {name.split(".lora_")[0].rsplit("h.0.", 1)[1] for name, _ in run[0].payloads[payload] if "h.0" in name
                 and ".lora_" in name}
        for client, payload in zip(sent.source, sent.payload, strict=True)
    }  # fmt: skip
    assert sorted(carried.values(), key=len) == [{"attn.v"}, set(PLACES)]
    sizes = sorted(set(sent.payload_bytes))
    rank, per_square = 8, 128 + 128
    assert sizes[1] - sizes[0] == 4 * 4 * rank * (per_square + 128 + 512)


def test_every_stage_learns(run):
    metrics = run[0].metrics
    for stage, name in (("instruction", "loss"), ("alignment", "reward_weighted")):
        course = metrics[(metrics.stage == stage) & (metrics.name == name)]
        assert course.value.notna().all() and course.value.nunique() > 1


def test_the_plan_is_the_runs(run):
    finished, folder = run
    (folder / "again").mkdir()
    scenario = prepared(folder / "again", **{
        **ASKED, "model": {**MODEL, "lora": {"places": PLACES}, **SPARSE}, "method": "vanilla_fl",
        "aggregation": {"lora_average": "per_module"},
    })  # fmt: skip
    assert plan(scenario).network_fingerprint == finished.manifest["fingerprints"]["network"]


def test_a_sparse_pattern_shortens_the_work_and_changes_what_is_learnt(tmp_path):
    stages = {"instruction": {"rounds": 1, "local_steps": 2, "batch_size": 4}}
    seen = {}
    for name, attention in (("full", {}), ("said", {"attention": {"pattern": "full"}}), ("sparse", SPARSE)):
        (tmp_path / name).mkdir()
        finished = loaded(tmp_path / name, model={**MODEL, **attention}, stages=stages)
        work = finished.spans[finished.spans.kind == "compute"].duration_ns.sum()
        seen[name] = (finished.manifest["fingerprints"], work)
    assert seen["full"] == seen["said"]
    assert seen["sparse"][1] < seen["full"][1]
    assert seen["sparse"][0]["full"] != seen["full"][0]["full"]

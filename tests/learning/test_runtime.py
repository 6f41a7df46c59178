"""The settings of a process: set once, told, and part of what names a result."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pwffsim.learning import runtime
from pwffsim.learning.declarations import TOGETHER, together


def told(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_process_is_set_once(_tuned):
    facts = runtime.tune()
    assert facts == runtime.facts() == runtime.tune(facts["threads"], facts["device"])
    with pytest.raises(RuntimeError, match=r"computes with 1 threads on .*, not 3 on auto: .* begin a new process"):
        runtime.tune(threads=3)
    with pytest.raises(RuntimeError, match="no device 'tpu': take cpu, cuda, or auto"):
        runtime.tune(device="tpu")


def test_threads_are_obeyed_told_and_part_of_the_numerics():
    program = """
import json, os
from pwffsim.learning import runtime
runtime.tune(2, "cpu")
import torch
told = [runtime.numerics()["threads"], torch.get_num_threads(), str(runtime.device()), os.environ["OMP_WAIT_POLICY"]]
print(json.dumps(told))
"""
    assert told(program) == [2, 2, "cpu", "PASSIVE"]


def test_a_missing_gpu_is_refused():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(RuntimeError, match="no GPU that torch can use is here: take device cpu, or auto"):
        runtime.tune(device="cuda")


def test_fp32_products_are_fp32():
    assert runtime.facts()["matmul_error"] < 1e-4


def test_threads_are_one_or_as_many_as_were_offered():
    program = """
import json, torch
from pwffsim.learning import runtime
before = torch.get_num_threads()
found = [runtime.quickest_threads(1, 32), runtime.quickest_threads(2, 32, tokens=16)]
assert torch.get_num_threads() == before
print(json.dumps(found))
"""
    one, either = told(program)
    assert one == 1
    assert either in (1, 2)


def test_warming_loads_what_training_needs_and_sets_nothing():
    program = """
import json, sys
from pwffsim.learning import warm
loaded = set(sys.modules)
import torch
models = ["gpt2", "llama", "distilbert"]
heavy = {"peft", "numpy", *(f"transformers.models.{kind}.modeling_{kind}" for kind in models)}
print(json.dumps([heavy <= loaded, torch.get_float32_matmul_precision(), "pwffsim.learning.runtime" in loaded]))
"""
    assert told(program) == [True, "highest", False]


SMALL = {"batch_size": 4, "max_length": 40, "engine": "native"}


@pytest.mark.parametrize(
    ("params", "width", "layers", "wanted"),
    [
        (SMALL, 128, 4, TOGETHER["instruction.train"]),  # 160 tokens a client: as many as may ever share
        ({**SMALL, "batch_size": 8, "max_length": 96}, 128, 4, 10),  # 768: what 8192 tokens hold
        ({**SMALL, "batch_size": 2, "max_length": 32}, 768, 12, 7),  # GPT-2 small
        ({**SMALL, "max_length": 64}, 768, 12, 1),
        ({**SMALL, "engine": "trl"}, 128, 4, 1),
    ],
)
def test_how_many_clients_share_a_batch_of_tuning(params, width, layers, wanted):
    assert together("instruction.train", params, width, layers) == wanted


def test_other_stages_go_by_width_and_by_what_is_trained():
    assert together("reward.train", {"reward": {"upload": "head"}}, 128, 4) == TOGETHER["reward.train"]
    assert together("reward.train", {"reward": {"upload": "full"}}, 128, 4) == 1
    through_encoder = {"reward": {"upload": "lora"}, "batch_size": 8, "max_length": 64}  # 2048 tokens a client
    assert together("reward.train", through_encoder, 128, 4) == 4
    iteration = {"reward": {"upload": "head"}, "batch_size": 16, "max_length": 64}  # 1024 tokens a client
    assert together("alignment.train", iteration, 768, 12) == 1
    assert together("alignment.train", iteration, 128, 4) == 16
    assert together("aggregate", {}, 128, 4) == 1

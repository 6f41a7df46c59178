"""The same recipe gives the same bits in two fresh processes, whatever PYTHONHASHSEED is and whatever ran before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

PROGRAM = """
import json, sys
sys.path.insert(0, {here!r})
from small_models import ALIGNING, TUNING, data_params, initial_states, model_params, reward_params, stage_params
from pwffsim.learning import stages, state

model, data, groups = model_params({base!r}), data_params(), ["adapters", "lora"]
start = initial_states(model, groups, reward_params(), 1)
reference = {{f"reference_{{g}}": start[g] for g in groups}}
grouped = {{"group_size": 2, "group_normalisation": "normalise_then_sum", "minibatches": 1}}
grouped = {{**ALIGNING, "reward": reward_params(), **grouped}}
preferring = {{"weight": 0.7, "dpo_beta": 0.1}}
recipes = [
    ("instruction.train", {{**TUNING, "engine": "native"}}, start),
    ("instruction.train", {{**TUNING, "engine": "trl"}}, start),
    ("reward.train", {{**TUNING, "reward": reward_params()}}, start),
    ("alignment.train", {{**ALIGNING, "reward": reward_params()}}, {{**start, **reference}}),
    ("instruction.train", {{**TUNING, "engine": "native", "precision": "bf16"}}, start),
    ("reward.train", {{**TUNING, "reward": reward_params(), "engine": "trl"}}, start),
    ("alignment.grpo.train", {{**grouped, "engine": "native"}}, {{**start, **reference}}),
    ("alignment.grpo.train", {{**grouped, "engine": "trl"}}, {{**start, **reference}}),
    ("alignment.dpo.train", {{**TUNING, **preferring, "engine": "native"}}, {{**start, **reference}}),
    ("alignment.dpo.train", {{**TUNING, **preferring, "engine": "trl"}}, {{**start, **reference}}),
]
found = {{}}
for i in {order!r}:
    name, more, inputs = recipes[i]
    result = stages.run(name, stage_params(model, data, **more), inputs)
    found[i] = [result.facts, {{part: state.content_digest(t) for part, t in result.parts.items()}}]
print("RESULT" + json.dumps(found, sort_keys=True))
"""


def outcome(base, order, hash_seed):
    program = PROGRAM.format(here=str(HERE), base=str(base), order=order)
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        cwd=HERE.parents[1],
    )
    return json.loads(done.stdout.split("RESULT")[1])


def test_two_processes_agree_to_the_bit(small_base):
    one = outcome(small_base, [0, 1, 4], "0")
    assert one == outcome(small_base, [4, 1, 0], "4242")
    assert one["0"][1] != one["1"][1] or one["0"][0]["loss_first"] == one["1"][0]["loss_first"]
    assert one["4"] != one["0"]


def test_reward_learning_and_alignment_do_too(small_base):
    assert outcome(small_base, [2, 3], "0") == outcome(small_base, [3, 2], "4242")


def test_trl_s_trainers_and_alignment_without_critics_do_too(small_base):
    assert outcome(small_base, [5, 6, 7, 8, 9], "0") == outcome(small_base, [9, 7, 5, 8, 6], "4242")

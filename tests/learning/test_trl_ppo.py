"""Our PPO against trl 1.12's PPOTrainer, the last release that has one, where their definitions meet.

They meet for one reward and one critic (here the client's whole weight is on helpfulness), for responses of equal
length that were all cut, for one learning rate, and without a bound on the gradient or on the divergence. Then
advantages, losses and states are the same, but for what is stated here:

* trl whitens with Bessel's correction, we with the population's variance: a factor sqrt((n - 1) / n) on advantages;
* trl clips values (`cliprange_value`; here so wide that it never bites), we do not;
* trl has no bound on the gradient's norm in this loop, we have (here so wide that it never bites);
* after an end trl pays the score one place behind the last token and lets the critic see that place, we pay it at the
  last token: so no response ends here;
* trl's `whiten_rewards` whitens rewards without shifting their mean; it is off, and we have nothing like it;
* with no `ref_model`, trl takes the policy with its LoRA off, bottleneck adapters as they are now, for the reference;
  here it is given the reference states;
* trl's `approxkl` is k2 over all places, ours k3 over tokens: they are not compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import data_params
from test_alignment_stage import of_three

from pwffsim.learning import aligning, preferences, reward, stages, tokens

ROOT = Path(__file__).parents[2]
SETTINGS = {"gamma": 1.0, "gae_lambda": 0.95, "kl_coefficient": 0.2, "temperature": 0.9, "clip_range": 0.02}
WIDE = {"clip": 1e9, "kl_bound": 1e9, "weight_decay": 0.0, "learning_rate": 1e-3, "critic_learning_rate": 1e-3}
STATED = {"advantage": 1e-5, "loss": 1e-5, "moved": 1e-3}
"""Of advantages and losses; of the difference of two states as a share of how far they moved."""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter with trl 1.12.0 and our torch, transformers and peft; skips where it cannot be had."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.environments import CannotInstall, Environment

    try:
        return Environment("trl-ppo", "trl==1.12.0", "trl").python(tmp_path_factory.mktemp("environments"))
    except CannotInstall as reason:
        pytest.skip(f"trl 1.12.0 cannot be installed: {reason}")
    finally:
        sys.path.remove(str(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [1, 2])
def test_trl_s_last_ppo_and_ours_agree(model, python, tmp_path, monkeypatch, epochs):
    more = {**SETTINGS, **WIDE, "ppo_epochs": epochs, "minibatches": 1, "max_new_tokens": 8, "batch_size": 6}
    (_, job, _) = of_three(model, data_params(3), **more)
    job = type(job)({**job.params, "weight": 1.0}, job.inputs)
    seen, score = [], aligning.score
    monkeypatch.setattr(aligning, "score", lambda *given: seen.append(score(*given)) or seen[-1])
    ours = stages.run_together("alignment.train", [job])[0]
    (scored,) = seen
    never_ended(scored, job)
    told, theirs = trl(python, tmp_path, job, scored)
    advantages = (scored.returns["helpfulness"] - scored.values["helpfulness"]).view(6, -1)
    near(theirs["advantages"], advantages)
    n = advantages.numel()
    near(theirs["whitened"] * (n / (n - 1)) ** 0.5, scored.advantage.view(6, -1))
    assert told["loss/value_avg"] == pytest.approx(ours.facts["value_loss_helpfulness"], rel=STATED["loss"])
    bessel = ((n - 1) / n) ** 0.5
    assert told["loss/policy_avg"] == pytest.approx(
        ours.facts["policy_loss"] * bessel, rel=10 * STATED["loss"], abs=STATED["loss"] / 10
    )
    for group in ("adapters", "lora", "critics"):
        began = job.inputs["reward" if group == "critics" else group]
        states_agree(began, ours.parts[group], group, theirs)


def never_ended(scored, job):
    text = tokens.tokenizer(job.params["model"]["tokenizer"])
    drawn = [dialogue.tokens.response for dialogue in scored.rollout.dialogues]
    assert {len(response) for response in drawn} == {job.params["max_new_tokens"]}
    assert not {text.end, text.pad} & {token for response in drawn for token in response}


def near(one, other):
    torch.testing.assert_close(one, other, rtol=STATED["advantage"], atol=STATED["advantage"])


def states_agree(began, ours, group, theirs):
    names = [name for name in ours if f"{group}/{name}" in theirs]
    assert len(names) == (4 if group == "critics" else len(ours))
    own, other, before = (
        torch.cat([source(name).flatten() for name in names])
        for source in (ours.__getitem__, lambda n: theirs[f"{group}/{n}"], began.__getitem__)
    )
    assert float((own - before).norm()) > 0
    assert float((own - other).norm()) < STATED["moved"] * float((own - before).norm())


def trl(python, folder, job, scored):
    """What the other interpreter makes of the same batch."""
    params = job.params
    rewards = reward.resident("reward", [job])
    rewards.load([job.inputs["reward"]])
    scale = preferences.scales([job], rewards, [job.inputs["reward"]])["helpfulness"]
    request = {
        "model": params["model"],
        "groups": params["groups"],
        "rollout": [[list(d.tokens.prompt), list(d.tokens.response)] for d in scored.rollout.dialogues],
        "scale": {"mean": float(scale.mean), "deviation": float(scale.deviation)},
        "settings": {
            "num_ppo_epochs": params["ppo_epochs"],
            "num_mini_batches": 1,
            "per_device_train_batch_size": params["batch_size"],
            "gradient_accumulation_steps": 1,
            "total_episodes": params["batch_size"],
            "local_rollout_forward_batch_size": params["batch_size"],
            "response_length": params["max_new_tokens"],
            "temperature": params["temperature"],
            "kl_coef": params["kl_coefficient"],
            "kl_estimator": "k1",
            "cliprange": params["clip_range"],
            "cliprange_value": 1e9,
            "vf_coef": params["value_coefficient"],
            "gamma": params["gamma"],
            "lam": params["gae_lambda"],
            "whiten_rewards": False,
            "learning_rate": params["learning_rate"],
            "weight_decay": 0.0,
            "lr_scheduler_type": "constant",
            "num_sample_generations": 0,
            "use_cpu": True,
            "bf16": False,
            "report_to": "none",
            "save_strategy": "no",
            "gradient_checkpointing": False,
        },
    }
    inputs = {**job.inputs, "critics": job.inputs["reward"]}
    flat = {f"{group}/{name}": tensor for group, tensors in inputs.items() for name, tensor in tensors.items()}
    save_file({name: tensor.clone().contiguous() for name, tensor in flat.items()}, folder / "inputs.safetensors")
    (folder / "request.json").write_text(json.dumps(request))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    script = Path(__file__).with_name("trl_ppo_script.py")
    done = subprocess.run([python, script, folder], capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads((folder / "result.json").read_text()), load_file(folder / "result.safetensors")

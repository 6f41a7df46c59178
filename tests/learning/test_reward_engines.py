"""Stage 2 by trl's RewardTrainer: our loop's results, within what is stated."""

from __future__ import annotations

import pytest
import torch
from small_models import TUNING, reward_params, stage_params
from test_reward_stage import KINDS, described, distilbert, start  # noqa: F401  (a fixture)

from pwffsim.learning import stages

STATED = {"loss": 1e-5, "parameters": 5e-5, "off": 2e-3}
"""Of losses; of parameters, and the share of them that differ by more, whose gradients are all but zero: AdamW's first
steps point wherever rounding does."""


def train(model, data, description, group, **more):
    params = stage_params(model, data, **{**TUNING, "steps": 4, "reward": description, **more})
    return stages.run("reward.train", params, {"reward": group})


@pytest.mark.parametrize(("kind", "upload"), KINDS)
def test_trl_and_our_loop_agree(model, data, distilbert, kind, upload):  # noqa: F811
    description = described(kind, upload, distilbert)
    group = start(model, description)
    native, trl = (train(model, data, description, group, engine=engine) for engine in ("native", "trl"))
    for fact, value in native.facts.items():
        assert trl.facts[fact] == pytest.approx(value, rel=1e-4, abs=STATED["loss"]), fact
    assert trl.parts["reward"].keys() == native.parts["reward"].keys()
    ours, theirs = (torch.cat([t.flatten() for _, t in sorted(r.parts["reward"].items())]) for r in (native, trl))
    assert float(((ours - theirs).abs() > STATED["parameters"]).float().mean()) < STATED["off"]


def test_trl_changes_nothing_that_is_shared(model, data):
    """Encoders that are trained whole are copies; generators are put back."""
    description = reward_params("full")
    group = start(model, description)
    before = torch.random.get_rng_state()
    runs = [train(model, data, description, group, engine=engine).facts for engine in ("native", "trl", "native")]
    assert runs[0] == runs[2]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_last_bias_stays(model, data):
    """It cancels in every margin."""
    description = reward_params("head")
    group = start(model, description)
    for engine in ("native", "trl"):
        after = train(model, data, description, group, engine=engine).parts["reward"]
        assert torch.equal(after["helpfulness.head.2.bias"], group["helpfulness.head.2.bias"])

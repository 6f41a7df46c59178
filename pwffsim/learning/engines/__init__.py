"""Training loops by name: of instruction tuning, of reward models, of alignment by preferences and by groups."""

from __future__ import annotations

from pwffsim.learning.engines import (
    native,
    native_dpo,
    native_grpo,
    native_reward,
    trl,
    trl_dpo,
    trl_grpo,
    trl_reward,
)
from pwffsim.learning.engines.engine import DpoEngine, Engine, GrpoEngine, RewardEngine

ENGINES: dict[str, Engine] = {"native": native.train, "trl": trl.train}

REWARD_ENGINES: dict[str, RewardEngine] = {"native": native_reward.fit, "trl": trl_reward.fit}

DPO_ENGINES: dict[str, DpoEngine] = {"native": native_dpo.train, "trl": trl_dpo.train}

GRPO_ENGINES: dict[str, GrpoEngine] = {"native": native_grpo.NativeGrpo, "trl": trl_grpo.TrlGrpo}

"""The task as a scenario of pwffsim: LoRA on c_attn alone, all clients alike, evaluated at the start and the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pwffsim.federation.method import Method
from pwffsim.federation.methods import METHODS

STEPS = 4
"""Local steps a round."""

METHOD = Method(
    name="lora_fl",
    summary="LoRA alone is trained and averaged (FedAvg, arXiv 1602.05629).",
    trained=("lora",),
    shared=("lora",),
    share_rewards=True,
)


def register() -> None:
    """Make the method known, as a third party's package would through an entry point; before scenarios are loaded."""
    METHODS[METHOD.name] = METHOD


def write(path: Path, clients: int, rounds: int, fusion: str = "off") -> Path:
    """Write the scenario (JSON is YAML).

    Args:
        path: where to.
        clients, rounds: of the task.
        fusion: "off" trains client by client, "auto" several in one step.
    """
    path.write_text(json.dumps({**_scenario(clients, rounds), "compute": {"fusion": fusion}}, indent=1))
    return path


def _scenario(clients: int, rounds: int) -> dict[str, Any]:
    few = ("pairs_per_client", "test_pairs_per_client", "prompts_per_client", "test_prompts_per_client")
    return {
        "name": "peers",
        "seed": 7,
        "clients": clients,
        "model": {"base": "tiny", "max_length": 40, "lora": {"rank": 8, "alpha": 16}},
        "data": {
            "corpus": "embedded",
            "partition": {"by": "iid"},
            "rows_per_client": 64,
            "test_rows_per_client": 4,
            "global_test_rows": 4,
            **dict.fromkeys(few, 4),
        },
        "method": METHOD.name,
        "stages": {"instruction": {"rounds": rounds, "local_steps": STEPS, "batch_size": 4, "learning_rate": 3e-3}},
        "radio": {"preset": "physical", "mean_snr_db": 20, "bandwidth": "1 MHz", "tx_power": "1 W"},
        "devices": {"tiers": [{"name": "phone", "lora_modules_per_block": 1}]},
        "aggregation": {"mode": "synchronous"},
        "evaluation": {"every": rounds},
    }

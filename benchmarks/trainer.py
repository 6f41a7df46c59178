"""What trl's trainers are told wherever they are measured: their own loop, and nothing that logs, saves or reports."""

from __future__ import annotations

from typing import Any

QUIET: dict[str, Any] = {
    "lr_scheduler_type": "constant",
    "use_cpu": True,
    "bf16": False,
    "activation_checkpointing": False,
    "max_length": None,
    "dataset_kwargs": {"skip_prepare_dataset": True},
    "save_strategy": "no",
    "logging_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
}
"""Keywords of SFTConfig."""

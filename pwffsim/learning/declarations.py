"""Names of everything in this room that a scenario may choose. No torch here: the scenario schema imports it."""

from __future__ import annotations

from typing import Any

STAGES: tuple[str, ...] = ("instruction", "reward", "alignment")
"""The federated stages, in the order in which they run."""

ENGINES: dict[str, tuple[str, ...]] = {"instruction": ("native", "trl")}
"""Stage -> training loops: our own, or trl's SFTTrainer."""

REWARD_MODELS: tuple[str, ...] = ("base_head", "distilbert")
"""Encoder of the reward models: the policy's frozen base, or DistilBERT (the paper's literal choice)."""

UPLOADS: tuple[str, ...] = ("full", "head", "lora")
"""What is trained, and so uploaded, of a reward model: encoder and head; the head; the encoder's LoRA and the head."""

COMBINE: tuple[str, ...] = ("advantage", "reward", "literal_sum")
"""Where the two objectives are weighted and summed in PPO."""

SITES: tuple[str, ...] = ("attention", "mlp", "block")
"""Places for a bottleneck adapter in a block: attention's output, the MLP's output, the block's output."""

WEIGHTS: tuple[str, ...] = ("pretrained", "untrained", "pretrained_or_untrained")
"""Which weights a base model takes; the last one falls back on random weights and says so."""

BASES: dict[str, str] = {"tiny": "assets/tiny", "gpt2": "openai-community/gpt2"}
"""Short name of a base model -> folder inside this package, or hub id."""

KNOWN_CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": {
        "model_type": "gpt2",
        "n_layer": 12,
        "n_embd": 768,
        "n_head": 12,
        "n_positions": 1024,
        "vocab_size": 50257,
        "activation_function": "gelu_new",
        "bos_token_id": 50256,
        "eos_token_id": 50256,
    },
    "distilbert-base-uncased": {
        "model_type": "distilbert",
        "n_layers": 6,
        "dim": 768,
        "n_heads": 12,
        "hidden_dim": 3072,
        "max_position_embeddings": 512,
        "vocab_size": 30522,
        "activation": "gelu",
        "pad_token_id": 0,
    },
}
"""Published dimensions of models that may be asked for untrained, where no config.json is at hand."""

ALIASES: dict[str, str] = {
    "openai-community/gpt2": "gpt2",
    "distilbert/distilbert-base-uncased": "distilbert-base-uncased",
}
"""Hub id -> key of KNOWN_CONFIGS."""

SAMPLES_A_PROMPT = 2
"""Responses that are generated to a held-out prompt when alignment is evaluated."""

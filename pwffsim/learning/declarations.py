"""Names of everything in this room that a scenario may choose. No torch here: the scenario schema imports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STAGES: tuple[str, ...] = ("instruction", "reward", "alignment")
"""The federated stages, in the order in which they run."""

_LOOPS = ("native", "trl")

ENGINES: dict[str, tuple[str, ...]] = {"instruction": _LOOPS, "reward": _LOOPS, "alignment": _LOOPS}
"""Stage -> training loops: our own, or trl's trainers."""


@dataclass(frozen=True)
class Algorithm:
    """A way to align.

    Attributes:
        stage: its training's name in ``STAGES`` of :mod:`pwffsim.learning.stages`.
        critics: whether it trains two critics.
        generates: whether it samples responses.
        sequences: sequences that a row of its batch makes.
        engines: training loops that know it.
    """

    stage: str
    critics: bool
    generates: bool
    sequences: int
    engines: tuple[str, ...]


ALGORITHMS: dict[str, Algorithm] = {
    "ppo": Algorithm("alignment.train", critics=True, generates=True, sequences=1, engines=("native",)),
    "grpo": Algorithm("alignment.grpo.train", critics=False, generates=True, sequences=1, engines=_LOOPS),
    "dpo": Algorithm("alignment.dpo.train", critics=False, generates=False, sequences=2, engines=_LOOPS),
}
"""Ways to align, by name; trl has had no PPO since its release 1.13."""

KL_REFERENCES: tuple[str, ...] = ("stage1", "base", "global")
"""What alignment holds a policy against: its own at the end of stage 1, the base model, or the global state as received
with personal groups off."""

NORMALISATIONS: tuple[str, ...] = ("sum_then_normalise", "normalise_then_sum")
"""Where GRPO normalises two objectives' rewards within a group."""

REWARD_MODELS: tuple[str, ...] = ("base_head", "distilbert")
"""Encoder of the reward models: the policy's frozen base, or DistilBERT (the paper's literal choice)."""

UPLOADS: tuple[str, ...] = ("full", "head", "lora")
"""What is trained, and so uploaded, of a reward model: encoder and head; the head; the encoder's LoRA and the head."""

REWARD_SCOPES: tuple[str, ...] = ("global", "clustered", "local")
"""Whose a reward model is: an average over all clients (the paper), over those of like preference, or the client's."""

COMBINE: tuple[str, ...] = ("advantage", "reward", "literal_sum")
"""Where the two objectives are weighted and summed in PPO."""

SITES: tuple[str, ...] = ("attention", "mlp", "block")
"""Places for a bottleneck adapter in a block: attention's output, the MLP's output, the block's output."""

WEIGHTS: tuple[str, ...] = ("pretrained", "untrained", "pretrained_or_untrained")
"""Which weights a base model takes; the last one falls back on random weights and says so."""

BASES: dict[str, str] = {
    "tiny": "assets/tiny",
    "gpt2": "openai-community/gpt2",
    "gpt2-large": "openai-community/gpt2-large",
}
"""Short name of a base model -> folder inside this package, or hub id."""

_GPT2: dict[str, Any] = {
    "model_type": "gpt2",
    "n_layer": 12,
    "n_embd": 768,
    "n_head": 12,
    "n_positions": 1024,
    "vocab_size": 50257,
    "activation_function": "gelu_new",
    "bos_token_id": 50256,
    "eos_token_id": 50256,
}

KNOWN_CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": _GPT2,
    "gpt2-large": {**_GPT2, "n_layer": 36, "n_embd": 1280, "n_head": 20},
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
    "openai-community/gpt2-large": "gpt2-large",
    "distilbert/distilbert-base-uncased": "distilbert-base-uncased",
}
"""Hub id -> key of KNOWN_CONFIGS."""

SAMPLES_A_PROMPT = 2
"""Responses that are generated to a held-out prompt when alignment is evaluated."""

EXAMINER = "examiner"
"""Names, in recipes, the reward models that no client trains against, and the pairs that they are fitted on."""

OWN: tuple[str, ...] = ("client", "shard", "seed", "weight")
"""Params that may differ between clients that a stage takes at once; beside them, the number of LoRA modules."""

PRECISIONS: tuple[str, ...] = ("fp32", "bf16")
"""Of matrix products; states are fp32 always."""


TOGETHER: dict[str, int] = {
    "instruction.train": 16,
    "instruction.evaluate": 16,
    "reward.train": 64,
    "reward.evaluate": 64,
    "alignment.train": 16,
    "alignment.grpo.train": 16,
    "alignment.dpo.train": 16,
    "alignment.evaluate": 16,
}
"""Stage -> clients that share a batch at most, where that pays (benchmarks/fusion_*.py)."""

WIDEST_FUSED = 256
"""Width of the widest model whose clients share a batch: the products of wider ones fill a processor by themselves."""

ACTIVATIONS: dict[str, int] = {
    "instruction.train": 2**22,
    "instruction.evaluate": 2**24,
    "reward.train": 2**22,
    "reward.evaluate": 2**24,
    "alignment.train": 2**23,
    "alignment.grpo.train": 2**23,
    "alignment.dpo.train": 2**23,
    "alignment.evaluate": 2**24,
}
"""Stage -> tokens x width x blocks of a batch at most, where that is known and stands in place of the width: beyond it
memory grows and nothing is quicker."""


def together(stage: str, params: Mapping[str, Any], width: int, layers: int) -> int:
    """How many clients a stage takes at once at most: 1 where a batch of several does not pay, or cannot be.

    Args:
        stage: its name.
        params: of the recipe.
        width, layers: of the network that works in it.
    """
    if params.get("engine", "native") != "native" or _whole_encoder(params):
        return 1
    return min(TOGETHER.get(stage, 1), _room(stage, params, width, layers))


def _room(stage: str, params: Mapping[str, Any], width: int, layers: int) -> int:
    """Clients whose activations a batch may hold."""
    if stage in ACTIVATIONS and not _kept_features(stage, params):
        tokens = _SEQUENCES.get(stage, 1) * params.get("batch_size", _MEASURED_ROWS) * params["max_length"]
        return max(1, ACTIVATIONS[stage] // (tokens * width * layers))
    return TOGETHER.get(stage, 1) if width <= WIDEST_FUSED else 1


_MEASURED_ROWS = 32
"""Held-out rows of a client, about."""

_SEQUENCES = {"reward.train": 4, "reward.evaluate": 4, "alignment.dpo.train": 2}
"""Sequences a row, where it is not one: a pair of dialogues, in stage 2 for each of two objectives."""


def _kept_features(stage: str, params: Mapping[str, Any]) -> bool:
    """Whether reward models learn from features that are computed once, so that no encoder is at work in a batch."""
    return stage.startswith("reward.") and params.get("reward", {}).get("upload") == "head"


def _whole_encoder(params: Mapping[str, Any]) -> bool:
    """Whether reward models are trained whole, which is one client's business."""
    return params.get("reward", {}).get("upload") == "full"

"""Small models and parameters for the tests of this room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pwffsim.data.prompting import END, PAD, format_prompt, format_response
from pwffsim.data.spec import DataSpec
from pwffsim.learning import bases

SITES = ["attention", "mlp", "block"]
SPEC = DataSpec(
    rows_per_client=24,
    test_rows_per_client=8,
    pairs_per_client=16,
    test_pairs_per_client=8,
    prompts_per_client=12,
    test_prompts_per_client=4,
    global_test_rows=12,
)


def make_gpt2(folder: Path, layers: int = 2, width: int = 32) -> Path:
    """A random GPT-2 in Hugging Face format, whose larger weights make its outputs far from uniform."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    backend = _tokenizer()
    config = GPT2Config(
        n_layer=layers,
        n_embd=width,
        n_head=4,
        n_positions=128,
        vocab_size=backend.get_vocab_size(),
        initializer_range=0.2,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(folder)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END, bos_token=END, pad_token=PAD)
    wrapped.save_pretrained(folder)
    return folder


def _tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from pwffsim.data.corpora.embedded import base_corpus

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[PAD, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    rows = base_corpus(200, 0)
    tokenizer.train_from_iterator((format_prompt(r.prompt) + format_response(r.response) for r in rows), trainer)
    return tokenizer


def model_params(base: str, modules: int = 3, rank: int = 4) -> dict[str, Any]:
    """The policy of a recipe."""
    return {
        **bases.resolve(base).params(0),
        "adapters": {"bottleneck": 5, "sites": SITES},
        "lora": {"rank": rank, "alpha": 8.0},
        "lora_modules_per_block": modules,
    }


def data_params(clients: int = 2) -> dict[str, Any]:
    """The data of a recipe."""
    return {
        "spec": SPEC.to_mapping(),
        "clients": clients,
        "seed": 3,
        "mean_snr_db": [5.0] * clients,
        "preference_weights": [0.5] * clients,
    }


def reward_params(upload: str = "head", kind: str = "base_head", base: dict[str, Any] | None = None) -> dict[str, Any]:
    """The reward models of a recipe."""
    return {"model": kind, "upload": upload, "rank": 2, "base": base}


def stage_params(model: dict[str, Any], data: dict[str, Any], client: int | None = 0, **more: Any) -> dict[str, Any]:
    """What all stages read, and more."""
    common = {"groups": ["adapters", "lora"], "data": data, "client": client, "seed": 11, "max_length": 48}
    return {"model": model, **common, **more}


def initial_states(
    model: dict[str, Any], groups: list[str], reward: dict[str, Any] | None = None, seed: int = 0
) -> dict[str, Any]:
    """The first state of each group, and of the reward models where they are described."""
    from pwffsim.learning import stages

    every = [*groups, *(["reward"] if reward else [])]
    parts = (
        stages.run("initialise", {"group": g, "model": model, "reward": reward, "seed": seed}, {}).parts for g in every
    )
    return {name: tensors for part in parts for name, tensors in part.items()}


def held(model: dict[str, Any], groups: list[str], *states: dict[str, Any]) -> Any:
    """The resident policy, holding these clients' states."""
    from pwffsim.learning import policy
    from pwffsim.learning.jobs import Job

    return policy.resident([Job({"model": model, "groups": groups}, given) for given in states])


TUNING = {"steps": 3, "batch_size": 4, "learning_rate": 3e-3, "weight_decay": 0.0, "clip": 1.0}
ALIGNING = {
    **TUNING,
    "steps": 1,
    "max_new_tokens": 10,
    "temperature": 1.0,
    "ppo_epochs": 2,
    "minibatches": 2,
    "clip_range": 0.2,
    "gamma": 1.0,
    "gae_lambda": 0.95,
    "kl_coefficient": 0.05,
    "kl_bound": 8.0,
    "value_coefficient": 0.5,
    "critic_learning_rate": 1e-3,
    "combine": "advantage",
    "weight": 0.7,
}

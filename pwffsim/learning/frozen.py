"""Frozen pretrained networks: loaded once a process, lent out as views that share every weight."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedModel
from transformers.activations import NewGELUActivation

from channel_models.randomness import derive_seed
from pwffsim.learning import runtime
from pwffsim.learning.bases import BaseUnavailable, folder_of
from pwffsim.learning.products import TanhGelu
from pwffsim.learning.runtime import ATTENTION

M = TypeVar("M", bound=nn.Module)

_KINDS: dict[str, Any] = {"language": AutoModelForCausalLM, "encoder": AutoModel}


def language_model(base: Mapping[str, Any]) -> PreTrainedModel:
    """A view of a causal language model, such as GPT-2, with frozen weights.

    Args:
        base: ``ResolvedBase.params``: base, untrained, config, tokenizer, digest, seed.

    Raises:
        BaseUnavailable: when its files do not make that model.
    """
    return view(_resident("language", _identity(base)))


def encoder(base: Mapping[str, Any]) -> PreTrainedModel:
    """A view of an encoder without a head, such as DistilBERT, with frozen weights.

    Raises:
        BaseUnavailable: when its files do not make that model.
    """
    return view(_resident("encoder", _identity(base)))


def view(model: M) -> M:
    """A copy of a network's structure that shares its tensors: modules added to one view are not in another."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)


def _identity(base: Mapping[str, Any]) -> str:
    return json.dumps({key: base.get(key) for key in ("base", "untrained", "config", "digest", "seed")}, sort_keys=True)


@lru_cache(maxsize=4)
def _resident(kind: str, identity: str) -> PreTrainedModel:
    base = json.loads(identity)
    make: Callable[[str, dict[str, Any]], PreTrainedModel] = _random if base["untrained"] else _stored
    model = make(kind, base).eval().to(runtime.device())
    _fuse_activations(model)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
        parameter.data = parameter.data.clone()  # off the mapped file: what happens to the file changes nothing here
    return model


def _fuse_activations(model: nn.Module) -> None:
    """GPT-2's tanh form of GELU in few operations instead of eight: the same function, to rounding."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, TanhGelu())


def _random(kind: str, base: dict[str, Any]) -> PreTrainedModel:
    """Random weights in the architecture of the config; torch's own generator is put back as it was."""
    config = AutoConfig.for_model(**base["config"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(base["seed"], "base.untrained"))
        return _KINDS[kind].from_config(config, attn_implementation=ATTENTION, dtype=torch.float32)


def _stored(kind: str, base: dict[str, Any]) -> PreTrainedModel:
    folder = folder_of(base["base"])
    try:
        model, info = _KINDS[kind].from_pretrained(
            folder, dtype=torch.float32, attn_implementation=ATTENTION, local_files_only=True, output_loading_info=True
        )
    except Exception as error:
        raise BaseUnavailable(f"the model in {folder} cannot be loaded ({type(error).__name__}: {error})") from error
    if info["missing_keys"]:
        raise BaseUnavailable(
            f"the weights in {folder} lack {', '.join(sorted(info['missing_keys'])[:5])}: fetch them again"
        )
    return model

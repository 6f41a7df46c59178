"""Two reward models, and the two critics that start as copies of them: pairs of scorers by objective.

A pair's state is one group of tensors named ``{objective}.{parameter}``. The default encoder is the policy's own frozen
base; ``distilbert`` is the paper's literal choice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import lora, state
from pwffsim.learning.scoring import BaseEncoder, Dialogue, DistilBertEncoder, Encoder, Features, Scorer

ENCODERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any], int | None], Encoder]] = {
    "base_head": lambda reward, model, max_length: BaseEncoder(model),
    "distilbert": lambda reward, model, max_length: DistilBertEncoder(reward["base"], max_length),
}
"""Reward model's name -> (reward params, model params, longest sequence or None for its own limit) -> encoder."""

_CHUNK = 32


class Pair:
    """A scorer an objective, helpfulness and harmlessness.

    Attributes:
        scorers: objective -> scorer.
        frozen: whether all encoders are one frozen network.
    """

    def __init__(self, reward: Mapping[str, Any], model: Mapping[str, Any], max_length: int | None = None) -> None:
        make = ENCODERS[reward["model"]]
        shared = make(reward, model, max_length)
        self.frozen = reward["upload"] == "head"
        encoders = {o: shared if self.frozen else make(reward, model, max_length) for o in OBJECTIVES}
        self.scorers = {o: Scorer(encoders[o], reward["upload"], reward["rank"]) for o in OBJECTIVES}

    def named(self) -> dict[str, nn.Parameter]:
        """All parameters under their full names."""
        return {f"{o}.{name}": p for o, scorer in self.scorers.items() for name, p in scorer.parameters.items()}

    def load(self, group: Mapping[str, Tensor]) -> None:
        """Take over a state."""
        state.load(self.named(), group)

    def read(self) -> state.Group:
        """A copy of the state."""
        return state.read(self.named())

    def pretrained(self) -> state.Group:
        """The encoders' parameters as they stand."""
        named = self.named()
        return {name: p.detach().clone() for name, p in named.items() if ".encoder." in name and ".lora_" not in name}

    def features(self, dialogues: Sequence[Dialogue]) -> dict[str, Features]:
        """Objective -> features; computed once, without gradient, where the encoder is frozen and shared."""
        if not self.frozen:
            return {o: scorer.encoder.features(dialogues) for o, scorer in self.scorers.items()}
        with torch.no_grad():
            shared = next(iter(self.scorers.values())).encoder.features(dialogues)
        return dict.fromkeys(self.scorers, shared)


def resident(role: str, reward: Mapping[str, Any], model: Mapping[str, Any], max_length: int) -> Pair:
    """The pair of a description, built once a process for each role ("reward" or "critics")."""
    return _resident(role, json.dumps([reward, _base(model)], sort_keys=True), max_length)


def initial_state(reward: Mapping[str, Any], model: Mapping[str, Any], seed: int) -> state.Group:
    """The state at the start: heads drawn by (seed, name), LoRA without effect, encoders as they were pre-trained."""
    pair = Pair(reward, model)
    named = pair.named()
    pretrained = pair.pretrained() if reward["upload"] == "full" else {}
    drawn = {name: p.shape for name, p in named.items() if name not in pretrained}
    return {**pretrained, **state.make(drawn, _initial, seed)}


@torch.no_grad()
def score(scorer: Scorer, dialogues: Sequence[Dialogue]) -> Tensor:
    """(rows,): scores of whole dialogues, in pieces."""
    pieces = (dialogues[start : start + _CHUNK] for start in range(0, len(dialogues), _CHUNK))
    return torch.cat([scorer.scores(scorer.encoder.whole(piece)) for piece in pieces])


@torch.no_grad()
def whole_features(encoder: Encoder, dialogues: Sequence[Dialogue]) -> Tensor:
    """(rows, d): features of whole dialogues, in pieces."""
    pieces = (dialogues[start : start + _CHUNK] for start in range(0, len(dialogues), _CHUNK))
    return torch.cat([encoder.whole(piece) for piece in pieces])


@lru_cache(maxsize=4)
def _resident(role: str, description: str, max_length: int) -> Pair:
    reward, model = json.loads(description)
    return Pair(reward, model, max_length)


def _base(model: Mapping[str, Any]) -> dict[str, Any]:
    """What of a model description an encoder depends on: not the policy's adapters and LoRA."""
    return {key: model.get(key) for key in ("base", "untrained", "config", "tokenizer", "digest", "seed")}


def _initial(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Linear's usual weights, uniform in +-1/sqrt(in); biases zero; LoRA as peft starts it."""
    if ".lora_" in name:
        return lora.initial(name, shape, generator)
    if name.endswith("bias"):
        return torch.zeros(shape)
    return (torch.rand(shape, generator=generator) * 2 - 1) / shape[-1] ** 0.5

"""Reward models by objective, and the critics that start as copies of them, for C clients.

There are two objectives, or one where a method says so. A pair's state is one group of tensors a client, named
``{objective}.{parameter}``. The default encoder is the policy's own frozen base; ``distilbert`` is the paper's literal
choice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pwffsim.data.rows import OBJECTIVES
from pwffsim.learning import lora, state
from pwffsim.learning.jobs import Job, Params
from pwffsim.learning.scoring import BaseEncoder, Dialogue, DistilBertEncoder, Encoder, Features, Scorer
from pwffsim.learning.stacked import Shapes

ENCODERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any], int | None], Encoder]] = {
    "base_head": lambda reward, model, max_length: BaseEncoder(model),
    "distilbert": lambda reward, model, max_length: DistilBertEncoder(reward["base"], max_length),
}
"""Reward model's name -> (reward params, model params, longest sequence or None for its own limit) -> encoder."""


def objectives(reward: Mapping[str, Any]) -> tuple[str, ...]:
    """What a client learns rewards for: both objectives, unless its reward params name one."""
    return tuple(reward.get("objectives", OBJECTIVES))


class Pair:
    """A scorer an objective: helpfulness and harmlessness, or one of them.

    Attributes:
        scorers: objective -> scorer of C clients.
        frozen: whether all encoders are one frozen network.
    """

    def __init__(self, reward: Mapping[str, Any], model: Mapping[str, Any], max_length: int | None = None) -> None:
        make = ENCODERS[reward["model"]]
        shared = make(reward, model, max_length)
        self.frozen = reward["upload"] == "head"
        encoders = {o: shared if self.frozen else make(reward, model, max_length) for o in objectives(reward)}
        self.scorers = {o: Scorer(encoder, reward["upload"], reward["rank"]) for o, encoder in encoders.items()}

    @property
    def shapes(self) -> Shapes:
        """Full name -> shape of one client's tensor."""
        return {f"{o}.{name}": shape for o, scorer in self.scorers.items() for name, shape in scorer.shapes.items()}

    def load(self, groups: Sequence[Mapping[str, Tensor]]) -> None:
        """Take over a state a client.

        Raises:
            KeyError, ValueError: as :meth:`~pwffsim.learning.scoring.Scorer.load` does.
        """
        for objective, scorer in self.scorers.items():
            scorer.load([part(group, objective) for group in groups])

    def read(self) -> list[state.Group]:
        """Copies of the states, client by client."""
        states = {objective: scorer.stack.split() for objective, scorer in self.scorers.items()}
        return [whole(dict(zip(states, own, strict=True))) for own in zip(*states.values(), strict=True)]

    def pretrained(self) -> state.Group:
        """The encoders' own weights that are trained, as they stand before, on the CPU."""
        return {
            f"{objective}.encoder.{name}": weight.detach().cpu().clone()
            for objective, scorer in self.scorers.items()
            for name, weight in scorer.encoder.trunk.weights.items()
            if f"encoder.{name}" in scorer.shapes
        }

    def features(self, dialogues: Sequence[Dialogue]) -> dict[str, Features]:
        """Objective -> features of client-major rows; computed once, without gradient, where the encoder is frozen and
        shared."""
        if not self.frozen:
            return {o: scorer.encoder.features(dialogues) for o, scorer in self.scorers.items()}
        with torch.no_grad():
            shared = next(iter(self.scorers.values())).encoder.features(dialogues)
        return dict.fromkeys(self.scorers, shared)


def part(group: Mapping[str, Tensor], objective: str) -> state.Group:
    """The tensors of one objective's model, under the scorer's names."""
    prefix = f"{objective}."
    return {name.removeprefix(prefix): tensor for name, tensor in group.items() if name.startswith(prefix)}


def whole(parts: Mapping[str, Mapping[str, Tensor]]) -> state.Group:
    """The tensors of all objectives' models, under their full names."""
    return {f"{objective}.{name}": tensor for objective, own in parts.items() for name, tensor in own.items()}


def resident(role: str, jobs: Sequence[Job]) -> Pair:
    """The pair of some clients, built once a process for each role ("reward" or "critics"); its states are whatever was
    loaded last. Params read: reward, model (the base alone), max_length."""
    return _resident(role, identity(jobs[0].params))


def scorer(params: Params) -> Scorer:
    """One scorer for the models of both objectives, side by side as those of different clients are, which is how they
    are trained; built once a process. Params read: as :func:`resident`."""
    return _scorer(identity(params))


def identity(params: Params) -> str:
    """What a reward model's shapes and encoder depend on: not the policy's adapters and LoRA."""
    base = {key: params["model"].get(key) for key in ("base", "untrained", "config", "tokenizer", "digest", "seed")}
    return json.dumps([params["reward"], base, params["max_length"]], sort_keys=True)


def initial_state(reward: Mapping[str, Any], model: Mapping[str, Any], seed: int) -> state.Group:
    """The state at the start: heads drawn by (seed, name), LoRA without effect, encoders as they were pre-trained."""
    pair = Pair(reward, model)
    pretrained = pair.pretrained()
    drawn = {name: shape for name, shape in pair.shapes.items() if name not in pretrained}
    return {**pretrained, **state.make(drawn, _initial, seed)}


@lru_cache(maxsize=4)
def _resident(role: str, description: str) -> Pair:
    return Pair(*json.loads(description))


@lru_cache(maxsize=2)
def _scorer(description: str) -> Scorer:
    reward, model, max_length = json.loads(description)
    return Scorer(ENCODERS[reward["model"]](reward, model, max_length), reward["upload"], reward["rank"])


def _initial(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Linear's usual weights, uniform in +-1/sqrt(in); biases zero; LoRA as peft starts it."""
    if ".lora_" in name:
        return lora.initial(name, shape, generator)
    if name.endswith("bias"):
        return torch.zeros(shape)
    return (torch.rand(shape, generator=generator) * 2 - 1) / shape[-1] ** 0.5

"""The task that everybody does, read from a file: whose rows are learnt from when, and where the LoRA starts.

python -m benchmarks.peers.write_task OUT      (writes it, with pwffsim)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

State = dict[str, Tensor]
"""LoRA tensors by peft's names, without the name of the adapter."""


@dataclass(frozen=True)
class Settings:
    """Model and optimiser, the same for all clients.

    Attributes:
        base: folder of the language model.
        rank, alpha: of the LoRA on each block's c_attn.
        learning_rate, clip: of AdamW without weight decay; largest norm of the gradient.
        rounds, clients, steps, rows, length: of the task.
    """

    base: str
    rank: int
    alpha: float
    learning_rate: float
    clip: float
    rounds: int
    clients: int
    steps: int
    rows: int
    length: int


@dataclass(frozen=True)
class Task:
    """What everybody does.

    Attributes:
        settings: model and optimiser.
        ids, labels: of shape (rounds, clients, steps, rows, length); labels are -100 where a token carries no loss.
        lengths: (rounds, clients, steps), the longest row of each batch; what is behind it is padding.
        initial: the LoRA at the start.
    """

    settings: Settings
    ids: Tensor
    labels: Tensor
    lengths: Tensor
    initial: State

    def batches(self, round_: int, client: int) -> list[tuple[Tensor, Tensor]]:
        """What a client learns from in a round: (ids, labels) of each step."""
        parts = zip(self.ids[round_, client], self.labels[round_, client], self.lengths[round_, client], strict=True)
        return [(ids[:, :length], labels[:, :length]) for ids, labels, length in parts]

    def rows(self, round_: int, client: int) -> tuple[Tensor, Tensor]:
        """The same rows one below the other: ids and labels of shape (steps x rows, length)."""
        return self.ids[round_, client].flatten(0, 1), self.labels[round_, client].flatten(0, 1)


_TENSOR, _DATA = "initial/", ("ids", "labels", "lengths")


def write(task: Task, path: Path) -> None:
    """Keep a task as safetensors."""
    tensors = {f"{_TENSOR}{name}": tensor for name, tensor in task.initial.items()}
    tensors |= {name: getattr(task, name) for name in _DATA}
    save_file(tensors, path, metadata={"settings": json.dumps(task.settings.__dict__)})


def read(path: Path) -> Task:
    """The task of a file."""
    with safe_open(path, framework="pt") as opened:
        settings = Settings(**json.loads(opened.metadata()["settings"]))
        initial = {n.removeprefix(_TENSOR): opened.get_tensor(n) for n in opened.keys() if n.startswith(_TENSOR)}  # noqa: SIM118
        data = {name: opened.get_tensor(name) for name in _DATA}
        return Task(settings, **data, initial=initial)


def mean(states: list[State]) -> State:
    """FedAvg of equal weights."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def distance(state: Mapping[str, Tensor], other: Mapping[str, Tensor], start: Mapping[str, Tensor]) -> float:
    """Euclidean norm of the difference of two results, relative to how far the second has come from the start."""
    return _norm(state, other) / _norm(other, start)


def _norm(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    if a.keys() != b.keys():
        raise ValueError(f"states of different tensors: {sorted(a.keys() ^ b.keys())[:3]}")
    return float(sum((a[name].double() - b[name].double()).square().sum() for name in a) ** 0.5)

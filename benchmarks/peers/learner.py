"""A good local step, which all frameworks are given: a resident network with LoRA, states copied in and out.

Two forms of it. ``stock`` is what the libraries do by themselves: fused attention, MKL products, the model's own loss.
``tuned`` does what is known to be quicker on a processor: fp32 products through oneDNN with eager attention, GELU as
one operation, logits of the response tokens alone, the fused optimiser, and memory that is not given back at every
step.
"""

from __future__ import annotations

import ctypes
import sys
from abc import ABC, abstractmethod
from typing import Any

import torch
import transformers
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM
from transformers.activations import NewGELUActivation

from benchmarks.peers.task import Settings, State

_IGNORED = -100


class Learner(ABC):
    """One network a process; a client is a state of it.

    Attributes:
        network: the language model with its LoRA.
        trained: the LoRA's parameters by peft's names, without the name of the adapter.
    """

    attention: str
    fused: bool | None

    def __init__(self, settings: Settings) -> None:
        torch.set_num_threads(1)
        self.settings = settings
        self.network = _network(settings, self.attention)
        self.trained = {
            name.replace(".default.", "."): parameter
            for name, parameter in self.network.named_parameters()
            if parameter.requires_grad
        }

    @abstractmethod
    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        """-log p of a response token, averaged over those of a batch."""

    def optimiser(self) -> torch.optim.Optimizer:
        """A fresh AdamW over the LoRA."""
        rate = self.settings.learning_rate
        return torch.optim.AdamW(self.trained.values(), lr=rate, weight_decay=0.0, fused=self.fused)

    def train(self, batches: list[tuple[Tensor, Tensor]]) -> None:
        """One step a batch, from whatever is loaded."""
        optimiser = self.optimiser()
        for ids, labels in batches:
            self.loss(ids, labels).backward()
            nn.utils.clip_grad_norm_(self.trained.values(), self.settings.clip)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    @torch.no_grad()
    def load(self, state: State) -> None:
        """Copy a state into the resident parameters."""
        torch._foreach_copy_(list(self.trained.values()), [state[name] for name in self.trained])

    def read(self) -> State:
        """A copy of the resident parameters."""
        return {name: parameter.detach().clone() for name, parameter in self.trained.items()}


class Stock(Learner):
    """As the libraries come."""

    attention = "sdpa"
    fused = None

    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        return self.network(input_ids=ids, labels=labels, use_cache=False).loss


class Tuned(Learner):
    """As quick as one client at a time gets."""

    attention = "eager"
    fused = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        torch.set_float32_matmul_precision("medium")
        _keep_memory()
        _fuse_activations(self.network)
        self._trunk, self._head = self.network.base_model.model.transformer, self.network.get_output_embeddings()

    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        hidden = self._trunk(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        wanted = labels[:, 1:] != _IGNORED
        return functional.cross_entropy(self._head(hidden[wanted]), labels[:, 1:][wanted])


NUMERICS: dict[str, type[Learner]] = {"stock": Stock, "tuned": Tuned}


def _network(settings: Settings, attention: str) -> Any:
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    model = AutoModelForCausalLM.from_pretrained(
        settings.base, dtype=torch.float32, attn_implementation=attention, local_files_only=True
    )
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        target_modules=["attn.c_attn"],
        fan_in_fan_out=True,
        lora_dropout=0.0,
    )
    return get_peft_model(model, config).eval()


def _fuse_activations(network: nn.Module) -> None:
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, nn.GELU(approximate="tanh"))


def _keep_memory() -> None:
    """glibc's mallopt: M_MMAP_MAX 0, M_TRIM_THRESHOLD as large as it goes, M_TOP_PAD 64 MiB."""
    if sys.platform.startswith("linux") and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        for setting, value in ((-4, 0), (-1, 2**31 - 1), (-2, 64 << 20)):
            libc.mallopt(setting, value)

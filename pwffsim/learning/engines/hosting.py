"""What trl's trainers have in common here: no files that stay, no logs, no draws from anybody's generators.

A trainer gets a view of the network, since it rewires the language-model head; the trained tensors are shared. It never
gets a ``PeftModel``: trl would copy its LoRA alone into an adapter named "ref" and take that, with the bottleneck
adapters as they are now, for the reference policy. Its AdamW leaves biases without weight decay, where our loops decay
every tensor.
"""

from __future__ import annotations

import random  # noqa: TID251  (its state is kept, nothing is drawn from it)
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from pwffsim.learning import runtime
from pwffsim.learning.supervised import Optimisation


def options(settings: Optimisation, batch_size: int, steps: int) -> dict[str, Any]:
    """Keywords of every trainer's configuration: rows in their order, one constant rate, nothing written."""
    return {
        "per_device_train_batch_size": batch_size,
        "max_steps": steps,
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.clip,
        "lr_scheduler_type": "constant",
        "optim": "adamw_torch_fused",
        "use_cpu": runtime.device().type == "cpu",
        "bf16": False,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }


@contextmanager
def hosted() -> Iterator[str]:
    """A folder for a trainer's own files, and everybody's generators as they were afterwards: a trainer seeds Python's,
    NumPy's and torch's."""
    python, numpy = random.getstate(), np.random.get_state()
    with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        yield folder
    random.setstate(python)
    np.random.set_state(numpy)


def recording(trainer: type[Any]) -> Any:
    """A trainer class of trl's that keeps the loss of every batch in ``losses``."""

    class Recording(trainer):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            self.losses: list[float] = []
            super().__init__(*arguments, **named)

        def compute_loss(self, *arguments: Any, **named: Any) -> Any:
            result = super().compute_loss(*arguments, **named)
            self.losses.append((result[0] if isinstance(result, tuple) else result).item())
            return result

    return Recording


def quiet(trainer: Any) -> Any:
    """The same trainer, which prints nothing."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    return trainer


def columns(rows: list[Mapping[str, Any]]) -> Any:
    """Rows as a data set."""
    from datasets import Dataset

    return Dataset.from_list([dict(row) for row in rows])


def no_tokenizer() -> Any:
    """A tokenizer for a trainer that asks for one, though its rows are tokens already."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(WordLevel({"<pad>": 0}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="<pad>")

"""trl's SFTTrainer as the training loop, for cross-checks: same rows, same order, same optimiser, its own loss."""

from __future__ import annotations

import random  # noqa: TID251  (its state is kept, nothing is drawn from it)
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from pwffsim.learning import frozen, peft_policy, runtime, state
from pwffsim.learning.batching import IGNORED, bucket
from pwffsim.learning.engines.engine import Trained
from pwffsim.learning.jobs import Job
from pwffsim.learning.peft_policy import PeftPolicy
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import Encoded, tokenizer


def train(jobs: Sequence[Job], drawn: Sequence[Sequence[Sequence[Encoded]]], settings: Optimisation) -> Trained:
    """One client after another, each with a trainer of its own."""
    each = [_train(job, steps, settings) for job, steps in zip(jobs, drawn, strict=True)]
    return [parts for parts, _ in each], [losses for _, losses in each]


def _train(
    job: Job, steps: Sequence[Sequence[Encoded]], settings: Optimisation
) -> tuple[dict[str, state.Group], list[float]]:
    policy = peft_policy.resident(job.params["model"], job.params["groups"])
    policy.load(job.inputs)
    losses = fit(policy, steps, tokenizer(job.params["model"]["tokenizer"]).pad, settings)
    return policy.read(), losses


def fit(policy: PeftPolicy, steps: Sequence[Sequence[Encoded]], pad: int, settings: Optimisation) -> list[float]:
    """One step of SFTTrainer a batch; the loss of each before the step.

    The trainer gets a view of the network, since it rewires the language-model head; the trained tensors are shared.
    Its AdamW leaves biases without weight decay, where the native loop decays every tensor.
    """
    from trl.trainer.utils import disable_dropout_in_model

    network: Any = frozen.view(policy.network)
    disable_dropout_in_model(network)
    with TemporaryDirectory() as folder, _global_generators_kept():
        trainer = _trainer(network, steps, pad, settings, folder)
        trainer.train()
    for parameter in policy.parameters():
        parameter.grad = None
    return trainer.losses


def _trainer(network: Any, steps: Sequence[Sequence[Encoded]], pad: int, settings: Optimisation, folder: str) -> Any:
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig

    batch_size = len(steps[0])
    config = SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=batch_size,
        max_steps=len(steps),
        train_sampling_strategy="sequential",
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        lr_scheduler_type="constant",
        optim="adamw_torch_fused",
        use_cpu=runtime.device().type == "cpu",
        bf16=False,
        activation_checkpointing=False,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    rows = [row for step in steps for row in step]
    dataset = Dataset.from_dict(
        {
            "input_ids": [[*row.prompt, *row.response] for row in rows],
            "labels": [[IGNORED] * len(row.prompt) + list(row.response) for row in rows],
        }
    )
    trainer = _recording_trainer()(
        network, config, train_dataset=dataset, data_collator=_collator(pad), processing_class=_unused()
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _recording_trainer() -> Any:
    from trl import SFTTrainer

    class Recording(SFTTrainer):
        """SFTTrainer that keeps the loss of every batch."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.losses: list[float] = []
            super().__init__(*arguments, **options)

        def compute_loss(self, *arguments: Any, **options: Any) -> Any:
            result = super().compute_loss(*arguments, **options)
            self.losses.append((result[0] if isinstance(result, tuple) else result).item())
            return result

    return Recording


def _collator(pad: int) -> Any:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    return DataCollatorForLanguageModeling(pad_token_id=pad, pad_to_multiple_of=bucket(1))


def _unused() -> Any:
    """A tokenizer for a trainer that asks for one, though its rows are tokens already."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(WordLevel({"<pad>": 0}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="<pad>")


@contextmanager
def _global_generators_kept() -> Iterator[None]:
    """The trainer seeds Python's, NumPy's and torch's own generators; put them back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        yield
    random.setstate(python)
    np.random.set_state(numpy)

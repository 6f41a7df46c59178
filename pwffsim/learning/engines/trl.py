"""trl's SFTTrainer as the training loop, for cross-checks: same rows, same order, same optimiser, its own loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pwffsim.learning import frozen, peft_policy, state
from pwffsim.learning.batching import IGNORED, bucket
from pwffsim.learning.engines import hosting
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
    """One step of SFTTrainer a batch; the loss of each before the step."""
    from trl.trainer.utils import disable_dropout_in_model

    network: Any = frozen.view(policy.network)
    disable_dropout_in_model(network)
    with hosting.hosted() as folder:
        trainer = _trainer(network, steps, pad, settings, folder)
        trainer.train()
    for parameter in policy.parameters():
        parameter.grad = None
    losses: list[float] = trainer.losses
    return losses


def _trainer(network: Any, steps: Sequence[Sequence[Encoded]], pad: int, settings: Optimisation, folder: str) -> Any:
    from trl import SFTConfig, SFTTrainer
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    config = SFTConfig(
        output_dir=folder,
        train_sampling_strategy="sequential",
        activation_checkpointing=False,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        **hosting.options(settings, len(steps[0]), len(steps)),
    )
    trainer = hosting.recording(SFTTrainer)(
        network,
        config,
        train_dataset=hosting.columns([_row(row) for step in steps for row in step]),
        data_collator=DataCollatorForLanguageModeling(pad_token_id=pad, pad_to_multiple_of=bucket(1)),
        processing_class=hosting.no_tokenizer(),
    )
    return hosting.quiet(trainer)


def _row(row: Encoded) -> dict[str, list[int]]:
    return {
        "input_ids": [*row.prompt, *row.response],
        "labels": [IGNORED] * len(row.prompt) + list(row.response),
    }

"""trl's DPOTrainer as the training loop, for cross-checks: same pairs, same order, same optimiser, its own loss.

Its reference is a network of its own that holds the reference states, adapters and LoRA.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pwffsim.learning import dpo, frozen
from pwffsim.learning.batching import IGNORED
from pwffsim.learning.engines import hosting
from pwffsim.learning.engines.engine import Preferred
from pwffsim.learning.jobs import Job
from pwffsim.learning.pair_texts import Pairs
from pwffsim.learning.peft_policy import PeftPolicy
from pwffsim.learning.rollouts import REFERENCE
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import tokenizer


def train(jobs: Sequence[Job], drawn: Sequence[Sequence[Pairs]]) -> list[Preferred]:
    """One client after another, each with a trainer of its own."""
    return [_train(job, steps) for job, steps in zip(jobs, drawn, strict=True)]


def _train(job: Job, steps: Sequence[Pairs]) -> Preferred:
    policy, reference = (PeftPolicy(job.params["model"], job.params["groups"]) for _ in range(2))
    policy.load(job.inputs)
    reference.load(job.inputs, REFERENCE)
    with hosting.hosted() as folder:
        trainer = _trainer(job, policy, reference, steps, folder)
        trainer.train()
    return Preferred(policy.read(), trainer.losses, trainer.accuracies, trainer.margins)


def _trainer(job: Job, policy: PeftPolicy, reference: PeftPolicy, steps: Sequence[Pairs], folder: str) -> Any:
    from trl import DPOConfig

    params, pad = job.params, tokenizer(job.params["model"]["tokenizer"]).pad
    settings = Optimisation(params["learning_rate"], params["weight_decay"], params["clip"])
    config = DPOConfig(
        output_dir=folder,
        train_sampling_strategy="sequential",
        beta=params["dpo_beta"],
        loss_type=["sigmoid"],
        max_length=None,
        disable_dropout=True,
        activation_checkpointing=False,
        remove_unused_columns=False,
        **hosting.options(settings, len(steps[0]), len(steps)),
    )
    trainer = _class()(
        frozen.view(policy.network),
        frozen.view(reference.network),
        config,
        train_dataset=hosting.columns([{"row": i} for i in range(len(steps) * len(steps[0]))]),
        data_collator=_Batches([pair for step in steps for pair in step], pad),
        processing_class=hosting.no_tokenizer(),
    )
    return hosting.quiet(trainer)


def _class() -> Any:
    """DPOTrainer over rows that are tokens already, which keeps what it says of every batch."""
    from trl import DPOTrainer

    class Tokens(hosting.recording(DPOTrainer)):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            self.accuracies: list[float] = []
            self.margins: list[float] = []
            super().__init__(*arguments, **named)

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def compute_loss(self, *arguments: Any, **named: Any) -> Any:
            result = super().compute_loss(*arguments, **named)
            told = self._metrics["train"]
            self.accuracies.append(told["rewards/accuracies"][-1])
            self.margins.append(told["rewards/margins"][-1] / self.beta)
            return result

    return Tokens


class _Batches:
    """Rows of the data set, which are numbers of pairs, as trl's loss wants them: the chosen responses before the
    rejected ones. A pair's prompts may be cut differently, which trl's own collator cannot express."""

    def __init__(self, pairs: Pairs, pad: int) -> None:
        self._pairs, self._pad = pairs, pad

    def __call__(self, rows: Sequence[Mapping[str, int]]) -> dict[str, Tensor]:
        pairs = [self._pairs[row["row"]] for row in rows]
        batch = dpo.batch_of([pairs], self._pad)
        lengths = torch.tensor([len(dialogue.tokens) for side in zip(*pairs, strict=True) for dialogue in side])
        attended = torch.arange(batch.ids.shape[1]) < lengths[:, None]
        return {
            "input_ids": batch.ids,
            "attention_mask": attended.long(),
            "completion_mask": (batch.labels != IGNORED).long(),
        }

"""TRL's SFTTrainer for every client in every round: constructed, run, thrown away, as scripts around it do."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerFast, PrinterCallback
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from benchmarks.peers.meter import Job, Meter, conduct
from benchmarks.peers.task import Settings, State, mean
from benchmarks.trainer import QUIET


def simulate(job: Job, meter: Meter) -> State:
    """All rounds."""
    job.learner.load(state := job.task.initial)
    words = PreTrainedTokenizerFast(tokenizer_file=f"{job.task.settings.base}/tokenizer.json", **_special(job))
    with TemporaryDirectory() as folder:
        config = _config(job.task.settings, folder)
        meter.begin()
        for round_ in range(job.task.settings.rounds):
            clients = range(job.task.settings.clients)
            state = mean([_trained(job, config, words, state, round_, client) for client in clients])
            meter.lap()
    return state


def _trained(job: Job, config: SFTConfig, words: Any, state: State, round_: int, client: int) -> State:
    job.learner.load(state)
    ids, labels = job.task.rows(round_, client)
    dataset = Dataset.from_dict({"input_ids": ids.tolist(), "labels": labels.tolist()})
    collator = DataCollatorForLanguageModeling(pad_token_id=words.pad_token_id)
    trainer = SFTTrainer(
        job.learner.network, config, train_dataset=dataset, data_collator=collator, processing_class=words
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return job.learner.read()


def _special(job: Job) -> dict[str, str]:
    """The end token, which also fills."""
    token = job.learner.network.config.eos_token_id
    words = PreTrainedTokenizerFast(tokenizer_file=f"{job.task.settings.base}/tokenizer.json")
    return dict.fromkeys(("eos_token", "pad_token"), words.convert_ids_to_tokens(token))


def _config(settings: Settings, folder: str) -> SFTConfig:
    return SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=settings.rows,
        max_steps=settings.steps,
        train_sampling_strategy="sequential",
        learning_rate=settings.learning_rate,
        weight_decay=0.0,
        max_grad_norm=settings.clip,
        optim="adamw_torch",
        **QUIET,
    )


def main() -> None:
    """Measure."""
    conduct(simulate)

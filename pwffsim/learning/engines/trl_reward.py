"""trl's RewardTrainer as the training loop, for cross-checks: same pairs, same order, same optimiser, its own loss.

What it trains is a plain model made of the same encoder (with peft's LoRA in it, or a copy of it where it is trained
whole) and a torch head. The last bias is left alone: it cancels in every margin, so that its gradient is rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from torch import Tensor, nn

from pwffsim.learning import frozen, lora, pair_texts, preferences, state
from pwffsim.learning.batching import bucket
from pwffsim.learning.engines import hosting
from pwffsim.learning.engines.engine import Fitted
from pwffsim.learning.jobs import Params
from pwffsim.learning.pair_texts import Member
from pwffsim.learning.scoring import Dialogue, Scorer, lora_shape
from pwffsim.learning.supervised import Optimisation

_ENCODER = "encoder."


def fit(scorer: Scorer, members: Sequence[Member]) -> list[Fitted]:
    """One model after another, each with a trainer of its own."""
    return [_fit(scorer, *one) for one in zip(members, scorer.stack.split(), strict=True)]


def _fit(scorer: Scorer, member: Member, before: state.Group) -> Fitted:
    pairs = pair_texts.of(member, "train")
    steps = [[pairs[i] for i in rows[0].tolist()] for rows in preferences.draws([member], [len(pairs)])]
    rows = [_row(scorer, *pair) for step in steps for pair in step]
    with hosting.hosted() as folder:
        model, named = _model(member.params, before)
        trainer = _trainer(member.params, model, rows, folder)
        trainer.train()
    after = state.read(named)
    moved = state.distance(after, before)
    return Fitted(after, trainer.losses, moved, isfinite(moved) and all(map(isfinite, trainer.losses)))


def _row(scorer: Scorer, chosen: Dialogue, rejected: Dialogue) -> dict[str, list[int]]:
    return {"chosen_ids": scorer.encoder.ids(chosen), "rejected_ids": scorer.encoder.ids(rejected)}


def _model(params: Params, before: Mapping[str, Tensor]) -> tuple[Any, dict[str, Tensor]]:
    """The model, and its trained parameters under the scorer's names."""
    encoder, encoder_named = _encoder(params)
    head = nn.Sequential(nn.Linear(encoder.config.hidden_size, encoder.config.hidden_size), nn.Tanh())
    head.append(nn.Linear(encoder.config.hidden_size, 1))
    named = {f"head.{name}": parameter for name, parameter in head.named_parameters()}
    named |= {f"{_ENCODER}{name}": parameter for name, parameter in encoder_named.items()}
    state.load(named, before)
    named["head.2.bias"].requires_grad_(False)
    return _scored(encoder, head, last=params["reward"]["model"] != "distilbert"), named


def _encoder(params: Params) -> tuple[Any, dict[str, Tensor]]:
    """A view of the encoder, and its trained parameters."""
    reward = params["reward"]
    network: Any = (
        frozen.encoder(reward["base"]) if reward["model"] == "distilbert" else frozen.language_model(params["model"])
    )
    return {"head": _as_it_is, "lora": _with_lora, "full": _copied}[reward["upload"]](network, reward["rank"])


def _as_it_is(network: Any, rank: int) -> tuple[Any, dict[str, Tensor]]:
    return network, {}


def _with_lora(network: Any, rank: int) -> tuple[Any, dict[str, Tensor]]:
    return network, dict(lora.attach(network, lora_shape(rank)))


def _copied(network: Any, rank: int) -> tuple[Any, dict[str, Tensor]]:
    whole = copy.deepcopy(network.base_model)
    return whole, {name: weight.requires_grad_() for name, weight in whole.named_parameters()}


def _scored(encoder: Any, head: nn.Module, last: bool) -> Any:
    """A transformers model that reads a score off the last or the first token's state."""
    from transformers import PreTrainedModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    config = copy.deepcopy(encoder.config)
    config.num_labels = 1

    class Scored(PreTrainedModel):
        def __init__(self) -> None:
            super().__init__(config)
            self.encoder, self.head = encoder, head

        def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> Any:
            states = self.encoder.base_model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            place = attention_mask.sum(1) - 1 if last else attention_mask.new_zeros(len(input_ids))
            return SequenceClassifierOutput(logits=self.head(states[range(len(states)), place]))

    return Scored()


def _trainer(params: Params, model: Any, rows: Sequence[dict[str, list[int]]], folder: str) -> Any:
    from trl import RewardConfig, RewardTrainer
    from trl.trainer.reward_trainer import DataCollatorForPreference

    settings = Optimisation(params["learning_rate"], params["weight_decay"], params["clip"])
    config = RewardConfig(
        output_dir=folder,
        train_sampling_strategy="sequential",
        max_length=None,
        disable_dropout=True,
        activation_checkpointing=False,
        **hosting.options(settings, params["batch_size"], params["steps"]),
    )
    trainer = hosting.recording(RewardTrainer)(
        model,
        config,
        train_dataset=hosting.columns(list(rows)),
        data_collator=DataCollatorForPreference(pad_token_id=0, pad_to_multiple_of=bucket(1)),
        processing_class=hosting.no_tokenizer(),
    )
    return hosting.quiet(trainer)

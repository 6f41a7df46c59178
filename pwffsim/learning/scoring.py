"""Encoders and heads: what reward models and critics are made of.

A scorer is ``head(features)`` with head = Linear(d, d), tanh, Linear(d, 1). A reward model applies it to the features
of a whole dialogue, a critic to those of the state before each response token. What may be trained, and so uploaded:
the head; LoRA in the encoder and the head; or the whole encoder and the head.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from pwffsim.learning import frozen, lora
from pwffsim.learning.batching import bucket
from pwffsim.learning.tokens import Encoded, fit, load, tokenizer

_LORA_MODULES = 1
"""LoRA modules in each block of a reward model's encoder."""

_LORA_ALPHA_PER_RANK = 2.0
"""A reward model's own LoRA has alpha = 2 r, so that the scale does not depend on the rank."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A prompt and a response, as texts and as the policy's tokens."""

    prompt: str
    response: str
    tokens: Encoded


@dataclass(frozen=True)
class Features:
    """What a head reads.

    Attributes:
        whole: (rows, d), of the whole dialogues.
        states: (rows, R, d), of the state before response token 0 .. R - 1; rows with fewer tokens repeat their last.
    """

    whole: Tensor
    states: Tensor

    def __getitem__(self, rows: Tensor) -> Features:
        return Features(self.whole[rows], self.states[rows])


class Encoder(Protocol):
    """Texts to features."""

    width: int
    network: Any

    def features(self, dialogues: Sequence[Dialogue]) -> Features:
        """Of whole dialogues and of every state; the gradient reaches what is trained."""
        ...

    def whole(self, dialogues: Sequence[Dialogue]) -> Tensor:
        """Of whole dialogues alone."""
        ...

    def trunk(self) -> nn.Module:
        """The part that an upload of the full encoder carries."""
        ...


class BaseEncoder:
    """The policy's frozen base, no adapters, no LoRA: hidden states of its own tokens, the last one for the whole."""

    def __init__(self, base: Mapping[str, Any]) -> None:
        self.network: Any = frozen.language_model(base)
        self.width: int = self.network.config.hidden_size
        self._pad = tokenizer(base["tokenizer"]).pad

    def trunk(self) -> nn.Module:
        return self.network.base_model

    def tokens(self, dialogues: Sequence[Dialogue]) -> Tensor:
        """(rows, length, d): the hidden state at every token, padding on the right."""
        length = bucket(max(len(d.tokens) for d in dialogues))
        ids = torch.full((len(dialogues), length), self._pad)
        for i, d in enumerate(dialogues):
            ids[i, : len(d.tokens)] = torch.tensor((*d.tokens.prompt, *d.tokens.response))
        return self.network.base_model(input_ids=ids, use_cache=False).last_hidden_state

    def whole(self, dialogues: Sequence[Dialogue]) -> Tensor:
        return _last(self.tokens(dialogues), dialogues)

    def features(self, dialogues: Sequence[Dialogue]) -> Features:
        hidden = self.tokens(dialogues)
        longest = max(len(d.tokens.response) for d in dialogues)
        starts = torch.tensor([len(d.tokens.prompt) - 1 for d in dialogues])
        ends = torch.tensor([len(d.tokens) - 2 for d in dialogues])
        places = torch.minimum(starts[:, None] + torch.arange(longest), ends[:, None])
        states = hidden[torch.arange(len(dialogues))[:, None], places]
        return Features(_last(hidden, dialogues), states)


class DistilBertEncoder:
    """DistilBERT (Sanh et al. 2019) over re-tokenised text, first token's state. It values a state by its prompt alone:
    one value for all tokens of a response, which is a baseline that does not look at the action."""

    def __init__(self, base: Mapping[str, Any], max_length: int | None) -> None:
        self.network: Any = frozen.encoder(base)
        self.width: int = self.network.config.dim
        self._tokenizer = text = load(base["tokenizer"])
        self._begin: int = text.eos_token_id if text.cls_token_id is None else text.cls_token_id
        self._separator: int = text.eos_token_id if text.sep_token_id is None else text.sep_token_id
        limit: int = self.network.config.max_position_embeddings
        self._length = min(max_length or limit, limit)

    def trunk(self) -> nn.Module:
        return self.network

    def whole(self, dialogues: Sequence[Dialogue]) -> Tensor:
        return self._first([self._ids(d.prompt, d.response) for d in dialogues])

    def features(self, dialogues: Sequence[Dialogue]) -> Features:
        longest = max(len(d.tokens.response) for d in dialogues)
        before = self._first([self._ids(d.prompt, "") for d in dialogues])
        return Features(self.whole(dialogues), before[:, None].expand(-1, longest, -1))

    def _ids(self, prompt: str, response: str) -> list[int]:
        """[CLS] prompt [SEP] response [SEP], cut as the policy's sequences are.

        A tokenizer that is not DistilBERT's own, as an untrained encoder may have, has its end token in both places.
        """
        halves = [
            tuple(self._tokenizer(t, add_special_tokens=False, split_special_tokens=True).input_ids)
            for t in (prompt, response)
        ]
        cut = fit(halves[0], halves[1], self._length - 3)
        tail = [*cut.response, self._separator] if response else []
        return [self._begin, *cut.prompt, self._separator, *tail]

    def _first(self, rows: list[list[int]]) -> Tensor:
        length = bucket(max(map(len, rows)))
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        mask = torch.zeros(len(rows), length, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        return self.network(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]


class Scorer:
    """An encoder and a head.

    Attributes:
        parameters: what is trained, by name: ``head.0.weight``, ``encoder.`` and a LoRA key or a tensor of the encoder.
        frozen: whether the encoder is, so that features can be computed once for all.
    """

    def __init__(self, encoder: Encoder, upload: str, rank: int) -> None:
        self.frozen = upload == "head"
        self.encoder = copy.deepcopy(encoder) if upload == "full" else encoder
        width = encoder.width
        self.head = nn.Sequential(skip_init(nn.Linear, width, width), nn.Tanh(), skip_init(nn.Linear, width, 1))
        self.parameters: dict[str, nn.Parameter] = {f"head.{n}": p for n, p in self.head.named_parameters()}
        self.parameters |= {f"encoder.{n}": p for n, p in self._encoder_parameters(upload, rank).items()}
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)

    def scores(self, features: Features | Tensor) -> Tensor:
        """(rows,): of whole dialogues."""
        whole = features if isinstance(features, Tensor) else features.whole
        return self.head(whole).squeeze(-1)

    def values(self, features: Features) -> Tensor:
        """(rows, R): of the state before each response token."""
        return self.head(features.states).squeeze(-1)

    def _encoder_parameters(self, upload: str, rank: int) -> Mapping[str, nn.Parameter]:
        if upload == "lora":
            shape = lora.LoraShape(rank, _LORA_ALPHA_PER_RANK * rank, _LORA_MODULES)
            return lora.attach(self.encoder.network, shape)
        return dict(self.encoder.trunk().named_parameters()) if upload == "full" else {}


def _last(hidden: Tensor, dialogues: Sequence[Dialogue]) -> Tensor:
    """The hidden state at each row's last token."""
    return hidden[torch.arange(len(dialogues)), torch.tensor([len(d.tokens) - 1 for d in dialogues])]

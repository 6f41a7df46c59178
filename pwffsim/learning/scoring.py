"""Encoders and heads: what reward models and critics are made of, for C clients side by side.

A scorer is ``head(features)`` with head = Linear(d, d), tanh, Linear(d, 1). A reward model applies it to the features
of a whole dialogue, a critic to those of the state before each response token. What may be trained, and so uploaded:
the head; LoRA in the encoder and the head; or the whole encoder and the head. Rows of a batch are client-major, C
blocks of equal size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from pwffsim.learning import frozen, grouped, predicting, runtime
from pwffsim.learning.batching import IGNORED, Batch, bucket
from pwffsim.learning.lora import LoraShape
from pwffsim.learning.stacked import Shapes, Stack
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


class Trunk:
    """An encoder's network: as it is, or with weights lent to it in place of its own.

    Args:
        network: the module.
        prefix: what the names of its weights begin with, and the names of weights that are lent do not.
    """

    def __init__(self, network: nn.Module, prefix: str = "") -> None:
        self._network = network
        self._prefix = prefix
        self._lent: dict[str, Tensor] = {}

    @property
    def weights(self) -> dict[str, Tensor]:
        """Its own weights by name."""
        return {name.removeprefix(self._prefix): weight for name, weight in self._network.named_parameters()}

    def lend(self, weights: Mapping[str, Tensor]) -> None:
        """Use these weights from now on."""
        self._lent = {f"{self._prefix}{name}": weight for name, weight in weights.items()}

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """What the network makes of its inputs."""
        return functional_call(self._network, self._lent, inputs, named)


class Reader(nn.Module):
    """A language model's trunk, read before the labelled tokens of a batch."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.base_model = model.base_model

    def forward(self, batch: Batch, blocks: int) -> Tensor:
        """(N, d): see :func:`pwffsim.learning.predicting.states`."""
        return predicting.states(self, batch, blocks)


class Encoder(Protocol):
    """Texts to features.

    Attributes:
        width: d.
        model: the whole transformers model, in which modules may be wrapped.
        trunk: the part of it that makes features; an upload of the full encoder carries its weights.
        blocks: C where clients have LoRA in it, 1 where all rows are alike to it.
    """

    width: int
    model: Any
    trunk: Trunk
    blocks: int

    def features(self, dialogues: Sequence[Dialogue]) -> Features:
        """Of whole dialogues and of every state; the gradient reaches what is trained."""
        ...

    def whole(self, dialogues: Sequence[Dialogue]) -> Tensor:
        """Of whole dialogues alone."""
        ...

    def ids(self, dialogue: Dialogue) -> list[int]:
        """The tokens that it reads of a whole dialogue."""
        ...


class BaseEncoder:
    """The policy's frozen base, no adapters, no LoRA: hidden states of its own tokens, the last one for the whole."""

    def __init__(self, base: Mapping[str, Any]) -> None:
        self.model: Any = frozen.language_model(base)
        self.width: int = self.model.config.hidden_size
        self.trunk = Trunk(Reader(self.model), "base_model.")
        self.blocks = 1
        self._pad = tokenizer(base["tokenizer"]).pad

    def whole(self, dialogues: Sequence[Dialogue]) -> Tensor:
        return self._read(dialogues, [len(d.tokens) for d in dialogues])

    def ids(self, dialogue: Dialogue) -> list[int]:
        return [*dialogue.tokens.prompt, *dialogue.tokens.response]

    def features(self, dialogues: Sequence[Dialogue]) -> Features:
        """As the protocol says; every response has a token."""
        states = self._read(dialogues, [len(d.tokens.prompt) for d in dialogues])
        counts = torch.tensor([len(d.tokens.response) for d in dialogues])
        ends = (counts + 1).cumsum(0) - 1
        places = torch.minimum(torch.arange(int(counts.max())), counts[:, None] - 1) + (ends - counts)[:, None]
        return Features(states[ends.to(states.device)], states[places.to(states.device)])

    def _read(self, dialogues: Sequence[Dialogue], starts: Sequence[int]) -> Tensor:
        """(N, d): the states before the tokens from `starts` to the end, and after the last one, row by row."""
        ids = padded([(*d.tokens.prompt, *d.tokens.response, self._pad) for d in dialogues], self._pad)[0]
        columns, last = np.arange(ids.shape[1]), np.array([[len(d.tokens)] for d in dialogues])
        asked = (columns >= np.array(starts)[:, None]) & (columns <= last)
        labels = torch.from_numpy(np.where(asked, 0, IGNORED)).to(ids.device)
        return self.trunk(Batch(ids, labels), self.blocks).float()


class DistilBertEncoder:
    """DistilBERT (Sanh et al. 2019) over re-tokenised text, first token's state. It values a state by its prompt alone:
    one value for all tokens of a response, which is a baseline that does not look at the action."""

    def __init__(self, base: Mapping[str, Any], max_length: int | None) -> None:
        self.model: Any = frozen.encoder(base)
        self.width: int = self.model.config.dim
        self.trunk = Trunk(self.model)
        self.blocks = 1
        self._tokenizer = text = load(base["tokenizer"])
        self._begin: int = text.eos_token_id if text.cls_token_id is None else text.cls_token_id
        self._separator: int = text.eos_token_id if text.sep_token_id is None else text.sep_token_id
        limit: int = self.model.config.max_position_embeddings
        self._length = min(max_length or limit, limit)

    def whole(self, dialogues: Sequence[Dialogue]) -> Tensor:
        return self._first([self.ids(dialogue) for dialogue in dialogues])

    def ids(self, dialogue: Dialogue) -> list[int]:
        return self._ids(dialogue.prompt, dialogue.response)

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

    def _first(self, rows: Sequence[Sequence[int]]) -> Tensor:
        ids, mask = padded(rows, 0)
        return self.trunk(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0].float()


class Head:
    """Linear(d, d), tanh, Linear(d, 1) of C clients, always in fp32: a difference of scores would not survive bf16.

    Attributes:
        shapes: name -> shape of one client's tensor.
    """

    def __init__(self, width: int) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {
            "head.0.weight": (width, width),
            "head.0.bias": (width,),
            "head.2.weight": (1, width),
            "head.2.bias": (1,),
        }

    def lend(self, tensors: Mapping[str, Tensor]) -> None:
        """Use these tensors, (C, *shape), from now on."""
        self._inner, self._inner_bias, self._outer, self._outer_bias = (tensors[name] for name in self.shapes)

    def __call__(self, features: Tensor) -> Tensor:
        """r of (C rows, ..., d): (C rows, ...)."""
        with torch.autocast(features.device.type, enabled=False):
            scores = torch.baddbmm(self._outer_bias[:, :, None], self._outer, self._hidden(features))
        return scores.view(features.shape[:-1])

    def margins(self, pairs: Tensor) -> Tensor:
        """r+ - r- of (C rows, 2, d): (C rows,). The last bias cancels, so that its gradient is 0 and not rounding."""
        with torch.autocast(pairs.device.type, enabled=False):
            chosen, rejected = self._hidden(pairs).unflatten(-1, (-1, 2)).unbind(-1)
            return torch.bmm(self._outer, chosen - rejected).flatten()

    def _hidden(self, features: Tensor) -> Tensor:
        """(C, d, rows ...): one column a row, since W X' is twice as quick as X W' where W is a slice of a matrix."""
        columns = features.reshape(len(self._inner), -1, features.shape[-1]).mT
        return torch.baddbmm(self._inner_bias[:, :, None], self._inner, columns).tanh()


class Tuning(Protocol):
    """What is trained of an encoder.

    Attributes:
        shapes: name -> shape of one client's tensor.
        most: how many clients it takes at once, None for any number.
    """

    shapes: Shapes
    most: int | None

    def lend(self, tensors: Mapping[str, Tensor]) -> None:
        """Use these tensors, (C, *shape), from now on."""
        ...


class NoTuning:
    """A frozen encoder."""

    most: int | None = None

    def __init__(self, encoder: Encoder, rank: int) -> None:
        self.shapes: Shapes = {}

    def lend(self, tensors: Mapping[str, Tensor]) -> None:
        """There is nothing to lend."""


def lora_shape(rank: int) -> LoraShape:
    """Of a reward model's own LoRA."""
    return LoraShape(rank, _LORA_ALPHA_PER_RANK * rank, _LORA_MODULES)


class LoraTuning:
    """LoRA in the first module of each block."""

    most: int | None = None

    def __init__(self, encoder: Encoder, rank: int) -> None:
        self._encoder = encoder
        self._modules = grouped.attach_lora(encoder.model, lora_shape(rank))
        self.shapes: Shapes = grouped.shapes(self._modules)

    def lend(self, tensors: Mapping[str, Tensor]) -> None:
        self._encoder.blocks = len(next(iter(tensors.values())))
        for module in self._modules:
            module.lend(tensors)


class FullTuning:
    """All weights of the encoder, of one client at a time: nothing is left to share a product with others."""

    most: int | None = 1

    def __init__(self, encoder: Encoder, rank: int) -> None:
        self._trunk = encoder.trunk
        self.shapes: Shapes = {name: tuple(weight.shape) for name, weight in encoder.trunk.weights.items()}

    def lend(self, tensors: Mapping[str, Tensor]) -> None:
        self._trunk.lend({name: tensors[name].squeeze(0) for name in self.shapes})


UPLOADS: dict[str, Callable[[Encoder, int], Tuning]] = {"head": NoTuning, "lora": LoraTuning, "full": FullTuning}
"""What is uploaded beside the head -> (encoder, rank of LoRA) -> what is trained of the encoder."""

_ENCODER = "encoder."


class Scorer:
    """An encoder and a head, of C clients.

    Attributes:
        encoder: makes features.
        shapes: name -> shape of what is trained of one client: ``head.0.weight``, ``encoder.`` and a LoRA key or a
            tensor of the encoder.
        most: how many clients it takes at once, None for any number.
        stack: the states it holds.
    """

    def __init__(self, encoder: Encoder, upload: str, rank: int) -> None:
        self.encoder = encoder
        self._head = Head(encoder.width)
        self._tuning = UPLOADS[upload](encoder, rank)
        self.most = self._tuning.most
        self.shapes = {**self._head.shapes, **{f"{_ENCODER}{n}": shape for n, shape in self._tuning.shapes.items()}}

    def load(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Take over the states of C clients.

        Raises:
            KeyError: when a tensor is missing.
            ValueError: when a shape differs, or the encoder takes fewer clients at once.
        """
        if self.most is not None and len(states) > self.most:
            raise ValueError(f"a full encoder is trained by {self.most} client at once, got {len(states)}: take turns")
        for one in states:
            if missing := [name for name in self.shapes if name not in one]:
                raise KeyError(f"the state lacks {len(missing)} tensors, such as {missing[0]}")
        self._lend(Stack(states, self.shapes, runtime.device()))

    def scores(self, features: Features | Tensor) -> Tensor:
        """(C rows,): of whole dialogues; or (C rows, ...) of features (C rows, ..., d)."""
        return self._head(features if isinstance(features, Tensor) else features.whole)

    def margins(self, pairs: Tensor) -> Tensor:
        """(C rows,): score of the first less that of the second dialogue, whose features are (C rows, 2, d)."""
        return self._head.margins(pairs)

    def values(self, features: Features) -> Tensor:
        """(C rows, R): of the state before each response token."""
        return self._head(features.states)

    def _lend(self, stack: Stack) -> None:
        self.stack = stack
        self._head.lend(stack.tensors)
        self._tuning.lend({name.removeprefix(_ENCODER): tensor for name, tensor in stack.tensors.items()})


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Ids and mask, (rows, length), padding on the right."""
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(bucket(int(lengths.max()))) < lengths[:, None]
    ids = np.full(mask.shape, pad)
    ids[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    device = runtime.device()
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask.astype(np.int64)).to(device)

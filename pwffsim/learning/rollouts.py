"""Responses of the policy to prompts, with what the present and the reference policy thought of each token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from channel_models.randomness import stream
from pwffsim.learning import generation, ppo, supervised
from pwffsim.learning.batching import Batch, collate
from pwffsim.learning.generation import Sampling
from pwffsim.learning.policy import Policy
from pwffsim.learning.scoring import Dialogue
from pwffsim.learning.tokens import Encoded, Tokenizer

REFERENCE = "reference_"
"""Prefix of the inputs that hold the reference policy."""


@dataclass(frozen=True)
class Rollout:
    """B responses of at most R tokens, N tokens in all, over a vocabulary of V.

    Attributes:
        dialogues: prompts and responses.
        batch: the same as padded tensors.
        mask: (B, R), true on response tokens.
        log_probs: (N,), of each token under the policy that sampled it.
        reference: (N, V), log-probabilities of the reference policy.
        facts: kl (nats a response), kl_per_token, entropy (nats a token) of the policy that sampled.
    """

    dialogues: Sequence[Dialogue]
    batch: Batch
    mask: Tensor
    log_probs: Tensor
    reference: Tensor
    facts: Mapping[str, float]

    @property
    def sampled_reference(self) -> Tensor:
        """(N,): the reference policy's log-probability of each token."""
        return self.reference.gather(1, self.batch.targets[:, None]).squeeze(1)

    def __len__(self) -> int:
        return len(self.dialogues)

    @property
    def tokens(self) -> int:
        """Number of response tokens."""
        return int(self.mask.sum())

    def grid(self, flat: Tensor) -> Tensor:
        """(N,) -> (B, R), zero beside the mask."""
        return torch.zeros(self.mask.shape, dtype=flat.dtype).masked_scatter(self.mask, flat)

    def tokens_of(self, rows: Tensor) -> Tensor:
        """(N,): which tokens belong to these responses."""
        return torch.isin(self.mask.nonzero()[:, 0], rows)

    def take(self, rows: Tensor) -> Rollout:
        """Some of the responses; `rows` ascend."""
        wanted, mask = self.tokens_of(rows), self.mask[rows]
        return Rollout(
            [self.dialogues[i] for i in rows.tolist()],
            Batch(self.batch.ids[rows], self.batch.labels[rows]),
            mask[:, : int(mask.sum(1).max())],
            self.log_probs[wanted],
            self.reference[wanted],
            self.facts,
        )


@dataclass(frozen=True)
class Request:
    """What to generate.

    Attributes:
        prompts: texts.
        new_tokens: R, the longest response.
        max_length: longest prompt and response together.
        seed: of the sampling; a response depends on (seed, its place in the list) and on the policy alone.
    """

    prompts: Sequence[str]
    new_tokens: int
    max_length: int
    seed: int

    def __post_init__(self) -> None:
        if self.new_tokens >= self.max_length:
            raise ValueError(
                f"max_new_tokens {self.new_tokens} leaves no room for a prompt in max_length {self.max_length}"
            )


def collect(
    policy: Policy, text: Tokenizer, request: Request, temperature: float, states: Mapping[str, Mapping[str, Tensor]]
) -> Rollout:
    """Sample from the policy, then read off both policies' log-probabilities.

    Args:
        policy: holds the state to sample from, and holds it again afterwards.
        text: its tokenizer.
        request: prompts and lengths.
        temperature: of the sampling; log-probabilities are those of the same distribution.
        states: inputs of the stage, with the reference policy under ``reference_{group}``.
    """
    dialogues = sample(policy, text, request, temperature)
    batch = collate([dialogue.tokens for dialogue in dialogues], text.pad)
    lengths = torch.tensor([len(dialogue.tokens.response) for dialogue in dialogues])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    with torch.no_grad():
        own, targets = log_probabilities(policy, batch, temperature)
        with policy.holding(states, REFERENCE):
            reference, _ = log_probabilities(policy, batch, temperature)
    log_probs = own.gather(1, targets[:, None]).squeeze(1)
    return Rollout(dialogues, batch, mask, log_probs, reference, _facts(own, reference, len(dialogues)))


def sample(policy: Policy, text: Tokenizer, request: Request, temperature: float) -> list[Dialogue]:
    """A response to each prompt."""
    prompts = [text.short_prompt(prompt, request.max_length - request.new_tokens) for prompt in request.prompts]
    numbers = stream(request.seed, "alignment.sampling").random((len(prompts), request.new_tokens), dtype="float32")
    responses = generation.generate(
        policy, prompts, torch.from_numpy(numbers), Sampling(temperature, text.end, text.pad)
    )
    return [
        Dialogue(prompt, text.text(response), Encoded(ids, response))
        for prompt, ids, response in zip(request.prompts, prompts, responses, strict=True)
    ]


def log_probabilities(policy: Policy, batch: Batch, temperature: float) -> tuple[Tensor, Tensor]:
    """(N, V) log-probabilities at the response tokens, and the tokens (N,)."""
    logits, targets = supervised.response_logits(policy, batch)
    return torch.log_softmax(logits / temperature, -1), targets


def ended(dialogues: Sequence[Dialogue], end: int) -> Tensor:
    """(B,): whether a response came to its end."""
    return torch.tensor([dialogue.tokens.response[-1] == end for dialogue in dialogues])


def _facts(own: Tensor, reference: Tensor, responses: int) -> dict[str, float]:
    divergence = ppo.divergence(own, reference)
    return {
        "kl": float(divergence.sum()) / responses,
        "kl_per_token": float(divergence.mean()),
        "entropy": float(ppo.entropy(own).mean()),
    }

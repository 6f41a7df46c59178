"""Responses of C clients' policies to prompts, with what the present and the reference policies thought of each token.

Responses are client-major, B of each client; tokens are those of the first response first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from channel_models.randomness import stream
from pwffsim.learning import generation, predictions, supervised
from pwffsim.learning.batching import Batch, collate
from pwffsim.learning.generation import Sampling
from pwffsim.learning.jobs import Job
from pwffsim.learning.policy import Policy
from pwffsim.learning.predictions import Head, Predictions
from pwffsim.learning.scoring import Dialogue
from pwffsim.learning.tokens import Encoded, Tokenizer

REFERENCE = "reference_"
"""Prefix of the inputs that hold the reference policy."""

GLOBAL = "global_"
"""Prefix of the inputs that hold the global policy, where the clients shall stay close to it."""


@dataclass(frozen=True)
class Rollout:
    """C x B responses of at most R tokens, N tokens in all.

    Attributes:
        clients: C.
        dialogues: prompts and responses.
        batch: the same as padded tensors.
        mask: (C B, R), true on response tokens.
        predictions: what the policies that sampled and the reference policies thought of the tokens.
        globally: the same with the global policies in place of the reference, where there are some.
    """

    clients: int
    dialogues: Sequence[Dialogue]
    batch: Batch
    mask: Tensor
    predictions: Predictions
    globally: Predictions | None = None

    @property
    def responses(self) -> int:
        """B."""
        return len(self.dialogues) // self.clients

    @property
    def owners(self) -> Tensor:
        """(N,): whose a token is."""
        return self.mask.nonzero()[:, 0] // self.responses

    def sums(self, tokens: Tensor) -> Tensor:
        """(N,) -> (C,)."""
        return supervised.by_client(tokens, self.owners, self.clients)

    def means(self, tokens: Tensor) -> Tensor:
        """(N,) -> (C,), over each client's tokens."""
        return self.sums(tokens) / self.sums(torch.ones_like(tokens))

    def grid(self, flat: Tensor) -> Tensor:
        """(N,) -> (C B, R), zero beside the mask."""
        return torch.zeros(self.mask.shape, dtype=flat.dtype, device=flat.device).masked_scatter(self.mask, flat)

    def spread(self, responses: Tensor) -> Tensor:
        """(C B,) -> (N,): what a response has, at each of its tokens."""
        return responses[self.mask.nonzero()[:, 0]]

    def tokens_of(self, rows: Tensor) -> Tensor:
        """(N,): which tokens belong to these responses."""
        return torch.isin(self.mask.nonzero()[:, 0], rows)

    def take(self, rows: Tensor) -> Rollout:
        """Some of the responses, as many of each client; `rows` ascend."""
        mask = self.mask[rows]
        return Rollout(
            self.clients,
            [self.dialogues[i] for i in rows.tolist()],
            Batch(self.batch.ids[rows], self.batch.labels[rows]),
            mask[:, : int(mask.sum(1).max())],
            self.predictions[self.tokens_of(rows)],
        )

    def facts(self) -> list[dict[str, float]]:
        """Of each client: kl (nats a response), kl_per_token, entropy (nats a token) of the policy that sampled,
        response_length (tokens, mean) and generated_tokens; kl_global (nats a response) where there is a global policy.
        """
        known = self.predictions
        columns = {
            "kl": self.sums(known.divergence) / self.responses,
            "kl_per_token": self.means(known.divergence),
            "entropy": self.means(known.entropy),
            **({"kl_global": self.sums(self.globally.divergence) / self.responses} if self.globally else {}),
        }
        each = zip(*(column.tolist() for column in columns.values()), strict=True)
        counts = self.mask.view(self.clients, -1).sum(1).tolist()
        return [
            {**dict(zip(columns, one, strict=True)), "response_length": n / self.responses, "generated_tokens": n}
            for one, n in zip(each, counts, strict=True)
        ]


@dataclass(frozen=True)
class Request:
    """What to generate for one client.

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
    policy: Policy, text: Tokenizer, requests: Sequence[Request], temperature: float, jobs: Sequence[Job]
) -> Rollout:
    """Sample from the policies, then read off both policies' log-probabilities.

    The states that tokens were drawn from are kept, (N, d), so that only the reference policies read them again.

    Args:
        policy: holds the states to sample from, and holds them again afterwards.
        text: its tokenizer.
        requests: prompts and lengths of each client, equally many prompts.
        temperature: of the sampling; log-probabilities are those of the same distribution.
        jobs: whose inputs hold the reference policies under ``reference_{group}``, and at will the global ones under
            ``global_{group}``.
    """
    dialogues, states = sample(policy, text, requests, temperature)
    batch = collate([dialogue.tokens for dialogue in dialogues], text.pad)
    lengths = torch.tensor([len(dialogue.tokens.response) for dialogue in dialogues], device=states.device)
    mask = torch.arange(int(lengths.max()), device=states.device) < lengths[:, None]
    found = _compared(policy, states, batch, temperature, jobs, REFERENCE)
    stays = any(name.startswith(GLOBAL) for name in jobs[0].inputs)
    globally = _compared(policy, states, batch, temperature, jobs, GLOBAL) if stays else None
    return Rollout(len(requests), dialogues, batch, mask, found, globally)


@torch.no_grad()
def _compared(
    policy: Policy, states: Tensor, batch: Batch, temperature: float, jobs: Sequence[Job], prefix: str
) -> Predictions:
    """The policies that have drawn from these states, against others out of the inputs."""
    with policy.holding(jobs, prefix):
        others = policy.predicting(batch).float()
    return predictions.compare(head(policy, temperature), states, others, batch.targets)


def head(policy: Policy, temperature: float) -> Head:
    """Where a policy predicts its tokens.

    Raises:
        ValueError: when the network adds a bias to its logits.
    """
    layer = policy.network.get_output_embeddings()
    if layer.bias is not None:
        raise ValueError("the output layer of this base model has a bias, which alignment cannot take: choose another")
    return Head(layer.weight, temperature)


def sample(
    policy: Policy, text: Tokenizer, requests: Sequence[Request], temperature: float
) -> tuple[list[Dialogue], Tensor]:
    """A response to each prompt, and the states (N, d) from which their tokens were drawn."""
    prompts = [prompt for request in requests for prompt in request.prompts]
    ids = [
        text.short_prompt(p, request.max_length - request.new_tokens) for request in requests for p in request.prompts
    ]
    numbers = torch.cat([_uniforms(request) for request in requests])
    made = generation.generate(policy, ids, numbers, Sampling(temperature, text.end, text.pad))
    dialogues = [
        Dialogue(prompt, text.text(response), Encoded(own, response))
        for prompt, own, response in zip(prompts, ids, made.responses, strict=True)
    ]
    return dialogues, made.states


def ended(rollout: Rollout, end: int) -> Tensor:
    """(C B,): whether a response came to its end."""
    last = [dialogue.tokens.response[-1] == end for dialogue in rollout.dialogues]
    return torch.tensor(last, device=rollout.mask.device)


def _uniforms(request: Request) -> Tensor:
    shape = (len(request.prompts), request.new_tokens)
    return torch.from_numpy(stream(request.seed, "alignment.sampling").random(shape, dtype="float32"))

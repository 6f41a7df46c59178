"""Sampling of responses for C clients at once, with kept keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pwffsim.learning import runtime
from pwffsim.learning.decoders import decoder
from pwffsim.learning.policy import Policy


@dataclass(frozen=True)
class Sampling:
    """How responses end and vary.

    Attributes:
        temperature: logits are divided by it.
        end: id that ends a response.
        pad: id in unused places.
    """

    temperature: float
    end: int
    pad: int


@dataclass(frozen=True)
class Generated:
    """Responses, N tokens in all.

    Attributes:
        responses: ids of each, its end token included unless it was cut.
        states: (N, d), from which each token was drawn, those of the first response first.
    """

    responses: Sequence[tuple[int, ...]]
    states: Tensor


class _Sheet:
    """What is written token by token: rows of R places, of which those still being written are listed in `places`."""

    def __init__(self, uniforms: Tensor, width: int, clients: int) -> None:
        (rows, length), device = uniforms.shape, uniforms.device
        self.tokens = torch.zeros(rows, length, dtype=torch.long, device=device)
        self.states = torch.zeros(rows, length, width, device=device)
        self.written = torch.zeros(rows, length, dtype=torch.bool, device=device)
        self.places = torch.arange(rows, device=device)
        self.running = torch.ones(rows, dtype=torch.bool, device=device)
        self._clients = clients

    def write(self, t: int, tokens: Tensor, states: Tensor, end: int) -> None:
        """The next token of every place, and the state it was drawn from; what has ended stays as it is."""
        self.tokens[self.places, t], self.states[self.places, t] = tokens, states
        self.written[self.places, t] = self.running
        self.running = self.running & (tokens != end)

    def most_running(self) -> int:
        """Of one client."""
        return int(self.running.view(self._clients, -1).sum(1).max())

    def leave(self, most: int) -> Tensor:
        """Places of so many rows a client, those that run among them, from now on."""
        finished = (~self.running).view(self._clients, -1).to(torch.uint8)
        first = torch.arange(self._clients, device=finished.device)[:, None] * finished.shape[1]
        rows = (finished.argsort(dim=1, stable=True)[:, :most] + first).flatten()
        self.places, self.running = self.places[rows], self.running[rows]
        return rows

    def generated(self) -> Generated:
        """What was written until each end."""
        lengths = self.written.sum(1).tolist()
        responses = [tuple(row[:n]) for row, n in zip(self.tokens.tolist(), lengths, strict=True)]
        return Generated(responses, self.states[self.written])


@torch.no_grad()
def generate(policy: Policy, prompts: Sequence[tuple[int, ...]], uniforms: Tensor, sampling: Sampling) -> Generated:
    """A response for each prompt, in fp32 whatever the precision is: one token's products gain nothing from less.

    When half the rows of every client have ended, they are left out. Peak memory: keys and values of all rows,
    8 x blocks x d bytes a token, and the states, 4 d.

    Args:
        policy: holds the states to sample from.
        prompts: token ids, client-major, as many for each client.
        uniforms: (prompts, R) numbers in [0, 1): token t of row i is the inverse of the cumulative distribution at
            ``uniforms[i, t]``, so that a row's text depends on its own numbers alone.
        sampling: temperature, end and padding ids.
    """
    with runtime.precision("fp32"):
        network, length = decoder(policy, uniforms.shape[1]), uniforms.shape[1]
        states = network.read(*_left_padded(prompts, sampling.pad))
        numbers = uniforms.to(states.device)
        sheet = _Sheet(numbers, states.shape[1], policy.clients)
        for t in range(length):
            ids = _draw(policy.logits(states / sampling.temperature), numbers[sheet.places, t])
            sheet.write(t, ids, states, sampling.end)
            most = sheet.most_running()
            if not most or t + 1 == length:
                break
            if 2 * most * policy.clients <= len(ids):
                rows = sheet.leave(most)
                network.keep(rows)
                ids = ids[rows]
            states = network.extend(ids)
    return sheet.generated()


def _left_padded(prompts: Sequence[tuple[int, ...]], pad: int) -> tuple[Tensor, Tensor]:
    length = max(map(len, prompts))
    ids = torch.tensor([(pad,) * (length - len(prompt)) + prompt for prompt in prompts])
    starts = torch.tensor([length - len(prompt) for prompt in prompts])
    mask = (torch.arange(length) >= starts[:, None]).long()
    return ids.to(runtime.device()), mask.to(runtime.device())


def _draw(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Inverse-CDF sampling, one uniform number a row; a distribution that is not finite draws the last id."""
    cumulative = torch.softmax(logits, -1).cumsum(-1)
    targets = uniforms[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, targets, right=True).squeeze(1).clamp(max=logits.shape[-1] - 1)

"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290): the policy is its own reward model.

r(x, y) = beta (log pi(y | x) - log pi_ref(y | x)),    loss = -log sigmoid(r(x, y+) - r(x, y-))
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pwffsim.learning import predictions, preferences, supervised
from pwffsim.learning.batching import IGNORED, Batch, collate
from pwffsim.learning.pair_texts import Pairs
from pwffsim.learning.policy import Policy
from pwffsim.learning.predictions import Head


def batch_of(drawn: Sequence[Pairs], pad: int) -> Batch:
    """The pairs of C clients, B each: rows are client-major, a client's chosen responses before its rejected ones."""
    sides = [side for pairs in drawn for side in zip(*pairs, strict=True)]
    return collate([dialogue.tokens for side in sides for dialogue in side], pad)


def log_probs(policy: Policy, batch: Batch) -> Tensor:
    """(rows,): log pi(y | x) in nats, the sum over a response's tokens, with gradients in the policies' states."""
    states = policy.predicting(batch)
    none = torch.zeros(len(states), device=states.device)
    head = Head(policy.network.get_output_embeddings().weight, temperature=1.0)
    each, _ = predictions.predict(head, states, batch.targets, states.detach().float(), none)
    rows = (batch.labels[:, 1:] != IGNORED).nonzero()[:, 0]
    return supervised.by_client(each, rows, len(batch.labels))


def margins(own: Tensor, reference: Tensor, clients: int) -> Tensor:
    """(C, B): log-ratio to the reference of each pair's chosen response less that of its rejected one, nats.

    Args:
        own, reference: (rows,), log-probabilities of responses under the policies and their references, as
            :func:`batch_of` lays rows out.
        clients: C.
    """
    chosen, rejected = (own - reference).view(clients, 2, -1).unbind(1)
    return chosen - rejected


def losses(margins: Tensor, beta: float) -> Tensor:
    """(C,): Bradley-Terry's loss of the policies' own rewards; with a small beta a policy goes far for a preference."""
    return preferences.bradley_terry(beta * margins)

"""Our own loop: all clients in one batched step."""

from __future__ import annotations

from collections.abc import Sequence

from pwffsim.learning import policy, supervised
from pwffsim.learning.batching import collate
from pwffsim.learning.engines.engine import Trained
from pwffsim.learning.jobs import Job
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import Encoded, tokenizer


def train(jobs: Sequence[Job], drawn: Sequence[Sequence[Sequence[Encoded]]], settings: Optimisation) -> Trained:
    """One AdamW step of every client a batch; the losses before it."""
    resident, pad = policy.resident(jobs), tokenizer(jobs[0].params["model"]["tokenizer"]).pad
    batches = (collate([row for rows in step for row in rows], pad) for step in zip(*drawn, strict=True))
    losses = supervised.train(resident, batches, settings)
    return resident.read(), losses.T.tolist()

"""Our own loop of direct preference optimisation: all clients in one batched step."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pwffsim.learning import dpo, policy
from pwffsim.learning.engines.engine import Preferred
from pwffsim.learning.jobs import Job
from pwffsim.learning.pair_texts import Pairs
from pwffsim.learning.rollouts import REFERENCE
from pwffsim.learning.supervised import Optimisation, Optimiser
from pwffsim.learning.tokens import tokenizer


def train(jobs: Sequence[Job], drawn: Sequence[Sequence[Pairs]]) -> list[Preferred]:
    """One AdamW step of every client a batch of pairs; the references look at all batches before it begins."""
    params, actor = jobs[0].params, policy.resident(jobs)
    pad = tokenizer(params["model"]["tokenizer"]).pad
    batches = [dpo.batch_of(step, pad) for step in zip(*drawn, strict=True)]
    with torch.no_grad(), actor.holding(jobs, REFERENCE):
        references = [dpo.log_probs(actor, batch) for batch in batches]
    optimiser = Optimiser(actor.stack, Optimisation(params["learning_rate"], params["weight_decay"], params["clip"]))
    facts = []
    for batch, reference in zip(batches, references, strict=True):
        margins = dpo.margins(dpo.log_probs(actor, batch), reference, len(jobs))
        losses = dpo.losses(margins, params["dpo_beta"])
        optimiser.step(losses)
        facts.append(torch.stack([losses.detach(), (margins > 0).float().mean(1), margins.detach().mean(1)]))
    columns = torch.stack(facts).permute(2, 1, 0).tolist()
    return [Preferred(own, *rows) for own, rows in zip(actor.read(), columns, strict=True)]

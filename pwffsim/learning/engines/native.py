"""Our own loop."""

from __future__ import annotations

from collections.abc import Sequence

from pwffsim.learning import supervised
from pwffsim.learning.batching import collate
from pwffsim.learning.policy import Policy
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import Encoded


def train(policy: Policy, steps: Sequence[Sequence[Encoded]], pad: int, settings: Optimisation) -> list[float]:
    """One AdamW step a batch; the loss of each before the step."""
    return supervised.train(policy, (collate(rows, pad) for rows in steps), settings)

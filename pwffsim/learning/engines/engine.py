"""What a training loop of stage 1 is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pwffsim.learning.jobs import Job
from pwffsim.learning.state import Group
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import Encoded

Trained = tuple[list[dict[str, Group]], list[list[float]]]
"""A client each: its trained groups, and the loss of every step before it."""

Engine = Callable[[Sequence[Job], Sequence[Sequence[Sequence[Encoded]]], Optimisation], Trained]
"""(jobs, rows of each step of each client, optimisation) -> what was trained."""

"""What training loops are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from pwffsim.learning.jobs import Job
from pwffsim.learning.pair_texts import Member, Pairs
from pwffsim.learning.policy import Policy
from pwffsim.learning.rollouts import Rollout
from pwffsim.learning.scoring import Scorer
from pwffsim.learning.state import Group
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import Encoded

Trained = tuple[list[dict[str, Group]], list[list[float]]]
"""A client each: its trained groups, and the loss of every step before it."""

Engine = Callable[[Sequence[Job], Sequence[Sequence[Sequence[Encoded]]], Optimisation], Trained]
"""(jobs, rows of each step of each client, optimisation) -> what was trained."""


@dataclass(frozen=True)
class Fitted:
    """What became of one reward model.

    Attributes:
        tensors: its state.
        losses: before each step.
        moved: norm of the change of its state.
        finite: whether all numbers are, as the norm then is.
    """

    tensors: Group
    losses: list[float]
    moved: float
    finite: bool


RewardEngine = Callable[[Scorer, Sequence[Member]], list[Fitted]]
"""(scorer that holds the states of some models, these models) -> what was fitted, in their order."""


@dataclass(frozen=True)
class Preferred:
    """What became of one client's policy by its preferences.

    Attributes:
        parts: its trained groups.
        losses: before each step.
        accuracies: share of each step's pairs whose chosen response had the larger log-ratio to the reference.
        margins: mean difference of these log-ratios over each step's pairs, in nats.
    """

    parts: dict[str, Group]
    losses: Sequence[float]
    accuracies: Sequence[float]
    margins: Sequence[float]


DpoEngine = Callable[[Sequence[Job], Sequence[Sequence[Pairs]]], list[Preferred]]
"""(jobs, pairs of each step of each client) -> what was trained."""


class Grouped(Protocol):
    """A loop of group relative policy optimisation over C clients."""

    def actor(self) -> Policy:
        """The policies as they are now, to sample from."""
        ...

    def update(
        self,
        rollout: Rollout,
        scores: Mapping[str, Tensor],
        weights: Mapping[str, Tensor],
        seeds: Sequence[int],
    ) -> list[dict[str, Any]]:
        """Passes over responses.

        Args:
            rollout: C B responses, groups one after another.
            scores: objective -> (C B,).
            weights: objective -> (C,).
            seeds: of the iteration, one a client.

        Returns:
            Facts of each client's steps: policy_loss and updates at least.
        """
        ...

    def read(self) -> list[dict[str, Group]]:
        """Copies of the states, client by client, by group."""
        ...


GrpoEngine = Callable[[Sequence[Job]], Grouped]
"""jobs -> a loop that holds their policies."""

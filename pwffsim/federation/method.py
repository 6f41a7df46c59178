"""What a federated method is: a choice of parameter groups."""

from __future__ import annotations

from dataclasses import dataclass

Group = str
"""A named part of a client's trainable state: adapters, lora, reward or critics."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """Which parameter groups a client trains and which of them travel.

    Attributes:
        name: the name in scenarios.
        summary: one sentence with its source.
        trained: groups of the policy that exist on a client and learn (instruction tuning and alignment).
        shared: groups of the policy that are uploaded, averaged and sent back; the others are personal.
        share_rewards: whether the reward models of stage 2 are uploaded, averaged and sent back.

    Raises:
        ValueError: when a group is shared that is not trained.
    """

    name: str
    summary: str
    trained: tuple[Group, ...]
    shared: tuple[Group, ...]
    share_rewards: bool

    def __post_init__(self) -> None:
        if stray := set(self.shared) - set(self.trained):
            raise ValueError(f"method {self.name!r} shares {sorted(stray)} without training it")

    @property
    def personal(self) -> tuple[Group, ...]:
        """Groups that are trained and never leave the client."""
        return tuple(group for group in self.trained if group not in self.shared)

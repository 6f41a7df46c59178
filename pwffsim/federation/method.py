"""What a federated method is: a choice of parameter groups, and of what clients align to."""

from __future__ import annotations

from dataclasses import dataclass

from pwffsim.architecture.groups import OBJECTIVES

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
        objectives: what clients learn rewards for and align to, in the order of ``OBJECTIVES``.
        equal_capacity: whether every client has the largest tier's LoRA modules, shared or not.
        pooled: whether the server learns in the clients' place, from everybody's data; then nothing is shared.

    Raises:
        ValueError: when a group is shared that is not trained, an objective is unknown or out of order, or a pooled
            method shares anything.
    """

    name: str
    summary: str
    trained: tuple[Group, ...]
    shared: tuple[Group, ...]
    share_rewards: bool
    objectives: tuple[str, ...] = OBJECTIVES
    equal_capacity: bool = False
    pooled: bool = False

    def __post_init__(self) -> None:
        if stray := set(self.shared) - set(self.trained):
            raise ValueError(f"method {self.name!r} shares {sorted(stray)} without training it")
        if not self.objectives or self.objectives != tuple(o for o in OBJECTIVES if o in self.objectives):
            raise ValueError(
                f"method {self.name!r} has objectives {self.objectives}; take some of {OBJECTIVES}, in this order"
            )
        if self.pooled and (self.shared or self.share_rewards):
            raise ValueError(f"method {self.name!r} learns at the server and has nothing to share")

    @property
    def personal(self) -> tuple[Group, ...]:
        """Groups that are trained and never leave the client; none where the server learns."""
        if self.pooled:
            return ()
        return tuple(group for group in self.trained if group not in self.shared)

"""Policies that alignment holds a client's policy against, as references of states: nothing is copied or computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pwffsim.federation.method import Group, Method
from pwffsim.scenario.schema import Alignment
from pwffsim.world.beginning import Beginning
from pwffsim.world.blueprint import Blueprint

States = Mapping[Group, str]
"""Group -> reference of its tensors."""


class References:
    """The reference of the KL penalty, and the global policy, of one client.

    Args:
        method: which groups a policy has, and which of them are shared.
        kind: a name of `KINDS`.
        close: whether the global policy is told as well.
        initial: the state at the start, with which a policy is the base model to the bit.
    """

    def __init__(self, method: Method, kind: str, close: bool, initial: Beginning) -> None:
        self._method = method
        self._kind = kind
        self._close = close
        self._initial = initial
        self._first: States | None = None

    @classmethod
    def of(cls, blueprint: Blueprint, initial: Beginning) -> References:
        """As the scenario wants them."""
        settings = blueprint.scenario.stages.alignment or Alignment()
        return cls(blueprint.method, settings.kl_reference, settings.global_coefficient > 0, initial)

    def begin(self, known: States) -> None:
        """Remember the policy with which the client begins alignment, once."""
        if self._first is None:
            self._first = {group: known[group] for group in self._method.trained}

    def inputs(self, known: States, globals_: States) -> dict[str, str]:
        """``reference_{group}`` and, where it is told, ``global_{group}`` of every trained group.

        Args:
            known: the client's states as they are.
            globals_: shared groups as the server has them.
        """
        found = {f"reference_{group}": state for group, state in KINDS[self._kind](self, known, globals_).items()}
        if self._close:
            found |= {f"global_{group}": state for group, state in self.received(known, globals_).items()}
        return found

    def at_first(self, known: States, globals_: States) -> States:
        """The policy with which alignment began, here or at whoever says so; as it is now where it has not begun."""
        return self._first or {group: known.get(f"reference_{group}", known[group]) for group in self._method.trained}

    def base(self, known: States, globals_: States) -> States:
        """The base model: adapters and LoRA that do nothing."""
        return {group: self._initial.part(group) for group in self._method.trained}

    def received(self, known: States, globals_: States) -> States:
        """What the server sent, personal groups without effect: with PWFF the global adapters, LoRA off."""
        shared = {group: globals_[group] for group in self._method.shared}
        return {group: shared.get(group) or self._initial.part(group) for group in self._method.trained}


KINDS: dict[str, Callable[[References, States, States], States]] = {
    "stage1": References.at_first,
    "base": References.base,
    "global": References.received,
}
"""Name in scenarios -> which policy it is."""

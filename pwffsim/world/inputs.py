"""What a stage's recipes rest on, out of all the states that somebody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pwffsim.federation.method import Group
from pwffsim.world.stages.stage import Stage


def inputs_of(stage: Stage, known: Mapping[str, str]) -> dict[str, str]:
    """Groups that the stage trains and receives; in alignment also the rewards and the reference of the KL penalty.

    The reference is the policy with which alignment began, where it is known, else the present one: it is about to
    begin.

    Args:
        stage: the stage.
        known: group -> reference of its state.
    """
    found = {group: known[group] for group in (*stage.groups, *stage.received) if group in known}
    if stage.name != "alignment":
        return found
    policy = [group for group in stage.groups if group != "critics"]
    return {**found, "reward": known["reward"], **as_reference(policy, known)}


def as_reference(policy: Sequence[Group], known: Mapping[str, str]) -> dict[str, str]:
    """``reference_{group}`` -> state of each group of the policy: kept from the start of alignment, or as it is now."""
    return {f"reference_{group}": known.get(f"reference_{group}", known[group]) for group in policy}

"""What a stage's recipes rest on, out of all the states that somebody knows."""

from __future__ import annotations

from collections.abc import Mapping

from pwffsim.federation.method import Group
from pwffsim.world.stages.stage import Stage


def inputs_of(stage: Stage, known: Mapping[Group, str], against: Mapping[str, str]) -> dict[str, str]:
    """Groups that the stage trains and receives; in alignment also the rewards, and policies to be held against.

    Args:
        stage: the stage.
        known: group -> reference of its state.
        against: inputs of these policies (:class:`pwffsim.world.references.References`).
    """
    found = {group: known[group] for group in (*stage.groups, *stage.received) if group in known}
    return found if stage.name != "alignment" else {**found, "reward": known["reward"], **against}

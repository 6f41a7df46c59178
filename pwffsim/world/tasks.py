"""What server and clients say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channel_models.transfer.delivery import Delivery
from pwffsim.compute.recipe import Handle
from pwffsim.federation.method import Group
from pwffsim.world.stages.stage import Stage

State = Mapping[Group, str]
"""Group -> reference of its tensors."""


@dataclass(frozen=True)
class Task:
    """An order from the server: train this stage once, from these global states.

    Attributes:
        update: number of the update that will come of it, unique in a run.
        client: name of the client that it is for.
        round: round of the stage in which it was given.
        version: version of the global state it starts from.
        stage: what to train.
        globals: the server's states at that version.
        together: how many tasks were given along with it, itself included.
    """

    update: int
    client: str
    round: int
    version: int
    stage: Stage
    globals: State
    together: int


@dataclass(frozen=True)
class Report:
    """What came of a task.

    Attributes:
        task: the order.
        client: who carried it out.
        result: handle of the trained state.
        delivery: how the upload went; None where the method uploads nothing.
    """

    task: Task
    client: int
    result: Handle
    delivery: Delivery | None


def about(task: Task) -> dict[str, Any]:
    """What a span says of the task that it belongs to."""
    return {"stage": task.stage.name, "round_": task.round, "version": task.version, "update": task.update}

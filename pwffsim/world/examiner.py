"""The examiner measures models as they stand. It sees everything, costs nothing, and changes nothing.

Alignment it may also measure by reward models of its own (:mod:`pwffsim.world.examiner_models`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Protocol

from pwffsim.compute.recipe import Compute, Facts, Handle
from pwffsim.federation.method import Group
from pwffsim.kernel.clock import Kernel
from pwffsim.learning.declarations import EXAMINER
from pwffsim.runs.records import SERVER, Metric
from pwffsim.world.beginning import Beginning
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.client import Client
from pwffsim.world.diary import Recorder
from pwffsim.world.divergence import refuse_divergence
from pwffsim.world.examiner_models import fitted
from pwffsim.world.ledger import Ledger
from pwffsim.world.stages.stage import Stage
from pwffsim.world.tasks import Task


class Holder(Protocol):
    """The server, as far as it is measured.

    Attributes:
        globals: group -> reference of what all clients share.
    """

    globals: dict[Group, str]

    def states(self, client: int) -> dict[Group, str]:
        """Group -> reference of what this client is given."""
        ...


class Examiner:
    """Evaluates every client's own model on its held-out data, and the server's on the global test set.

    Args:
        initial: the state at the start, which fills groups that the server does not hold.
    """

    def __init__(
        self, kernel: Kernel, blueprint: Blueprint, compute: Compute, ledger: Ledger, initial: Beginning
    ) -> None:
        self._kernel = kernel
        self._compute = compute
        self._ledger = ledger
        self._blueprint = blueprint
        self._initial = {group: initial.part(group) for group in blueprint.method.trained}

    def examine(
        self,
        stage: Stage,
        round_: int,
        holder: Holder,
        clients: Sequence[Client],
        learnt: Sequence[tuple[Task, Handle]] = (),
    ) -> list[Handle]:
        """Measure now; the handles are the clients' evaluations, in client order.

        Args:
            stage, round_: what has been reached.
            holder: of the server's states.
            clients: whose models are measured.
            learnt: what the server itself has learnt last, where it does.
        """
        others = self._own_models(stage)
        handles = [
            self._compute.submit(
                stage.evaluate(c.profile, {**c.state(stage, holder.states(c.profile.index)), **others})
            )
            for c in clients
        ]
        latest = [*learnt, *(client.latest for client in clients if client.latest is not None)]
        measured = {client.profile.name: handle for client, handle in zip(clients, handles, strict=True)}
        if (general := stage.evaluate_globally({**self._initial, **holder.globals})) is not None:
            measured[SERVER] = self._compute.submit(general)
        if self._compute.learns:
            write = partial(self._write_down, self._kernel.now_ns, stage, round_, measured, latest)
            self._ledger.when_known([*measured.values(), *(handle for _, handle in latest)], write)
        return handles

    def _own_models(self, stage: Stage) -> dict[str, str]:
        """Reward models that no client trains against, where alignment is measured by them."""
        asked = stage.name == "alignment" and self._blueprint.unseen is not None
        return {EXAMINER: self._fitted} if asked else {}

    @cached_property
    def _fitted(self) -> str:
        return fitted(self._blueprint, self._compute)

    def _write_down(
        self,
        now_ns: int,
        stage: Stage,
        round_: int,
        measured: Mapping[str, Handle],
        latest: Sequence[tuple[Task, Handle]],
        recorder: Recorder,
    ) -> None:
        for task, handle in latest:
            refuse_divergence(task, handle.facts())
            for name, value in _health(stage, task, handle.facts()):
                recorder.metric(Metric(now_ns, task.client, stage.name, round_, name, value))
        for actor, handle in measured.items():
            for name, value in _values(stage, round_, handle.facts()):
                shown = f"global_{name}" if actor == SERVER else name
                recorder.metric(Metric(now_ns, actor, stage.name, round_, shown, value))


def _values(stage: Stage, round_: int, facts: Facts) -> Iterator[tuple[str, float]]:
    """Numbers by name; those that never change only before the first round."""
    for name, value in sorted(facts.items()):
        constant = round_ > 0 and name in stage.constants
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not constant:
            yield name, float(value)


def _health(stage: Stage, task: Task, facts: Facts) -> Iterator[tuple[str, float]]:
    """What a training in this stage said about itself."""
    for name in stage.health if task.stage is stage else ():
        if name in facts:
            yield f"train_{name}", float(facts[name])

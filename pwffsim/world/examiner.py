"""The examiner measures models as they stand. It sees everything, costs nothing, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from pwffsim.compute.recipe import Compute, Facts, Handle
from pwffsim.federation.method import Group
from pwffsim.kernel.clock import Kernel
from pwffsim.runs.records import SERVER, Metric
from pwffsim.world.beginning import Beginning
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.client import Client
from pwffsim.world.diary import Recorder
from pwffsim.world.divergence import refuse_divergence
from pwffsim.world.ledger import Ledger
from pwffsim.world.stages.stage import Stage
from pwffsim.world.tasks import Task


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
        self._initial = {group: initial.part(group) for group in blueprint.method.trained}

    def examine(self, stage: Stage, round_: int, globals_: dict[Group, str], clients: Sequence[Client]) -> list[Handle]:
        """Measure now; the handles are the clients' evaluations, in client order."""
        handles = [self._compute.submit(stage.evaluate(c.profile, c.state(stage, globals_))) for c in clients]
        latest = [client.latest for client in clients if client.latest is not None]
        measured = {client.profile.name: handle for client, handle in zip(clients, handles, strict=True)}
        if (general := stage.evaluate_globally({**self._initial, **globals_})) is not None:
            measured[SERVER] = self._compute.submit(general)
        if self._compute.learns:
            write = partial(self._write_down, self._kernel.now_ns, stage, round_, measured, latest)
            self._ledger.when_known([*measured.values(), *(handle for _, handle in latest)], write)
        return handles

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

"""The examiner measures models as they stand. It sees everything, costs nothing, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pwffsim.compute.recipe import Compute, Facts, Handle
from pwffsim.federation.method import Group
from pwffsim.kernel.clock import Kernel
from pwffsim.runs.records import SERVER, Metric
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.client import Client
from pwffsim.world.diary import Recorder
from pwffsim.world.stages.stage import Stage


class Examiner:
    """Evaluates every client's own model on its held-out data, and the server's on the global test set.

    Args:
        initial: the state at the start, which fills groups that the server does not hold.
    """

    def __init__(
        self, kernel: Kernel, blueprint: Blueprint, compute: Compute, recorder: Recorder, initial: Handle
    ) -> None:
        self._kernel = kernel
        self._compute = compute
        self._recorder = recorder
        self._initial = {group: initial.part(group) for group in blueprint.method.trained}

    def examine(self, stage: Stage, round_: int, globals_: dict[Group, str], clients: Sequence[Client]) -> list[Handle]:
        """Measure now; the handles are the clients' evaluations, in client order."""
        handles = [self._compute.submit(stage.evaluate(c.profile, c.state(stage, globals_))) for c in clients]
        general = stage.evaluate_globally({**self._initial, **globals_})
        if self._compute.learns:
            for client, handle in zip(clients, handles, strict=True):
                self._write(client.profile.name, stage, round_, handle.facts())
            if general is not None:
                facts = self._compute.submit(general).facts()
                self._write(SERVER, stage, round_, {f"global_{name}": value for name, value in facts.items()})
        return handles

    def _write(self, actor: str, stage: Stage, round_: int, facts: Mapping[str, object] | Facts) -> None:
        known = stage.constants if round_ else ()
        for name, value in sorted(facts.items()):
            if name.removeprefix("global_") in known:
                continue
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                self._recorder.metric(Metric(self._kernel.now_ns, actor, stage.name, round_, name, float(value)))

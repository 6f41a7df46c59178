"""A client: receives, learns, sends, again and again."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from pwffsim.architecture.tensors import TensorShape
from pwffsim.compute.recipe import Compute, Facts, Handle, Recipe
from pwffsim.federation.method import Group
from pwffsim.kernel.clock import Kernel
from pwffsim.kernel.mailbox import Mailbox
from pwffsim.runs.records import SpanKind
from pwffsim.world.beginning import Beginning
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.device import Device
from pwffsim.world.diary import Diary, Recorder
from pwffsim.world.inputs import inputs_of
from pwffsim.world.profiles import Profile
from pwffsim.world.radio.access import RadioAccess
from pwffsim.world.radio.meter import RestMeter
from pwffsim.world.references import References
from pwffsim.world.stages.stage import Stage
from pwffsim.world.tasks import Report, Task


class Client:
    """One device with its data and its personal state.

    Attributes:
        profile: what is fixed about it.
        inbox: tasks from the server; None says goodbye.
        personal: group -> reference of the states that never leave it.
        latest: the last task that changed its personal state, and the handle of that state.
    """

    def __init__(
        self,
        kernel: Kernel,
        profile: Profile,
        blueprint: Blueprint,
        radio: RadioAccess,
        compute: Compute,
        recorder: Recorder,
        initial: Beginning,
    ) -> None:
        self.profile = profile
        self.inbox: Mailbox[Task | None] = Mailbox(kernel, f"the inbox of {profile.name}", actor=profile.index)
        self.personal: dict[Group, str] = {group: initial.part(group) for group in blueprint.method.personal}
        self.latest: tuple[Task, Handle] | None = None
        self._kernel = kernel
        self._blueprint = blueprint
        self._radio = radio
        self._compute = compute
        meter = RestMeter(blueprint.scenario.radio.energy.build())
        self._diary = Diary(kernel, recorder, profile.name, meter)
        timed = blueprint.scenario.devices.compute_time == "declared"
        self._device = Device(kernel, profile, self._diary, timed)
        self._held: dict[Group, str] = {}
        self._sent: dict[Group, str] = {}
        self._trained: dict[str, int] = {}
        self._references = References.of(blueprint, initial)
        if blueprint.keeps_rewards:
            self.personal["reward"] = initial.part("reward")

    def participate(self) -> Generator[Any, Any, None]:
        """The client's life."""
        while (task := (yield self.inbox.receive())) is not None:
            yield from self._radio.download(self.profile.index, self._missing(task), task, self._diary)
            self._held.update(task.globals)
            if self._measures(task):
                yield from self._device.compute(SpanKind.EVALUATE, task.stage.evaluate_flops(self.profile), task)
            result = yield from self._train(task)
            delivery = None
            if task.stage.shared:
                delivery = yield from self._radio.upload(
                    self.profile.index, task.stage.upload_tensors(self.profile), task, self._diary
                )
            self._radio.hand_in(Report(task, self.profile.index, result, delivery))

    def state(self, stage: Stage, globals_: dict[Group, str]) -> dict[str, str]:
        """Inputs of this stage's recipes: global states, personal ones over them, and in alignment the rewards and the
        policies that the client's is held against."""
        known = self._known(globals_)
        against = self._references.inputs(known, globals_) if stage.name == "alignment" else {}
        return inputs_of(stage, known, against)

    def _known(self, globals_: Mapping[Group, str]) -> dict[Group, str]:
        """The global states as the client takes them over, and its personal ones."""
        return {**globals_, **self._taken_over(globals_), **self.personal}

    def _taken_over(self, globals_: Mapping[Group, str]) -> dict[Group, str]:
        """Shared groups of the policy where they do not simply overwrite what the client has learnt of them."""
        settings = self._blueprint.scenario.aggregation
        if settings.download == "overwrite":
            return {}
        return {group: self._interpolated(group, globals_[group], settings.interpolation)
                for group in self._sent if group in globals_}  # fmt: skip

    def _interpolated(self, group: Group, downloaded: str, share: float) -> str:
        inputs = {"own": self._sent[group], "global": downloaded}
        return self._compute.submit(Recipe("interpolate", {"group": group, "share": share}, inputs)).part(group)

    def close(self) -> None:
        """The end of the run."""
        self._diary.close()

    def _measures(self, task: Task) -> bool:
        """Whether the model that was received is evaluated, at the device's expense."""
        evaluation = self._blueprint.scenario.evaluation
        return evaluation.costs_time and (task.round - 1) % evaluation.every == 0

    def _missing(self, task: Task) -> Sequence[TensorShape]:
        """What the server has and this client has not."""
        new = [group for group in task.stage.received if self._held.get(group) != task.globals[group]]
        return self._blueprint.payload(new, self._blueprint.lora_modules(self.profile))

    def _train(self, task: Task) -> Generator[Any, Any, Handle]:
        stage = task.stage
        serial = self._trained.get(stage.name, 0)
        self._trained[stage.name] = serial + 1
        if stage.name == "alignment":
            self._references.begin(self._known(task.globals))
        handle = self._compute.submit(stage.train(self.profile, self.state(stage, dict(task.globals)), serial))
        yield from self._device.compute(
            SpanKind.COMPUTE, stage.train_flops(self.profile, self._counted(stage, handle)), task
        )
        own = [group for group in stage.groups if group not in stage.shared]
        self.personal |= {group: handle.part(group) for group in own}
        self._sent |= {group: handle.part(group) for group in stage.shared if group in self._blueprint.method.shared}
        if own:
            self.latest = (task, handle)
        return handle

    def _counted(self, stage: Stage, handle: Handle) -> Facts | None:
        """Facts that the duration depends on, where the scenario counts tokens really generated."""
        actual = self._blueprint.scenario.devices.count_generated == "actual"
        return handle.facts() if actual and stage.generates else None

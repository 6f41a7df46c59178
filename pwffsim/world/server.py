"""The server: gives tasks, sums updates, measures, moves on to the next stage."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean
from typing import Any

from pwffsim.compute.recipe import Compute, Handle
from pwffsim.federation.aggregation import coefficients
from pwffsim.federation.method import Group
from pwffsim.federation.selection import SELECTORS
from pwffsim.federation.staleness import STALENESS
from pwffsim.federation.weighting import WEIGHTS
from pwffsim.kernel.clock import Kernel
from pwffsim.kernel.mailbox import Mailbox
from pwffsim.runs.records import SERVER, Aggregation, Fate, SpanKind, UpdateFate
from pwffsim.world.beginning import Beginning
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.client import Client
from pwffsim.world.convergence import Patience
from pwffsim.world.diary import Diary, Recorder
from pwffsim.world.divergence import refuse_divergence
from pwffsim.world.examiner import Examiner
from pwffsim.world.inputs import inputs_of
from pwffsim.world.ledger import Ledger
from pwffsim.world.references import References
from pwffsim.world.stages.stage import Stage
from pwffsim.world.sums import aggregate
from pwffsim.world.tasks import Report, Task

_Part = tuple[dict[Group, str], Sequence[Report], Sequence[float]]
"""States, the updates that make the next of them, and their coefficients."""


class Server:
    """Holds the global state and knows every client's name.

    Attributes:
        inbox: reports of clients.
        globals: group -> reference of the current global state, which all clients share.
        version: number of aggregations so far.
    """

    def __init__(
        self,
        kernel: Kernel,
        blueprint: Blueprint,
        compute: Compute,
        ledger: Ledger,
        initial: Beginning,
    ) -> None:
        self.kernel = kernel
        self.blueprint = blueprint
        self.inbox: Mailbox[Report] = Mailbox(kernel, "the server's inbox")
        self.clients: dict[int, Client] = {}
        method = blueprint.method
        held = method.trained if method.pooled else method.shared
        self.globals: dict[Group, str] = {group: initial.part(group) for group in held}
        self.version = 0
        self._updates = 0
        self._compute = compute
        self._ledger = ledger
        self._diary = Diary(kernel, ledger, SERVER)
        self._examiner = Examiner(kernel, blueprint, compute, ledger, initial)
        self._references = References.of(blueprint, initial)
        self._learnt: list[tuple[Task, Handle]] = []
        self._clusters: list[dict[Group, str]] = []
        if blueprint.scenario.stages.reward and not blueprint.keeps_rewards:
            self._begin_rewards(initial.part("reward"), len({*blueprint.clusters.values()}))

    def states(self, client: int) -> dict[Group, str]:
        """Group -> reference of the current state that this client is given: of reward models, its cluster's."""
        own = self._clusters[self.blueprint.clusters[client]] if self._clusters else {}
        return {**self.globals, **own}

    def preside(self, stages: Iterable[Stage], conduct: Any) -> Generator[Any, Any, None]:
        """The server's life: one stage after another, then goodbye.

        Args:
            stages: the script.
            conduct: the coordination mode, a process that runs one stage.
        """
        for stage in stages:
            self._ledger.mark(stage.name, 0, stage.rounds)
            self._examiner.examine(stage, 0, self, self._participants())
            yield from conduct(self, stage)
        for client in self.clients.values():
            client.inbox.post(None)

    def select(self) -> list[int]:
        """Clients that take part in a round."""
        everybody = [profile.index for profile in self.blueprint.participants]
        return SELECTORS[self.blueprint.scenario.selection](everybody)

    def invite(self, client: int, stage: Stage, round_: int, together: int = 1) -> Task:
        """Give a client its next task, one of so many given together, from the current global state."""
        self._ledger.mark(stage.name, round_, stage.rounds)
        states = self.states(client)
        received = {group: states[group] for group in stage.received}
        name = self.clients[client].profile.name
        task = Task(self._updates, name, round_, self.version, stage, received, together)
        self._updates += 1
        self.clients[client].inbox.post(task)
        return task

    def accepts(self, report: Report) -> bool:
        """Whether an update may be summed: it came whole, or its missing slices may keep the last global value."""
        whole = report.delivery is None or report.delivery.complete
        return whole or self.blueprint.scenario.radio.residual_loss == "partial"

    def dismiss(self, report: Report, fate: Fate) -> None:
        """Write down what became of an update."""
        self._fate(report.task, fate)

    def withdraw(self, stage: Stage) -> None:
        """Take back tasks of a stage that is over and that no client has begun."""
        for client in self.clients.values():
            for task in client.inbox.take_back(lambda task: task is not None and task.stage is stage):
                assert task is not None
                self._fate(task, Fate.SKIPPED)

    def dismiss_leftovers(self) -> None:
        """Write down what arrived after the last aggregation."""
        for report in self.inbox.take_back(lambda report: True):
            self.dismiss(report, Fate.LATE)

    def aggregate(self, stage: Stage, round_: int, reports: Sequence[Report]) -> None:
        """Sum updates into the next version, in client order."""
        ordered = sorted(reports, key=lambda report: (report.client, report.task.update))
        if not stage.shared:
            for report in ordered:
                self.dismiss(report, Fate.KEPT)
            return
        staleness = [self.version - report.task.version for report in ordered]
        weights = self._coefficients(ordered, staleness)
        sums = [self._sum(stage, *part) for part in self._parts(stage, ordered, weights)]
        self.version += 1
        self._write_down(stage, round_, ordered, weights, staleness, sums)

    def learn(self, stage: Stage, round_: int) -> None:
        """Train the server's own state once, on everybody's rows; no update is sent, none is summed."""
        self._ledger.mark(stage.name, round_, stage.rounds)
        if stage.name == "alignment":
            self._references.begin(self.globals)
            self.globals |= self._references.inputs(self.globals, self.globals)
        against = {name: state for name, state in self.globals.items() if name.startswith("reference_")}
        recipe = stage.train(self.blueprint.everybody, inputs_of(stage, self.globals, against), round_ - 1)
        handle = self._compute.submit(recipe)
        self.globals |= {group: handle.part(group) for group in stage.groups}
        self._learnt = [(Task(self._updates, SERVER, round_, self.version, stage, {}, 1), handle)]
        self._updates += 1

    def finish_round(self, stage: Stage, round_: int, patience: Patience) -> bool:
        """Measure when it is time to; say whether the stage has converged."""
        every = self.blueprint.scenario.evaluation.every
        last = round_ >= stage.rounds
        if round_ % every and not last:
            return False
        results = self._examiner.examine(stage, round_, self, self._participants(), self._learnt)
        return not last and patience.exhausted(lambda: self._validation_loss(stage, results))

    def close(self) -> None:
        """The end of the run."""
        self._diary.close()

    def _begin_rewards(self, first: str, clusters: int) -> None:
        """Reward models at the start: everybody's, or as many as there are clusters."""
        if clusters == 1:
            self.globals["reward"] = first
        else:
            self._clusters = [{"reward": first} for _ in range(clusters)]

    def _participants(self) -> list[Client]:
        return [self.clients[profile.index] for profile in self.blueprint.participants]

    def _parts(self, stage: Stage, reports: Sequence[Report], weights: Sequence[float]) -> Iterator[_Part]:
        """What is summed together: all updates, or those of reward models cluster by cluster, each with its own share
        of the weight as the whole."""
        if stage.name == "reward" and self._clusters:
            yield from self._by_cluster(reports, weights)
        else:
            yield self.globals, reports, weights

    def _by_cluster(self, reports: Sequence[Report], weights: Sequence[float]) -> Iterator[_Part]:
        for cluster, states in enumerate(self._clusters):
            members = [at for at, report in enumerate(reports) if self.blueprint.clusters[report.client] == cluster]
            if members:
                own = coefficients([weights[at] for at in members], [1.0] * len(members))
                yield states, [reports[at] for at in members], own

    def _sum(
        self, stage: Stage, states: dict[Group, str], reports: Sequence[Report], weights: Sequence[float]
    ) -> Handle:
        """The next of these states."""
        handle = self._compute.submit(aggregate(self.blueprint, stage, states, reports, weights))
        states |= {group: handle.part(group) for group in stage.shared}
        return handle

    def _coefficients(self, reports: Sequence[Report], staleness: Sequence[int]) -> tuple[float, ...]:
        settings = self.blueprint.scenario.aggregation
        weigh, fade = WEIGHTS[settings.weights], STALENESS[settings.staleness.rule]
        weights = [weigh(report.task.stage.rows(self.blueprint.shards[report.client])) for report in reports]
        return coefficients(weights, [fade(age, settings.staleness.exponent) for age in staleness])

    def _validation_loss(self, stage: Stage, results: Sequence[Handle]) -> float:
        """Mean over clients; the one number for which a world waits."""
        self._ledger.settle()
        return fmean(stage.validation_loss(handle.facts()) for handle in results)

    def _write_down(
        self,
        stage: Stage,
        round_: int,
        reports: Sequence[Report],
        weights: Sequence[float],
        staleness: Sequence[int],
        sums: Sequence[Handle],
    ) -> None:
        now_ns = self.kernel.now_ns
        for report in reports:
            self.dismiss(report, Fate.APPLIED)
        self._diary.write(SpanKind.AGGREGATE, now_ns, now_ns, stage=stage.name, round_=round_, version=self.version)
        record = Aggregation(
            time_ns=now_ns,
            stage=stage.name,
            round=round_,
            version=self.version,
            updates=tuple(report.task.update for report in reports),
            clients=tuple(report.task.client for report in reports),
            weights=tuple(weights),
            staleness=tuple(staleness),
            digest="",
        )
        handles = [*sums, *(report.result for report in reports)]
        self._ledger.when_known(handles, partial(self._write_sum, record, sums, reports))

    def _write_sum(
        self, record: Aggregation, sums: Sequence[Handle], reports: Sequence[Report], recorder: Recorder
    ) -> None:
        """The record of a sum, with the digest of what was learnt; of several clusters' their digests together."""
        if self._compute.learns:
            for report in reports:
                refuse_divergence(report.task, report.result.facts())
            record = replace(record, digest="+".join(part.facts()["digest"] for part in sums))
        recorder.aggregation(record)

    def _fate(self, task: Task, fate: Fate) -> None:
        self._ledger.fate(UpdateFate(task.update, task.client, task.stage.name, task.round, task.version, fate))

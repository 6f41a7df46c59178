"""What becomes of the updates of rounds, and what the server makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pwffsim.federation.aggregation import coefficients
from pwffsim.federation.staleness import STALENESS
from pwffsim.federation.weighting import WEIGHTS
from pwffsim.kernel.order import Order
from pwffsim.runs.records import NO_UPDATE, Aggregation, Fate, SpanKind
from pwffsim.scenario.schema import Aggregation as Settings
from pwffsim.world.abreast.acts import Round
from pwffsim.world.abreast.cast import Cast
from pwffsim.world.abreast.journal import Journal, Moment
from pwffsim.world.abreast.tasks import tasks
from pwffsim.world.stages.stage import Stage

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

LOST, USED, SERVED = range(Order.GRANT + 1, Order.GRANT + 4)
"""What comes behind everybody's acts when a round is over: updates that were lost, all others, and the server."""

IDLE, MADE, TOLD = range(3)
"""Steps of the server: idleness before, the new version, and what is said of it."""


class Server:
    """Writes what follows on rounds into a journal.

    Args:
        settings: of aggregation.
        cast: who takes part.
        journal: where rows go.
    """

    def __init__(self, settings: Settings, cast: Cast, journal: Journal) -> None:
        self._settings, self._cast, self._journal = settings, cast, journal
        self._weights: dict[str, list[float]] = {}
        self._since_ns = 0

    def tell(self, rounds: Sequence[Round]) -> None:
        """Rounds that follow on those before."""
        self._sorted_out([round_ for round_ in rounds if round_.upload])
        self._kept([round_ for round_ in rounds if not round_.upload])
        self._aggregated([round_ for round_ in rounds if round_.applied.any()])

    def close(self, end_ns: int) -> None:
        """Server and cell do nothing to the end; they write it before all others."""
        journal = self._journal
        for actor, since_ns in ((journal.server, self._since_ns), (journal.cell, 0)):
            at_ns, turn = np.array([end_ns]), np.array([actor])
            journal.spans(Moment(at_ns, 0, turn, IDLE), actor, SpanKind.IDLE, np.array([since_ns]), at_ns)

    def _sorted_out(self, rounds: Sequence[Round]) -> None:
        """Lost ones in the order in which they arrived, then those that are used in the order of clients."""
        if not rounds:
            return
        who, applied = self._everybody(rounds), np.concatenate([round_.applied for round_ in rounds])
        arrived_ns = np.concatenate([round_.arrived_ns for round_ in rounds])
        arrival = np.empty_like(who)
        arrival[np.lexsort((who, arrived_ns))] = np.arange(who.size)
        self._fates(rounds, ~applied, Fate.LOST, LOST, arrival)
        self._fates(rounds, applied, Fate.APPLIED, USED, who)

    def _kept(self, rounds: Sequence[Round]) -> None:
        if rounds:
            who = self._everybody(rounds)
            self._fates(rounds, np.ones(who.size, dtype=np.bool_), Fate.KEPT, USED, who)

    def _everybody(self, rounds: Sequence[Round]) -> IntArray:
        return np.tile(self._cast.numbers, len(rounds))

    def _fates(self, rounds: Sequence[Round], chosen: BoolArray, fate: Fate, order: int, turn: IntArray) -> None:
        clients = self._cast.numbers.size
        end_ns = np.repeat([round_.end_ns for round_ in rounds], clients)
        about = tasks(self._journal, rounds, clients)
        self._journal.fates(Moment(end_ns, order, turn, 0), self._everybody(rounds), fate, about, chosen)

    def _aggregated(self, rounds: Sequence[Round]) -> None:
        """The next version of each."""
        if not rounds:
            return
        journal = self._journal
        end_ns = np.array([round_.end_ns for round_ in rounds])
        idle, made, told = (Moment(end_ns, SERVED, np.zeros_like(end_ns), step) for step in (IDLE, MADE, TOLD))
        since_ns = np.append(self._since_ns, end_ns[:-1])
        journal.spans(idle, journal.server, SpanKind.IDLE, since_ns, end_ns)
        version = np.array([round_.version + 1 for round_ in rounds])
        about = tasks(journal, rounds, 1) | {"version": version, "update": NO_UPDATE}
        journal.instants(made, journal.server, SpanKind.AGGREGATE, about)
        journal.versions(told, [self._version(round_) for round_ in rounds])
        self._since_ns = int(end_ns[-1])

    def _version(self, round_: Round) -> Aggregation:
        applied = np.flatnonzero(round_.applied)
        return Aggregation(
            time_ns=round_.end_ns,
            stage=round_.stage.name,
            round=round_.number,
            version=round_.version + 1,
            updates=tuple((round_.first_update + applied).tolist()),
            clients=tuple(self._cast.names[number] for number in self._cast.numbers[applied].tolist()),
            weights=self._coefficients(round_.stage, applied.tolist()),
            staleness=(0,) * applied.size,
        )

    def _coefficients(self, stage: Stage, applied: Sequence[int]) -> tuple[float, ...]:
        rule = self._settings.staleness
        fresh, weights = STALENESS[rule.rule](0, rule.exponent), self._weights_of(stage)
        return coefficients([weights[at] for at in applied], [fresh] * len(applied))

    def _weights_of(self, stage: Stage) -> list[float]:
        """How much each counts in a stage."""
        if stage.name not in self._weights:
            weigh = WEIGHTS[self._settings.weights]
            self._weights[stage.name] = [weigh(rows) for rows in self._cast.rows(stage)]
        return self._weights[stage.name]

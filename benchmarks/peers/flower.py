"""Flower's simulation: a Ray actor a core, each with a resident network; FedAvg over messages of arrays."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from benchmarks.peers.meter import Job, Meter, conduct
from benchmarks.peers.task import State


@cache
def _resident(path: Path, numerics: str) -> Job:
    """The job of an actor's process, with its task and its network."""
    return Job(path, numerics)


def _client_app(path: Path, numerics: str) -> ClientApp:
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        job = _resident(path, numerics)
        round_ = int(message.content["config"]["server-round"]) - 1
        job.learner.load(message.content["arrays"].to_torch_state_dict())
        job.learner.train(job.task.batches(round_, int(context.node_config["partition-id"])))
        content = {"arrays": ArrayRecord(job.learner.read()), "metrics": MetricRecord({"num-examples": 1})}
        return Message(content=RecordDict(content), reply_to=message)

    return app


class _Timed(FedAvg):
    """FedAvg of all clients that tells the meter of rounds."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(fraction_evaluate=0.0, min_train_nodes=meter.clients, min_available_nodes=meter.clients)
        self._meter = meter

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> tuple[Any, Any]:
        answers = list(replies)
        for answer in answers:
            if answer.has_error():  # Flower would go on without it
                raise RuntimeError(answer.error.reason)
        found = super().aggregate_train(server_round, answers)
        self._meter.lap()
        return found


def simulate(job: Job, meter: Meter) -> State:
    """All rounds."""
    result, server = State(), ServerApp()

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        meter.begin()
        found = _Timed(meter).start(grid, ArrayRecord(job.task.initial), num_rounds=job.task.settings.rounds)
        result.update(found.arrays.to_torch_state_dict())

    backend = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
    run_simulation(server, _client_app(job.path, job.numerics), meter.clients, backend_config=backend)
    return result


def main() -> None:
    """Measure."""
    conduct(simulate)

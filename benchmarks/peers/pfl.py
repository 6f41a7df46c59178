"""pfl-research's simulated backend: one process, one resident network, its own FedAvg and its own local loop."""

from __future__ import annotations

from itertools import count, cycle
from typing import Any

import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.hyperparam import NNTrainHyperParams
from pfl.metrics import Metrics, Weighted
from pfl.model.pytorch import PyTorchModel
from torch import Tensor, nn

from benchmarks.peers.learner import Learner
from benchmarks.peers.meter import Job, Meter, conduct
from benchmarks.peers.task import State


class _Network(nn.Module):
    """The network with the methods that pfl asks for."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.network = learner.network
        self.loss = learner.loss

    def metrics(self, ids: Tensor, labels: Tensor, eval: bool = False) -> dict[str, Weighted]:  # noqa: A002
        """pfl evaluates in its first round, whatever it is told."""
        with torch.no_grad():
            return {"loss": Weighted.from_unweighted(float(self.loss(ids, labels)))}


class _Lap(TrainingProcessCallback):
    """Tells the meter of rounds."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def after_central_iteration(self, aggregate_metrics: Metrics, model: Any, *, central_iteration: int) -> Any:
        self._meter.lap()
        return False, Metrics()


def simulate(job: Job, meter: Meter) -> State:
    """All rounds."""
    settings, learner = job.task.settings, job.learner
    learner.load(job.task.initial)
    model = PyTorchModel(_Network(learner), lambda *_, **__: learner.optimiser(), _central(learner))
    backend = SimulatedBackend(training_data=(data := _data(job)), val_data=data)
    local = NNTrainHyperParams(
        local_num_epochs=1,
        local_learning_rate=settings.learning_rate,
        local_batch_size=settings.rows,
        local_max_grad_norm=settings.clip,
    )
    rounds = NNAlgorithmParams(
        central_num_iterations=settings.rounds,
        evaluation_frequency=settings.rounds + 1,
        train_cohort_size=settings.clients,
        val_cohort_size=0,
    )
    meter.begin()
    FederatedAveraging().run(rounds, backend, model, local, callbacks=[_Lap(meter)], send_metrics_to_platform=False)
    return learner.read()


def _central(learner: Learner) -> torch.optim.Optimizer:
    """new = old + mean difference."""
    return torch.optim.SGD(learner.trained.values(), lr=1.0)


def _data(job: Job) -> FederatedDataset:
    """Clients by turns, each with the rows of the round it is its turn in."""
    clients, turns = job.task.settings.clients, count()

    def rows(client: int) -> Dataset:
        return Dataset(raw_data=list(job.task.rows(next(turns) // clients, client)))

    order = cycle(range(clients))
    return FederatedDataset(rows, lambda: next(order))


def main() -> None:
    """Measure."""
    conduct(simulate)

"""FedLab's standalone pipeline: one process, one network for the clients and one for the server, vectors between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.peers import operators  # noqa: F401  (before fedlab, which imports torchvision)

# isort: split
from fedlab.contrib.algorithm.basic_client import SGDSerialClientTrainer
from fedlab.contrib.algorithm.basic_server import SyncServerHandler
from fedlab.core.standalone import StandalonePipeline
from torch import Tensor, nn

from benchmarks.peers.learner import Learner
from benchmarks.peers.meter import Job, Meter, conduct
from benchmarks.peers.task import State


class _Shared(nn.Module):
    """A learner of which FedLab sees the LoRA alone: it would send and average the frozen base as well."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner = learner
        self._lora = list(learner.trained.values())

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        return iter(self._lora)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Shared:
        """Server and clients use one network: it is loaded before each use."""
        return self


class _Trainer(SGDSerialClientTrainer):
    """Clients by turns."""

    def __init__(self, job: Job) -> None:
        super().__init__(_Shared(job.learner), job.task.settings.clients)
        self._job = job
        self._round = 0

    def local_process(self, payload: Sequence[Tensor], id_list: Sequence[int]) -> None:
        for client in id_list:
            self.set_model(payload[0])
            self.model.learner.train(self._job.task.batches(self._round, client))
            self.cache.append([self.model_parameters])
        self._round += 1


class _Pipeline(StandalonePipeline):
    """Tells the meter of rounds."""

    def __init__(self, handler: SyncServerHandler, trainer: _Trainer, meter: Meter) -> None:
        super().__init__(handler, trainer)
        self._meter = meter

    def evaluate(self) -> None:
        self._meter.lap()


def simulate(job: Job, meter: Meter) -> State:
    """All rounds."""
    job.learner.load(job.task.initial)
    handler = SyncServerHandler(_Shared(job.learner), job.task.settings.rounds, sample_ratio=1.0)
    pipeline = _Pipeline(handler, _Trainer(job), meter)
    meter.begin()
    pipeline.main()
    return job.learner.read()


def main() -> None:
    """Measure."""
    conduct(simulate)

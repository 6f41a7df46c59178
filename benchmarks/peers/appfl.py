"""APPFL's virtual-time simulation (``appfl.vsim``), synchronous, everybody takes part.

Agents, scheduler, aggregator and driver are APPFL's. The clients' trainers share one resident network, where APPFL by
itself would build a network a client.
"""

from __future__ import annotations

import logging
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.peers import operators  # noqa: F401  (before appfl, which imports torchvision)

# isort: split
from appfl.agent import ClientAgent, ServerAgent
from appfl.algorithm.trainer import BaseTrainer
from appfl.config import ServerAgentConfig
from appfl.vsim import ClientProfile, SyncSimDriver
from omegaconf import OmegaConf
from torch import nn

from benchmarks.peers.meter import Job, Meter, conduct
from benchmarks.peers.task import State

_LOGS = TemporaryDirectory(prefix="appfl")
"""APPFL's agents keep logs."""


class _Lora(nn.Module):
    """What the server holds: the LoRA, under names that a module may have."""

    def __init__(self, state: State) -> None:
        super().__init__()
        for name, tensor in state.items():
            self.register_parameter(_flat(name), nn.Parameter(tensor.clone()))


class _Trainer(BaseTrainer):
    """One client's share of the task."""

    def __init__(self, job: Job, client: int) -> None:
        super().__init__()
        self._job = job
        self._client = client

    def load_parameters(self, params: State) -> None:
        self._received = params

    def train(self, **_: Any) -> None:
        learner = self._job.learner
        learner.load({name: self._received[_flat(name)] for name in learner.trained})
        learner.train(self._job.task.batches(self.round, self._client))
        self._state = {_flat(name): tensor for name, tensor in learner.read().items()}
        self.round += 1

    def get_parameters(self) -> tuple[State, dict[str, int]]:
        return self._state, {"current_local_steps": self._job.task.settings.steps}


class _Client(ClientAgent):
    """An agent with our trainer instead of one out of a file."""

    def __init__(self, job: Job, client: int) -> None:
        self._make = lambda: _Trainer(job, client)
        super().__init__(OmegaConf.create({"client_id": str(client), "train_configs": _written()}))

    def _load_model(self) -> None:
        self.model = None

    def _load_trainer(self) -> None:
        self.trainer = self._make()


class _Server(ServerAgent):
    """An agent with our model instead of one out of a file; tells the meter of rounds."""

    def __init__(self, job: Job, meter: Meter) -> None:
        self._lora, self._meter = _Lora(job.task.initial), meter
        settings = {
            "num_clients": job.task.settings.clients,
            "num_global_epochs": job.task.settings.rounds,
            "scheduler": "SyncScheduler",
            "aggregator": "FedAvgAggregator",
            **_written(),
        }
        client = OmegaConf.create({"train_configs": {}})
        super().__init__(ServerAgentConfig(client_configs=client, server_configs=OmegaConf.create(settings)))

    def _load_model(self) -> None:
        self.model = self._lora


class _Driver(SyncSimDriver):
    """The driver, telling the meter of rounds."""

    meter: Meter

    def _run_round(self) -> Any:
        done = super()._run_round()
        self.meter.lap()
        return done


def simulate(job: Job, meter: Meter) -> State:
    """All rounds; simulated time is a fixed second a step."""
    clients = [_Client(job, client) for client in range(job.task.settings.clients)]
    server = _Server(job, meter)
    driver = _Driver(
        server,
        clients,
        {client.get_id(): ClientProfile() for client in clients},
        len(clients),
        logging.getLogger("vsim"),
        base_step_time=1.0,
        target_rounds=job.task.settings.rounds,
    )
    driver.meter = meter
    job.learner.load(job.task.initial)
    meter.begin()
    driver.run()
    found = server.get_parameters(serial_run=True)
    return {name: found[_flat(name)] for name in job.learner.trained}


def _flat(name: str) -> str:
    return name.replace(".", "/")


def _written() -> dict[str, str]:
    return {"logging_output_dirname": _LOGS.name, "logging_output_filename": "log"}


def main() -> None:
    """Measure."""
    conduct(simulate)

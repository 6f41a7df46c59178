"""The floor: a loop that trains one client after another in a resident network and averages."""

from __future__ import annotations

from benchmarks.peers.meter import Job, Meter, conduct
from benchmarks.peers.task import State, mean


def simulate(job: Job, meter: Meter) -> State:
    """All rounds."""
    job.learner.load(state := job.task.initial)
    meter.begin()
    for round_ in range(job.task.settings.rounds):
        state = mean([_trained(job, state, round_, client) for client in range(job.task.settings.clients)])
        meter.lap()
    return state


def _trained(job: Job, state: State, round_: int, client: int) -> State:
    job.learner.load(state)
    job.learner.train(job.task.batches(round_, client))
    return job.learner.read()


def main() -> None:
    """Measure."""
    conduct(simulate)

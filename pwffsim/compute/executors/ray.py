"""Ray workers, on this machine or on all those of a cluster. The store is the data plane: its folder must be on a file
system that every machine sees under the same path."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from threading import current_thread, main_thread
from typing import Any

from pwffsim.compute.batch import Batch
from pwffsim.compute.executors.answer import Answer
from pwffsim.compute.executors.crew import Crew, Died
from pwffsim.compute.executors.worker import Place, Worker
from pwffsim.compute.recipe import BackendUnavailable


class Actor:
    """A Ray actor and what it owes."""

    def __init__(self, ray: Any, place: Place) -> None:
        self._ray = ray
        self._actor = ray.remote(num_cpus=place.threads)(Worker).remote(place)
        self.owed: Any = None

    def post(self, batch: Batch) -> None:
        """Send a batch."""
        self.owed = self._actor.answer.remote(batch)

    def answer(self) -> Answer:
        """What it answered."""
        lost = self._ray.exceptions
        try:
            return self._ray.get(self.owed)
        except (lost.RayActorError, lost.OutOfMemoryError, lost.NodeDiedError, lost.ObjectLostError) as error:
            raise Died(str(error).strip().partition("\n")[0]) from error

    def dismiss(self) -> None:
        """Kill it."""
        self._ray.kill(self._actor)


class Ray(Crew[Actor]):
    """Batches on Ray actors. The environment variable RAY_ADDRESS names a cluster; without it Ray starts here.

    Raises:
        BackendUnavailable: when Ray is not installed, or the cluster has fewer processors than the workers take.
    """

    def __init__(self, place: Place, workers: int) -> None:
        super().__init__(place, workers)
        self._ray = _ray()
        self._own = not self._ray.is_initialized()
        if self._own:
            _join_or_start(self._ray, workers * place.threads)
        try:
            self._refuse_shortage(workers * place.threads)
        except BackendUnavailable:
            self.close()
            raise

    def close(self) -> None:
        """Stop the actors; Ray too, where it was started for this run."""
        super().close()
        if self._own:
            self._ray.shutdown()

    def _refuse_shortage(self, wanted: int) -> None:
        """An actor that finds no place would wait for ever."""
        if (there := self._ray.cluster_resources().get("CPU", 0)) < wanted:
            raise BackendUnavailable(
                f"the workers take {wanted} processors, but Ray's cluster has {there:g}: take fewer workers or threads"
            )

    def _hire(self) -> Actor:
        return Actor(self._ray, self._place)

    def _heard(self, busy: Sequence[Actor], wait_s: float) -> list[Actor]:
        ready, _ = self._ray.wait([hand.owed for hand in busy], num_returns=1, timeout=wait_s)
        return [hand for hand in busy if hand.owed in ready]


def _join_or_start(ray: Any, processors: int) -> None:
    """Ray's own reaction to SIGTERM is undone: a run ends in its own way."""
    own = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": processors}
    former = signal.getsignal(signal.SIGTERM)
    ray.init(log_to_driver=False, include_dashboard=False, **own)
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, former)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise BackendUnavailable("executor ray needs Ray: pip install 'pwffsim[ray]'") from error
    return ray

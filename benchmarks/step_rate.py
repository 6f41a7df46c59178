"""A local step of one client beside the rate of the machine's matrix products.

    python -m benchmarks.step_rate

The work of a step is that which pwffsim counts for its devices (``pwffsim.architecture.work``). Products are of 1024 x
1024 matrices, fp32 by MKL and by oneDNN, and bf16.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from benchmarks.peers import scenario
from benchmarks.peers.learner import NUMERICS, Learner
from benchmarks.peers.task import Task
from benchmarks.peers.write_task import task
from pwffsim.scenario.loader import load
from pwffsim.simulation.preparation import prepare
from pwffsim.world.world import stages

_SIZE, _TURNS = 1024, 5


def main() -> None:
    """Print a line of JSON: seconds of a step, its operations, and products a second in operations a second."""
    work, steps, rates = task(1, 1), dict[str, float](), dict[str, float]()
    learners = {name: make(work.settings) for name, make in NUMERICS.items()}
    for name, precision in (("stock", "highest"), ("tuned", "medium")):
        torch.set_float32_matmul_precision(precision)
        steps[f"{name}_s"] = _seconds(_step(learners[name], work)) / work.settings.steps
        rates[f"{name}_flops"] = _rate(torch.float32)
    rates["bf16_flops"] = _rate(torch.bfloat16)
    print(json.dumps({"operations": operations(), **steps, **rates}))


def operations() -> int:
    """Floating-point operations of one step of one client."""
    scenario.register()
    with TemporaryDirectory() as folder:
        blueprint = prepare(load(scenario.write(Path(folder) / "peers.yaml", 1, 1))).blueprint
    (stage,) = stages(blueprint)
    return stage.train_flops(blueprint.profiles[0], None) // scenario.STEPS


def _step(learner: Learner, work: Task) -> Callable[[], None]:
    learner.load(work.initial)
    return lambda: learner.train(work.batches(0, 0))


def _rate(kind: torch.dtype) -> float:
    a, b = (torch.randn(_SIZE, _SIZE).to(kind) for _ in range(2))
    return 2 * _SIZE**3 / _seconds(lambda: a @ b)


def _seconds(act: Callable[[], object]) -> float:
    """Processor seconds, the median of some turns after one that does not count."""
    act()
    return median(_once(act) for _ in range(_TURNS))


def _once(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


if __name__ == "__main__":
    main()

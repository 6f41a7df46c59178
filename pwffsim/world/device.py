"""A client's device: how long operations take and what they draw."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pwffsim.kernel.clock import Kernel, ns, seconds
from pwffsim.kernel.order import Order
from pwffsim.runs.records import SpanKind
from pwffsim.world.diary import Diary
from pwffsim.world.profiles import Profile
from pwffsim.world.tasks import Task


class Device:
    """Computes one thing at a time: duration = FLOPs / speed, energy = power x duration.

    Args:
        kernel: the clock.
        profile: whose device it is.
        diary: where its work is written down.
        timed: whether work takes time at all.
    """

    def __init__(self, kernel: Kernel, profile: Profile, diary: Diary, timed: bool = True) -> None:
        self._kernel = kernel
        self._profile = profile
        self._diary = diary
        self._timed = timed

    def compute(self, kind: SpanKind, flops: int, task: Task) -> Generator[Any, Any, None]:
        """Spend the time of `flops` operations."""
        start_ns = self._kernel.now_ns
        duration_ns = ns(flops / (self._profile.tier.gflops * 1e9)) if self._timed else 0
        yield self._kernel.timeout(duration_ns, order=Order.COMPLETION, actor=self._profile.index)
        self._diary.write(
            kind,
            start_ns,
            start_ns + duration_ns,
            stage=task.stage.name,
            round_=task.round,
            version=task.version,
            energy_j=self._profile.tier.compute_power_w * seconds(duration_ns),
            update=task.update,
        )

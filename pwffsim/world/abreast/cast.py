"""Who takes part, as arrays: an entry a client that is not idle, in the order of clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pwffsim.architecture.tensors import Payload
from pwffsim.federation.method import Group
from pwffsim.kernel.clock import ns
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.profiles import Profile
from pwffsim.world.stages.stage import Stage

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Cast:
    """The clients.

    Attributes:
        names: of all clients by number, idle ones too.
        numbers: int64[N] of those that take part.
        tiers: a client of each tier that takes part: payloads and operations are the same for all of a tier.
        compute_power_w: f64[N].
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        people = blueprint.participants
        self.names = tuple(profile.name for profile in blueprint.profiles)
        self.numbers = np.array([profile.index for profile in people])
        first = {profile.tier.name: profile for profile in reversed(people)}
        self.tiers: list[Profile] = list(first.values())
        place = {name: at for at, name in enumerate(first)}
        self._tier = np.array([place[profile.tier.name] for profile in people])
        self.compute_power_w = np.array([profile.tier.compute_power_w for profile in people])
        self._durations: dict[tuple[str, str], IntArray] = {}
        self._rows: dict[str, list[int]] = {}

    def each(self, of_tiers: Sequence[int]) -> IntArray:
        """A number a client, int64[N], from a number a tier."""
        return np.array(of_tiers, dtype=np.int64)[self._tier]

    def payloads(self, groups: Sequence[Group]) -> list[Payload]:
        """What these groups come to, by tier."""
        return [self._blueprint.payload(groups, self._blueprint.lora_modules(profile)) for profile in self.tiers]

    def sizes(self, payloads: Sequence[Payload]) -> IntArray:
        """Bytes of everybody's payload, int64[N], from one a tier."""
        return self.each([payload.size_bytes for payload in payloads])

    def training_ns(self, stage: Stage) -> IntArray:
        """How long a round of local training takes, int64[N]."""
        return self._duration_ns(stage, "train", lambda profile: stage.train_flops(profile, None))

    def evaluation_ns(self, stage: Stage) -> IntArray:
        """How long an evaluation takes, int64[N]."""
        return self._duration_ns(stage, "evaluate", stage.evaluate_flops)

    def rows(self, stage: Stage) -> list[int]:
        """How much each learns from in a stage."""
        if stage.name not in self._rows:
            shards = self._blueprint.shards
            self._rows[stage.name] = [stage.rows(shards[number]) for number in self.numbers.tolist()]
        return self._rows[stage.name]

    def _duration_ns(self, stage: Stage, what: str, flops: Callable[[Profile], int]) -> IntArray:
        known = self._durations.get((stage.name, what))
        if known is None:
            known = self.each([ns(flops(profile) / (profile.tier.gflops * 1e9)) for profile in self.tiers])
            self._durations[stage.name, what] = known
        return known

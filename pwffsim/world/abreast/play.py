"""Rounds as they pass: when everything happens and whose update is used, for that alone decides what comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pwffsim.architecture.tensors import Payload
from pwffsim.federation.method import Group
from pwffsim.runs.records import Tensors
from pwffsim.world.abreast.acts import Act, Round, Transfer, Upload, Work
from pwffsim.world.abreast.cast import Cast
from pwffsim.world.abreast.rest import RestMeters
from pwffsim.world.abreast.terms import NotAbreastError
from pwffsim.world.abreast.way import Ride, Way
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.radio.links import Links
from pwffsim.world.stages.stage import Stage

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Parcel:
    """Everybody's payload: its code and its bytes, int64[N]."""

    payload: IntArray
    payload_bytes: IntArray


class Play:
    """Server and clients, without events, and without anybody who writes it down.

    Args:
        blueprint: shapes and settings.
        cast: who takes part.
        stages: in order.
        code: gives a payload its code.

    Attributes:
        up, down: everybody's links; no downlinks where they are ideal.
        power: what a radio draws.
        rest: what all of them draw at rest.
        since_ns: when everybody's last act was over, int64[N].
        now_ns: when the last round was.
    """

    def __init__(
        self, blueprint: Blueprint, cast: Cast, stages: Sequence[Stage], code: Callable[[Tensors], int]
    ) -> None:
        self._cast, self._scenario, self._stages, self._code = cast, blueprint.scenario, stages, code
        links, down = Links(self._scenario, blueprint.profiles, None), self._scenario.radio.downlink
        self.up = Way([links.uplink(client, 0) for client in cast.numbers.tolist()])
        receives = down is not None and not down.ideal
        self.down = Way([links.downlink(client, 0) for client in cast.numbers.tolist()]) if receives else None
        self.power = self._scenario.radio.energy.build()
        self.rest = RestMeters(self.power, cast.numbers.size)
        self.now_ns = 0
        self.since_ns = self._at_ns = np.zeros(cast.numbers.size, dtype=np.int64)
        self._version, self._updates = 0, 0
        self._state: dict[Group, int] = {}
        self._held: dict[Group, int] = {}
        self._parcels: dict[tuple[str, ...], Parcel] = {}

    def rounds(self) -> Iterator[Round]:
        """Play the scenario out.

        Raises:
            NotAbreastError: where a transfer stalls, takes no time, or leaves gaps in a download: events tell what
                comes of it.
        """
        for stage in self._stages:
            for number in range(1, stage.rounds + 1):
                yield self._round(stage, number)

    def _round(self, stage: Stage, number: int) -> Round:
        version, first_update = self._version, self._updates
        download = self._download(stage)
        evaluation = self._work(self._cast.evaluation_ns(stage)) if self._measures(number) else None
        training = self._work(self._cast.training_ns(stage))
        upload = self._upload(stage) if stage.shared else None
        applied = self._applied(upload)
        self._end(stage, applied)
        return Round(stage, number, version, first_update, download, evaluation, training, upload, applied)

    def _download(self, stage: Stage) -> Transfer | None:
        """Bring everybody what is new."""
        new = self._new(stage)
        payloads = self._cast.payloads(new)
        if self.down is None or not any(payload.size_bytes for payload in payloads):
            return None
        parcel = self._parcel(("download", *new), payloads)
        ride = self.down.carry(self._at_ns, parcel.payload_bytes)
        if np.any(ride.flights.lost_bytes > 0):
            raise NotAbreastError("a download never becomes whole")
        act = self._act(ride.end_ns)
        self.rest.active_until(ride.end_ns)
        return Transfer(**vars(act), **vars(parcel), **_course(ride))

    def _new(self, stage: Stage) -> list[Group]:
        """What nobody has yet of what a stage starts from."""
        known = {group: self._state.get(group, 0) for group in stage.received}
        new = [group for group, state in known.items() if self._held.get(group) != state]
        self._held |= known
        return new

    def _measures(self, number: int) -> bool:
        evaluation = self._scenario.evaluation
        return evaluation.costs_time and (number - 1) % evaluation.every == 0

    def _work(self, duration_ns: IntArray) -> Work:
        if np.any(duration_ns <= 0):
            raise NotAbreastError("a computation takes less than a nanosecond")
        act = self._act(self._at_ns + duration_ns)
        return Work(**vars(act), radio_j=self.rest.rest_j(act.start_ns, act.end_ns))

    def _upload(self, stage: Stage) -> Upload:
        """Send everybody's update."""
        parcel = self._parcel(("upload", stage.name), [stage.upload_tensors(profile) for profile in self._cast.tiers])
        ride = self.up.carry(self._at_ns, parcel.payload_bytes)
        act = self._act(ride.end_ns)
        self.rest.active_until(ride.end_ns)
        split_ns = np.minimum(ride.first_pass_ns, ride.end_ns)
        first_s, again_s = ride.on_air_s(ride.start_ns, split_ns), ride.on_air_s(split_ns, ride.end_ns)
        return Upload(**vars(act), **vars(parcel), **_course(ride), split_ns=split_ns, first_s=first_s, again_s=again_s)

    def _parcel(self, what: tuple[str, ...], payloads: Sequence[Payload]) -> Parcel:
        """What a payload a tier comes to for everybody."""
        if what not in self._parcels:
            codes = self._cast.each([self._code(payload.listing) for payload in payloads])
            self._parcels[what] = Parcel(codes, self._cast.sizes(payloads))
        return self._parcels[what]

    def _act(self, end_ns: IntArray) -> Act:
        """Everybody does something until then."""
        act = Act(self.since_ns, self.rest.rest_j(self.since_ns, self._at_ns), self._at_ns, end_ns)
        self.since_ns = self._at_ns = end_ns
        return act

    def _applied(self, upload: Upload | None) -> BoolArray:
        """Whose update is used: all that arrive, but for those with gaps where these are discarded."""
        if upload is None:
            return np.zeros(self._cast.numbers.size, dtype=np.bool_)
        discards = self._scenario.radio.residual_loss == "discard"
        return upload.lost_bytes == 0 if discards else np.ones(upload.lost_bytes.size, dtype=np.bool_)

    def _end(self, stage: Stage, applied: BoolArray) -> None:
        """The round is over when all are through; there is a new version where there is anything to sum."""
        self.now_ns = int(self._at_ns.max())
        self._at_ns = np.full(applied.size, self.now_ns)
        self._updates += applied.size
        if applied.any():
            self._version += 1
            self._state |= dict.fromkeys(stage.shared, self._version)


def _course(ride: Ride) -> dict[str, Any]:
    """How a transfer went, as a ``Transfer`` keeps it."""
    flights = ride.flights
    on_air_s, mean_snr_db = flights.whole()
    return {
        "lost_bytes": flights.lost_bytes,
        "packets": flights.packets,
        "transmissions": flights.transmissions,
        "mean_rate_bps": flights.mean_rate_bps,
        "on_air_s": on_air_s,
        "mean_snr_db": mean_snr_db,
    }

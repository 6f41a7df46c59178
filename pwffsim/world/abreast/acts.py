"""What everybody does in a round, one act after another, as arrays: an entry a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pwffsim.world.stages.stage import Stage

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Act:
    """Something that everybody does: nothing since the act before it, for which the radio draws ``rest_j``, and then
    this from ``start_ns`` to ``end_ns``."""

    since_ns: IntArray
    rest_j: FloatArray
    start_ns: IntArray
    end_ns: IntArray


@dataclass(frozen=True, eq=False)
class Work(Act):
    """A computation, during which the radio rests: ``radio_j``."""

    radio_j: FloatArray


@dataclass(frozen=True, eq=False)
class Transfer(Act):
    """A payload, by its code, on its way; ``lost_bytes`` never arrive."""

    payload: IntArray
    payload_bytes: IntArray
    lost_bytes: IntArray
    packets: IntArray
    transmissions: IntArray
    mean_rate_bps: FloatArray
    on_air_s: FloatArray
    mean_snr_db: FloatArray


@dataclass(frozen=True, eq=False)
class Upload(Transfer):
    """An upload, of which all packets have been sent once at ``split_ns``; seconds on air until then, and after."""

    split_ns: IntArray
    first_s: FloatArray
    again_s: FloatArray


AnyAct = TypeVar("AnyAct", bound=Act)


def joined(acts: Sequence[AnyAct]) -> AnyAct:
    """Acts of one sort, one behind another."""
    names = [field.name for field in fields(acts[0])]
    return type(acts[0])(**{name: np.concatenate([getattr(act, name) for act in acts]) for name in names})


@dataclass(frozen=True, eq=False)
class Round:
    """A round of a stage, whose tasks make updates ``first_update`` and on from a version of the global state.

    There is no download where nothing is new and no evaluation where it costs no time. Where nothing is shared there
    is no upload, and no update is ``applied``: bool[N].
    """

    stage: Stage
    number: int
    version: int
    first_update: int
    download: Transfer | None
    evaluation: Work | None
    training: Work
    upload: Upload | None
    applied: BoolArray

    @property
    def arrived_ns(self) -> IntArray:
        """When everybody was through."""
        return (self.upload or self.training).end_ns

    @property
    def end_ns(self) -> int:
        """When the last one was."""
        return int(self.arrived_ns.max())

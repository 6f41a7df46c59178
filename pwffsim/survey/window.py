"""The stretch of simulated time that a survey looks at, and how much of it a client's links can be followed."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite

import numpy as np
from numpy.typing import NDArray

from channel_models.transfer.profile import LinkProfile
from pwffsim.survey.scene import Scene
from pwffsim.world.profiles import Profile
from pwffsim.world.radio.links import UP

FloatArray = NDArray[np.float64]

_LEAST_BLOCKS = 100
_LEAST_S, _MOST_S = 1.0, 120.0
_LOOKS = 257
_BITS_PER_BYTE = 8


@dataclass(frozen=True)
class Window:
    """From 0 to ``length_s``; ``ends`` says why it is shorter than it should be, or is None."""

    length_s: float
    ends: str | None = None


def window_of(scene: Scene) -> float:
    """Seconds that the radio alone keeps a run going: every round's largest transfer of the slowest client, both ways.

    At least 1 s and 100 blocks, at most 120 s. Computing takes longer: give a length where that matters.
    """
    slowest_bps = min(
        scene.hop_at(client, direction, 0.0).over.mean_rate_bps
        for client in scene.participants
        for direction in scene.directions
    )
    bits = sum(
        _BITS_PER_BYTE * max(sizes) * getattr(scene.scenario.stages, stage).rounds
        for stage, sizes in scene.payloads.items()
    )
    block_s = scene.hop_at(scene.participants[0], UP, 0.0).profile.block_s
    blocks_s = _LEAST_BLOCKS * block_s if isfinite(block_s) else 0.0
    longest_s = len(scene.directions) * bits / slowest_bps if slowest_bps > 0 else 0.0
    return min(max(_LEAST_S, blocks_s, longest_s), _MOST_S)


def followed(scene: Scene, client: Profile, length_s: float) -> Window:
    """The part of a window from its start on in which a client is within the range of the path loss model."""
    looks: FloatArray = np.linspace(0.0, length_s, _LOOKS).astype(np.float64)
    if scene.terrain is None or _lost(scene, client, looks) is None:
        return Window(length_s)
    first = next(number for number, look in enumerate(looks) if _lost(scene, client, np.array([look])) is not None)
    return Window(float(looks[max(first - 1, 0)]), _lost(scene, client, looks[first : first + 1]))


def mean_snrs(scene: Scene, client: Profile, direction: str, window: Window) -> FloatArray:
    """Linear mean SNRs over a window, to whatever cell serves the client; one where it does not move, none recorded."""
    profile = scene.hop_at(client, direction, 0.0).profile
    if not isinstance(profile, LinkProfile):
        return np.empty(0)
    if profile.mean_snr_at is None:
        return np.array([profile.mean_snr])
    looks: FloatArray = np.linspace(0.0, window.length_s, _LOOKS).astype(np.float64)
    return np.array([_mean_snr(scene, client, direction, float(look), window) for look in looks])


def blocks_of(block_s: float, length_s: float) -> int:
    """Whole blocks in a window, at least one."""
    return max(1, ceil(length_s / block_s)) if isfinite(block_s) else 1


def _mean_snr(scene: Scene, client: Profile, direction: str, time_s: float, window: Window) -> float:
    profile = scene.hop_along(client, direction, time_s, window.length_s).profile
    assert isinstance(profile, LinkProfile) and profile.mean_snr_at is not None
    return float(profile.mean_snr_at(np.array([time_s]))[0])


def _lost(scene: Scene, client: Profile, times_s: FloatArray) -> str | None:
    """Why a client cannot be followed at some of these times; cells are measured a little further than asked."""
    assert scene.terrain is not None
    try:
        scene.terrain.loss_db(client.index, times_s)
        scene.serving(client, float(times_s[-1]))
    except ValueError as error:
        return str(error)
    return None

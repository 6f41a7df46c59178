"""Blocks of a link, drawn by the simulator's own machinery, and the law that they should follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite, nan

import numpy as np
from numpy.typing import NDArray

from channel_models.fading.none import NoFading
from channel_models.traces.errors import TraceEnded
from channel_models.transfer.profile import LinkProfile, Segments, block_of
from pwffsim.survey.law import SnrLaw, states_of
from pwffsim.survey.scene import Hop, Scene
from pwffsim.survey.window import Window, blocks_of
from pwffsim.world.profiles import Profile

FloatArray = NDArray[np.float64]

Run = tuple[Hop, int, int]
"""A link, its first block, and how many."""

_RUNS = 40
_TWINS = 500


@dataclass(frozen=True, eq=False)
class Blocks:
    """Stretches of a link over a window, under full load.

    Attributes:
        hop: the link.
        lengths_s: f64[n].
        snr: linear SINR f64[n]; NaN where rates are recorded.
        rate_bps: while on air, f64[n].
        airtime: share of the time on air, f64[n].
        means: what the SINR would be without fading, f64[n].
        independent: whether they are alike and independent of each other.
    """

    hop: Hop
    lengths_s: FloatArray
    snr: FloatArray
    rate_bps: FloatArray
    airtime: FloatArray
    means: FloatArray
    independent: bool
    parts: tuple[Blocks, ...] = ()
    """The blocks of each share of the medium by themselves, where a client that moves has several; else empty."""

    @property
    def weights(self) -> FloatArray | None:
        """Weights for means over time; None for blocks that are independent and alike."""
        return None if self.independent else self.lengths_s

    @property
    def carried_bps(self) -> FloatArray:
        """Rate x airtime, f64[n]."""
        return self.rate_bps * self.airtime

    def law(self) -> SnrLaw | None:
        """The law of the SINR; None where there is not one (a recording, a choice among sub-bands, several shares)."""
        profile = self.hop.profile
        if self.parts or not isinstance(profile, LinkProfile) or profile.allocation.gain is not None:
            return None
        return SnrLaw(profile.fading, *states_of(self.means, self.lengths_s))


def observe(scene: Scene, client: Profile, direction: str, window: Window, count: int) -> Blocks:
    """About ``count`` blocks of a client's link over a window.

    The first ones where the client stays; where a block has no end, those of links of the same law; else 40 runs of
    blocks, spread evenly over the window, each to the cell that serves the client then.
    """
    hop = scene.hop_at(client, direction, 0.0)
    if hop.endless:
        return _gathered(hop, [(hop.twin(number), 0, 1) for number in range(min(count, _TWINS))], True)
    if _stays(hop):
        return _gathered(hop, [(hop, 0, count if isfinite(hop.profile.block_s) else 1)], _independent(hop))
    return _by_share(hop, list(_runs(scene, client, direction, window, count)))


def _stays(hop: Hop) -> bool:
    return isinstance(hop.profile, LinkProfile) and hop.profile.mean_snr_at is None


def _independent(hop: Hop) -> bool:
    profile = hop.profile
    if not isinstance(profile, LinkProfile) or profile.interference is not None:
        return False
    alike = profile.allocation.gain is None and not callable(profile.allocation.airtime)
    return profile.fading.independent_blocks and alike


def _runs(scene: Scene, client: Profile, direction: str, window: Window, count: int) -> Iterator[Run]:
    """Runs of blocks, each over the link to the cell that serves the client when it begins."""
    block_s = scene.hop_at(client, direction, 0.0).profile.block_s
    total = blocks_of(block_s, window.length_s)
    if total <= count and scene.terrain is None:
        yield scene.hop_at(client, direction, 0.0), 0, total
        return
    each = max(1, min(count, total) // _RUNS)
    for run in range(min(_RUNS, total)):
        first = run * total // _RUNS if total >= _RUNS else run
        hop = scene.hop_along(client, direction, first * block_s, window.length_s)
        yield hop, block_of(hop.profile, first * block_s), each


def _by_share(hop: Hop, runs: list[Run]) -> Blocks:
    """All blocks, and those of each share of the medium by themselves."""
    shares = list[list[Run]]()
    for run in runs:
        same = next((others for others in shares if others[0][0].allocation == run[0].allocation), None)
        if same is None:
            shares.append(same := [])
        same.append(run)
    parts = tuple(_gathered(share[0][0], share, False) for share in shares)
    return _gathered(hop, runs, False, parts if len(parts) > 1 else ())


def _gathered(hop: Hop, runs: list[Run], independent: bool, parts: tuple[Blocks, ...] = ()) -> Blocks:
    stretches = [_stretch(*run) for run in runs]
    lengths_s, snr, rate_bps, airtime, means = (np.concatenate(columns) for columns in zip(*stretches, strict=True))
    return Blocks(hop, lengths_s, snr, rate_bps, airtime, means, independent, parts)


def _stretch(hop: Hop, first: int, count: int) -> tuple[FloatArray, ...]:
    """Lengths, SINR, rate, airtime and SINR without fading, of consecutive stretches."""
    profile = hop.profile
    origin_s = first * profile.block_s if isfinite(profile.block_s) else 0.0
    segments = _within(profile.stretch, first, count, origin_s)
    lengths_s = np.diff(segments.ends_s, prepend=0.0)
    lengths_s[~np.isfinite(lengths_s)] = 1.0
    return lengths_s, segments.snr, segments.rate_bps, segments.airtime, _means(hop, first, count, origin_s, segments)


def _within(stretch: object, first: int, count: int, origin_s: float) -> Segments:
    """As far as a recording goes."""
    assert callable(stretch)
    while True:
        try:
            found: Segments = stretch(first, count, origin_s)
            return found
        except TraceEnded:
            if count == 1:
                raise
            count //= 2


def _means(hop: Hop, first: int, count: int, origin_s: float, segments: Segments) -> FloatArray:
    profile = hop.profile
    if not isinstance(profile, LinkProfile) or profile.allocation.gain is not None:
        return np.full(segments.snr.size, nan)
    steady = replace(profile, fading=NoFading(coherence_s=profile.fading.block_s))
    return steady.stretch(first, count, origin_s).snr

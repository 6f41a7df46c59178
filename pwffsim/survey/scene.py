"""The radio of a scenario as the simulator builds it, with everybody on the air at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from math import isinf

import numpy as np
from numpy.typing import NDArray

from channel_models.sharing.policy import Allocation, Sharing
from channel_models.transfer.broadcast import BroadcastProfile
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.profile import Profile as Air
from channel_models.transfer.recorded import RecordedProfile
from channel_models.units import db_to_linear
from pwffsim.scenario.errors import Problem, ScenarioErrors
from pwffsim.scenario.payloads import upload_bytes
from pwffsim.scenario.schema import Downlink, Scenario
from pwffsim.world.profiles import Profile, profiles
from pwffsim.world.radio.coverage import SnrOnTheWay, Terrain
from pwffsim.world.radio.ground import coverage_of, terrain_of
from pwffsim.world.radio.links import DOWN, UP, Links
from pwffsim.world.radio.rider import user_of

FloatArray = NDArray[np.float64]

DIRECTIONS = (UP, DOWN)
STAGES = ("instruction", "reward", "alignment")
_PLACES = 2049
_TWIN_STRIDE = 2**50
_UNKNOWN_BYTES = 10**6


@dataclass(frozen=True, eq=False)
class Hop:
    """One direction of a client's link to a cell, under full load.

    Attributes:
        link: the link itself.
        profile: what it offers with its share of the medium.
        audience: profiles of all who listen, where a transfer goes at the pace of the worst; else empty.
    """

    link: Link
    profile: LinkProfile | RecordedProfile
    audience: tuple[LinkProfile, ...] = ()

    @property
    def over(self) -> Air:
        """What a transfer goes over."""
        return BroadcastProfile(self.audience) if self.audience else self.profile

    @property
    def allocation(self) -> Allocation:
        """Its share of the medium."""
        return self.profile.allocation

    @property
    def endless(self) -> bool:
        """Whether it fades, in one block for ever: every transfer meets the same draw."""
        profile = self.profile
        return isinstance(profile, LinkProfile) and isinf(profile.fading.block_s) and profile.fading.name != "none"

    def along(self, last_s: float) -> Hop:
        """The link with the client's way up to a time as a table of 2049 mean SNRs; after it, the client stays."""
        audience = tuple(_faded(_tabled(profile, last_s)) for profile in self.audience)
        return Hop(self.link, _tabled(self.profile, last_s), audience)

    def twin(self, number: int) -> Hop:
        """A link of the same law with other draws; number 0 is the link itself."""
        moved = self.link.link_id + number * _TWIN_STRIDE
        return Hop(
            replace(self.link, link_id=moved, profile=_moved(self.link.profile, number)),
            _moved(self.profile, number),
            tuple(_faded(_moved(profile, number)) for profile in self.audience),
        )


class Scene:
    """Who is where, and what each one gets of the air when everybody is on it.

    Args:
        scenario: the resolved scenario.
        payload_bytes: payload of every transfer, in place of the method's.

    Raises:
        ScenarioErrors: when a link cannot be built, for instance because a client is out of range.
    """

    def __init__(self, scenario: Scenario, payload_bytes: int | None = None) -> None:
        self.scenario = scenario
        self._payload_bytes = payload_bytes
        try:
            self.terrain = terrain_of(scenario)
            self.coverage = coverage_of(scenario, self.terrain)
            self.clients = profiles(scenario)
            self._links = Links(scenario, self.clients, self.terrain)
        except ValueError as error:
            raise ScenarioErrors([Problem("network", str(error), None)]) from error
        self.hop = cache(self._hop)
        self._along = cache(lambda client, cell, direction, last_s: self.hop(client, cell, direction).along(last_s))

    @cached_property
    def participants(self) -> tuple[Profile, ...]:
        """Clients that are not idle."""
        return tuple(client for client in self.clients if not client.idle)

    @cached_property
    def sharing(self) -> dict[str, Sharing]:
        """Direction -> rule; the ideal downlink has none, and neither has a broadcast."""
        downlink = self.downlink
        rules = {UP: self.scenario.radio.sharing.build()}
        if downlink is not None and downlink.delivery != "broadcast":
            rules[DOWN] = downlink.sharing.build()
        return rules

    @cached_property
    def downlink(self) -> Downlink | None:
        """Settings of the downlink; None for an ideal one."""
        downlink = self.scenario.radio.downlink
        return None if downlink is None or downlink.ideal else downlink

    @property
    def directions(self) -> tuple[str, ...]:
        """Directions that take time."""
        return DIRECTIONS if self.downlink is not None else (UP,)

    @cached_property
    def jammers(self) -> dict[str, float]:
        """Name -> power [W] of each jammer at a receiver of the uplink, while it is on."""
        return {name: jammer.received_w for name, jammer in self._links.jammers.items()}

    @cached_property
    def payloads(self) -> dict[str, list[int]]:
        """Stage -> bytes of an upload by tier, of the stages that run and send; empty while nobody knows."""
        stages = [name for name in STAGES if getattr(self.scenario.stages, name) is not None]
        if self._payload_bytes is not None:
            return {name: [self._payload_bytes] for name in stages}
        sizes = upload_bytes(self.scenario) or {}
        return {name: sizes[name] for name in stages if name in sizes and max(sizes[name]) > 0}

    def payload_bytes(self, client: Profile, stage: str) -> int:
        """Bytes of an upload of a client."""
        sizes = self.payloads[stage]
        return sizes[0] if len(sizes) == 1 else sizes[self.scenario.devices.tiers.index(client.tier)]

    def serving(self, client: Profile, time_s: float) -> int:
        """Number of the cell that serves a client at a time."""
        return self.coverage.serving(client.index, round(time_s * 1e9)) if len(self.coverage.cells) > 1 else 0

    def hop_at(self, client: Profile, direction: str, time_s: float) -> Hop:
        """A client's link to the cell that serves it at a time."""
        return self.hop(client.index, self.serving(client, time_s), direction)

    def hop_along(self, client: Profile, direction: str, time_s: float, last_s: float) -> Hop:
        """The same for a client that is followed up to a time, and stays where it is then."""
        return self._along(client.index, self.serving(client, min(time_s, last_s)), direction, last_s)

    def _hop(self, client: int, cell: int, direction: str) -> Hop:
        link = self._link(client, cell, direction)
        if direction not in self.sharing:
            listeners = [self._link(other, cell, direction).profile for other in self._others(client, cell)]
            return Hop(link, _checked(link.profile), tuple(_faded(profile) for profile in listeners))
        return Hop(link, replace(_checked(link.profile), allocation=self._allocations(cell, direction, client)[client]))

    def _allocations(self, cell: int, direction: str, client: int) -> dict[int, Allocation]:
        """With all of the cell's clients on the air, and a static division among all who take part."""
        sharing, size = self.sharing[direction], self._size_bytes
        active = [user_of(self._link(other, cell, direction), other, size) for other in self._others(client, cell)]
        if direction == DOWN:
            population = active
        else:
            everybody = [other.index for other in self.participants]
            population = [user_of(self._link(other, cell, direction), other, size) for other in everybody]
        if sharing.exclusive:
            active = [user for user in active if user.client == client]
        return sharing.allocate(active, population, 0)

    def _others(self, client: int, cell: int) -> Sequence[int]:
        """Clients on the air of a cell: those that it serves at the start, and this one."""
        served = {other.index for other in self.participants if self.serving(other, 0.0) == cell}
        return sorted(served | {client})

    @cached_property
    def _size_bytes(self) -> int:
        return max((max(sizes) for sizes in self.payloads.values()), default=_UNKNOWN_BYTES)

    def _link(self, client: int, cell: int, direction: str) -> Link:
        return self._links.uplink(client, cell) if direction == UP else self._links.downlink(client, cell)


@dataclass(frozen=True, eq=False)
class _Way:
    """Mean SNR along a way: linear in dB between times f64[n], constant outside; log_snr: natural logarithms f64[n]."""

    times_s: FloatArray
    log_snr: FloatArray

    def __call__(self, times_s: FloatArray) -> FloatArray:
        return np.exp(np.interp(times_s, self.times_s, self.log_snr))


def _tabled(profile: LinkProfile | RecordedProfile, last_s: float) -> LinkProfile | RecordedProfile:
    if not isinstance(profile, LinkProfile) or profile.mean_snr_at is None:
        return profile
    times_s: FloatArray = np.linspace(0.0, last_s, _PLACES).astype(np.float64)
    way = profile.mean_snr_at
    assert isinstance(way, SnrOnTheWay), "a link of a scenario moves over its terrain"
    loss_db = _loss_db(way.terrain, way.client, last_s)[:, way.site]
    return replace(profile, mean_snr_at=_Way(times_s, np.log(db_to_linear(way.reference_db - loss_db))))


@lru_cache(maxsize=1024)
def _loss_db(terrain: Terrain, client: int, last_s: float) -> FloatArray:
    """Loss f64[2049, S] on a client's way to every cell."""
    return terrain.loss_db(client, np.linspace(0.0, last_s, _PLACES))


def _checked(profile: Air) -> LinkProfile | RecordedProfile:
    assert isinstance(profile, LinkProfile | RecordedProfile), "links of a scenario are faded or recorded"
    return profile


def _faded(profile: Air) -> LinkProfile:
    assert isinstance(profile, LinkProfile), "a broadcast goes over faded links"
    return profile


def _moved(profile: Air, number: int) -> LinkProfile | RecordedProfile:
    faded = _checked(profile)
    return replace(faded, link_id=faded.link_id + number * _TWIN_STRIDE)

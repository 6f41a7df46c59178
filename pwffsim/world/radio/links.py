"""Every client's links to every cell, made from a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any

from channel_models.interference.jammer import Jammer
from channel_models.link_budget import SolvedBudget
from channel_models.randomness import stream
from channel_models.retransmission import Retransmission
from channel_models.retransmission.fountain import Fountain
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.traces.rate_trace import RateTrace
from channel_models.traces.readers import ClientTraces
from channel_models.transfer.link import Link
from channel_models.transfer.packets import Fluid, Packetisation, PacketScheme
from channel_models.transfer.profile import LinkProfile, Profile
from channel_models.transfer.recorded import RecordedProfile
from channel_models.units import db_to_linear
from pwffsim.scenario.budgets import downlink_budget, uplink_budget
from pwffsim.scenario.models import ModelSection
from pwffsim.scenario.recordings import recordings
from pwffsim.scenario.schema import LinkSettings, Packets, Scenario
from pwffsim.world.profiles import Profile as Client
from pwffsim.world.radio.coverage import SnrOnTheWay, Terrain
from pwffsim.world.radio.ground import lossless_snr_db, noise_w, spread_db
from pwffsim.world.radio.jamming import JammedNoise

_CELL_STRIDE = 2**20
_LONGEST_S, _LONGEST_ON_THE_WAY_S = 1e6, 36_000.0
"""Seconds after which a transfer is given up as stalled; sooner for clients that move, who may walk away for ever."""

UNTIL_DELIVERED = 10_000
"""Repetitions of a download: as many as it takes, within reason."""

UP, DOWN = "uplink", "downlink"


class Links:
    """Uplinks and downlinks by client and cell.

    A link's loss holds in both directions: a client's downlink lies as far from the cell's budget as its uplink. The
    fading of each (client, cell, direction) is its own.

    Args:
        scenario: the resolved scenario.
        clients: everybody.
        terrain: what decides the loss between places; None: the link budget does.
    """

    def __init__(self, scenario: Scenario, clients: Sequence[Client], terrain: Terrain | None) -> None:
        self._scenario, self._radio, self._seed, self._terrain = scenario, scenario.radio, scenario.seed, terrain
        self._clients = {client.index: client for client in clients}
        self._sent: dict[tuple[str, int], int] = {}
        self._read: dict[str, ClientTraces] = {}
        self.uplink = cache(self._uplink)
        self.downlink = cache(self._downlink)
        self._budget = cache(self._solved)

    def next_index(self, purpose: str, client: int) -> int:
        """Number of a client's next transfer in a direction."""
        count = self._sent.get((purpose, client), 0)
        self._sent[purpose, client] = count + 1
        return count

    @cached_property
    def jammers(self) -> dict[str, Jammer]:
        """Name -> jammer; all of them reach every cell's receiver."""
        sections = enumerate(self._radio.jammers)
        return {section.name: section.build(seed=self._seed, index=index) for index, section in sections}

    def _uplink(self, client: int, cell: int) -> Link:
        return self._link(client, cell, UP, self._radio, _built(self._radio.retransmission))

    def _downlink(self, client: int, cell: int) -> Link:
        downlink = self._radio.downlink
        assert downlink is not None, "a resolved scenario has a downlink"
        rateless = downlink.delivery == "rateless"
        scheme = Fountain() if rateless else SelectiveRepeat(retransmissions=UNTIL_DELIVERED)
        return self._link(client, cell, DOWN, downlink, scheme)

    def _link(self, client: int, cell: int, purpose: str, settings: LinkSettings, scheme: Retransmission) -> Link:
        link_id = client + cell * _CELL_STRIDE
        return Link(
            link_id=link_id,
            profile=self._profile(client, cell, link_id, purpose, settings),
            rate_map=_built(self._radio.rate),
            tx_power_w=self._power_w(purpose, settings),
            seed=self._seed,
            purpose=purpose,
            loss_map=_built(self._radio.loss),
            packetisation=self._packets,
            scheme=scheme,
            max_transfer_s=_LONGEST_ON_THE_WAY_S if self._moving else _LONGEST_S,
            fidelity=self._radio.fidelity,
        )

    def _profile(self, client: int, cell: int, link_id: int, purpose: str, settings: LinkSettings) -> Profile:
        if self._radio.recorded(purpose):
            return RecordedProfile(link_id, self._recording(client, purpose))
        terrain = self._terrain
        here = SnrOnTheWay(terrain, client, cell, lossless_snr_db(settings)) if terrain else None
        return LinkProfile(
            link_id=link_id,
            fading=_built(self._radio.fading, seed=self._seed, purpose=purpose),
            rate_map=_built(self._radio.rate),
            bandwidth_hz=settings.bandwidth_hz,
            mean_snr=here.at_start if here else self._mean_snr(client, purpose),
            interference=self._interference(purpose),
            mean_snr_at=here if self._moving else None,
        )

    @property
    def _moving(self) -> bool:
        return self._terrain is not None and self._terrain.mobility.moves

    def _interference(self, purpose: str) -> JammedNoise | None:
        if purpose == DOWN or not self.jammers:
            return None
        received_w = self._budget(UP).noise_w if self._terrain is None else noise_w(self._radio)
        return JammedNoise(list(self.jammers.values()), received_w)

    def _mean_snr(self, client: int, purpose: str) -> float:
        """The budget's, as far off as the client's uplink is."""
        if self._radio.recorded(UP):
            offset_db = spread_db(self._scenario, client)
        else:
            offset_db = self._clients[client].mean_snr_db - self._budget(UP).mean_snr_db
        return db_to_linear(self._budget(purpose).mean_snr_db + offset_db)

    def _power_w(self, purpose: str, settings: LinkSettings) -> float:
        return self._budget(purpose).tx_power_w if settings.tx_power_w is None else settings.tx_power_w

    def _solved(self, purpose: str) -> SolvedBudget:
        budget = uplink_budget(self._radio) if purpose == UP else downlink_budget(self._radio)
        assert budget is not None, "an ideal downlink has no links"
        return budget

    @cached_property
    def _packets(self) -> PacketScheme:
        packets = self._radio.packets
        if isinstance(packets, Packets):
            return Packetisation(packets.payload_bytes, packets.header_bytes)
        return Fluid()

    def _recording(self, client: int, purpose: str) -> RateTrace:
        """A client's file, entered where the scenario says."""
        trace = self._radio.trace
        assert trace is not None, "asked for only where the scenario names recordings"
        late_s = trace.spread_s * float(stream(self._seed, "trace.start", client).random())
        return self._recordings(purpose).of(client).starting_at(trace.offset_s + late_s)

    def _recordings(self, purpose: str) -> ClientTraces:
        trace = self._radio.trace
        assert trace is not None, "asked for only where the scenario names recordings"
        if purpose not in self._read:
            self._read[purpose] = recordings(trace, purpose)
        return self._read[purpose]


def _built(section: ModelSection | None, **context: Any) -> Any:
    """The model of an axis that a resolved scenario always names."""
    assert section is not None, "a resolved scenario names a model on every axis"
    return section.build(**context)

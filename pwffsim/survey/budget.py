"""Link budgets: what is stated, what follows, and what each client has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_models.sharing.policy import Allocation
from pwffsim.scenario.budgets import downlink_budget, uplink_budget
from pwffsim.scenario.presets import BUDGET
from pwffsim.scenario.schema import LinkSettings
from pwffsim.survey.figures import decibel
from pwffsim.survey.scene import Hop, Scene
from pwffsim.world.radio.ground import lossless_snr_db, noise_w
from pwffsim.world.radio.links import UP

FloatArray = NDArray[np.float64]

_MILLIWATTS = 1e3


@dataclass(frozen=True)
class Budget:
    """One direction's link budget, of the cell as a whole.

    Attributes:
        bandwidth_hz, tx_power_w, tx_power_dbm, noise_figure_db, noise_dbm: of every client.
        path_loss_db, mean_snr_db: of the cell's middle; None where they follow from positions.
        derived: what follows from the others.
    """

    bandwidth_hz: float
    tx_power_w: float
    tx_power_dbm: float
    noise_figure_db: float
    noise_dbm: float
    path_loss_db: float | None
    mean_snr_db: float | None
    derived: str


@dataclass(frozen=True)
class Share:
    """What a client has of the medium when everybody is on it.

    Attributes:
        bandwidth_hz: in use.
        bandwidth, snr, power: factors on the whole band, the mean SNR and the transmit power.
        airtime: share of the time on air, on average.
        collision_probability: of a packet.
        in_turns: whether one client at a time has the whole, and the others queue.
    """

    bandwidth_hz: float | None
    bandwidth: float
    snr: float
    power: float
    airtime: float
    collision_probability: float
    in_turns: bool


@dataclass(frozen=True)
class ClientBudget:
    """One client's link in one direction.

    Attributes:
        cell: that serves it at the start.
        mean_snr_db: at the start, over the whole band at full power; None where rates are recorded.
        lowest_snr_db, highest_snr_db: mean SNR over the window, as it moves.
        path_loss_db: that its mean SNR implies.
        received_dbm: mean power at the receiver.
        share: of the medium.
    """

    cell: str
    mean_snr_db: float | None
    lowest_snr_db: float | None
    highest_snr_db: float | None
    path_loss_db: float | None
    received_dbm: float | None
    share: Share


def budget_of(scene: Scene, direction: str) -> Budget | None:
    """The budget of a direction; None where it is recorded."""
    radio = scene.scenario.radio
    settings: LinkSettings | None = radio if direction == UP else scene.downlink
    if settings is None or radio.recorded(direction):
        return None
    if scene.scenario.network is not None:
        return _geometric(settings)
    solved = uplink_budget(radio) if direction == UP else downlink_budget(radio)
    assert solved is not None, "only a recorded or ideal link has no budget"
    facts = {name: getattr(solved, name) for name in ("bandwidth_hz", "derived", *BUDGET)}
    return Budget(tx_power_dbm=_dbm(solved.tx_power_w), noise_dbm=_dbm(solved.noise_w), **facts)


def client_budget(
    scene: Scene, hop: Hop, cell: str, budget: Budget | None, snrs: FloatArray, blocks_airtime: float
) -> ClientBudget:
    """A client's link; snrs: linear mean SNRs over the window."""
    exclusive = {rule.exclusive for way, rule in scene.sharing.items() if way == hop.link.purpose}
    share = _share(hop.allocation, None if budget is None else budget.bandwidth_hz, blocks_airtime, True in exclusive)
    if budget is None or snrs.size == 0:
        return ClientBudget(cell, None, None, None, None, None, share)
    snr_db, lowest_db, highest_db = (decibel(float(value)) for value in (snrs[0], snrs.min(), snrs.max()))
    received_dbm = budget.noise_dbm + snr_db
    loss_db = _dbm(hop.link.tx_power_w) - received_dbm
    return ClientBudget(cell, snr_db, lowest_db, highest_db, loss_db, received_dbm, share)


def _share(allocation: Allocation, bandwidth_hz: float | None, airtime: float, in_turns: bool) -> Share:
    return Share(
        bandwidth_hz=None if bandwidth_hz is None else bandwidth_hz * allocation.bandwidth,
        bandwidth=allocation.bandwidth,
        snr=allocation.snr,
        power=allocation.power,
        airtime=airtime,
        collision_probability=allocation.collision,
        in_turns=in_turns,
    )


def _geometric(settings: LinkSettings) -> Budget:
    """A budget whose path loss is a matter of place."""
    assert settings.tx_power_w is not None and settings.noise_figure_db is not None, "given where positions are"
    return Budget(
        bandwidth_hz=settings.bandwidth_hz,
        tx_power_w=settings.tx_power_w,
        tx_power_dbm=_dbm(settings.tx_power_w),
        noise_figure_db=settings.noise_figure_db,
        noise_dbm=_dbm(noise_w(settings)),
        path_loss_db=None,
        mean_snr_db=None,
        derived=f"path loss and mean SNR, from positions ({lossless_snr_db(settings):.1f} dB without loss)",
    )


def _dbm(power_w: float) -> float:
    return decibel(_MILLIWATTS * power_w)

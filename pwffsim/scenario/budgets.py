"""The cell's two link budgets, as a resolved scenario states them."""

from __future__ import annotations

from channel_models.link_budget import LinkBudget, SolvedBudget
from pwffsim.scenario.schema import LinkSettings, Radio


def uplink_budget(radio: Radio) -> SolvedBudget:
    """All four quantities of the uplink.

    Raises:
        ValueError: when the one that follows cannot be, and for a link that has no budget of its own because it is
            recorded or lies in a network.
    """
    return _solved(radio, radio.path_loss_db)


def downlink_budget(radio: Radio) -> SolvedBudget | None:
    """All four quantities of the downlink; None for an ideal one, and for one that is recorded.

    A downlink that states neither path loss nor mean SNR has the path loss of the uplink: channels are reciprocal.

    Raises:
        ValueError: as for the uplink.
    """
    downlink = radio.downlink
    if downlink is None or downlink.ideal or radio.recorded("downlink"):
        return None
    reciprocal = downlink.path_loss_db is None and downlink.mean_snr_db is None
    return _solved(downlink, uplink_budget(radio).path_loss_db if reciprocal else downlink.path_loss_db)


def _solved(link: LinkSettings, path_loss_db: float | None) -> SolvedBudget:
    return LinkBudget(
        bandwidth_hz=link.bandwidth_hz,
        tx_power_w=link.tx_power_w,
        noise_figure_db=link.noise_figure_db,
        path_loss_db=path_loss_db,
        mean_snr_db=link.mean_snr_db,
    ).solved()

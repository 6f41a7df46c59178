"""What is lost on the way, and what is sent again."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from channel_models.retransmission.fountain import Fountain
from channel_models.transfer.delivery import Delivery
from pwffsim.survey.blocks import Blocks
from pwffsim.survey.delays import Transfers
from pwffsim.survey.figures import Compared
from pwffsim.survey.rates import transmission_loss


@dataclass(frozen=True)
class LossFigures:
    """Packets of transfers of one size.

    What is left after repeats has a closed form where a loss does not go by the block: else attempts at a packet may
    meet one bad block, and more is left than p^M.

    Attributes:
        transmission_loss_probability: of one transmission.
        residual_loss_probability: of a packet, after all attempts at it.
        transmissions_per_packet: how often a packet is sent.
        complete_probability: P(a transfer brings every packet).
    """

    transmission_loss_probability: Compared
    residual_loss_probability: Compared
    transmissions_per_packet: Compared
    complete_probability: Compared


def loss_figures(blocks: Blocks, payload_bytes: int, done: Transfers) -> LossFigures:
    """Losses of transfers over a link, beside what the scheme's formulas say of the loss of one transmission.

    They hold for independent blocks, and not for a receiver that combines attempts.
    """
    link, loss = blocks.hop.link, transmission_loss(blocks)
    sent, scheme = done.deliveries, link.scheme
    useful = blocks.independent and not scheme.combines and link.loss_map.memoryless and not _one_fate(blocks)
    apart = useful and not (link.loss_map.by_block and not link.loss_map.lossless)
    residual = float(scheme.residual_loss(loss)) if apart and loss is not None else None
    repeats = (
        float(scheme.mean_transmissions(loss)) * _overhead(blocks, payload_bytes)
        if useful and loss is not None
        else None
    )
    packets = link.packetisation.count(payload_bytes)
    return LossFigures(
        transmission_loss_probability=_ratio(
            loss if useful else None, [(_failures(blocks, d), d.transmissions) for d in sent]
        ),
        residual_loss_probability=_ratio(residual, [(d.lost.size, d.packets) for d in sent]),
        transmissions_per_packet=_ratio(repeats, [(d.transmissions, d.packets) for d in sent]),
        complete_probability=_ratio(
            None if residual is None else (1.0 - residual) ** packets, [(d.complete, 1) for d in sent]
        ),
    )


def _one_fate(blocks: Blocks) -> bool:
    """Whether all attempts at a packet meet the same draw of a loss that goes by it."""
    return blocks.hop.endless and blocks.hop.link.loss_map.needs_snr


def _overhead(blocks: Blocks, payload_bytes: int) -> float:
    """Packets sent if none fails, for each packet of the payload."""
    link = blocks.hop.link
    sizes = link.packetisation.sizes_bits(payload_bytes)
    return float(link.scheme.sizes_on_air(sizes).size / max(sizes.size, 1))


def _failures(blocks: Blocks, delivery: Delivery) -> int:
    """Transmissions that did not arrive: all but one for each packet that did."""
    scheme = blocks.hop.link.scheme
    arrived = scheme.needed(delivery.packets) if isinstance(scheme, Fountain) else delivery.packets - delivery.lost.size
    return delivery.transmissions - arrived


def _ratio(closed_form: float | None, parts: list[tuple[float, float]]) -> Compared:
    """Sum over sum, with the standard error of a ratio of sums."""
    if not parts:
        return Compared(closed_form)
    above, below = np.array(parts, dtype=np.float64).T
    if not np.any(below):
        return Compared(closed_form)
    ratio = float(above.sum() / below.sum())
    if below.size < 2:
        return Compared(closed_form, ratio)
    error = float(np.std(above - ratio * below, ddof=1)) / float(below.mean()) / sqrt(below.size)
    return Compared(closed_form, ratio, error)

"""What an upload costs a client's radio, state by state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from channel_models.energy.radio import RadioPower
from channel_models.transfer.delivery import Delivery
from pwffsim.survey.blocks import Blocks
from pwffsim.survey.delays import DelayFigures, Transfers
from pwffsim.survey.figures import Compared, compared
from pwffsim.survey.rates import share_on_air


@dataclass(frozen=True)
class EnergyFigures:
    """Mean energies of an upload, and of the radio's tail after it.

    Attributes:
        radiated_j: by the antenna, P x T on air.
        amplifier_j: drawn by the amplifier, P x T / efficiency: the radiated energy is a part of it.
        circuit_j: drawn by the rest of the radio while on air.
        between_j: idle, while others are on air or feedback is waited for.
        tail_j: in the tail after the upload, if it is left to run out.
        drawn_j: all that is drawn.
        on_air_s: time on air.
    """

    radiated_j: Compared
    amplifier_j: Compared
    circuit_j: Compared
    between_j: Compared
    tail_j: float
    drawn_j: float
    on_air_s: Compared


def energy_figures(blocks: Blocks, delay: DelayFigures, done: Transfers, power: RadioPower) -> EnergyFigures | None:
    """Mean energies of simulated uploads, beside those of the closed form of the delay; None if none was simulated."""
    if not done.deliveries:
        return None
    on_air_s = _on_air_s(blocks, delay)
    between_s = None if on_air_s is None or delay.mean_s.closed_form is None else delay.mean_s.closed_form - on_air_s
    full_w = blocks.hop.link.tx_power_w * blocks.hop.allocation.power
    sent = done.deliveries
    radiated = _energy(on_air_s, full_w, [d.radiated_j for d in sent])
    amplifier = _energy(
        on_air_s, full_w / power.amplifier_efficiency, [d.radiated_j / power.amplifier_efficiency for d in sent]
    )
    circuit = _energy(on_air_s, power.circuit_power_w, [power.circuit_power_w * d.on_air_s for d in sent])
    between = _energy(between_s, power.idle_power_w, [power.idle_power_w * _off_air_s(d) for d in sent])
    tail_j = power.tail_power_w * power.tail_s
    drawn_j = tail_j + sum(part.drawn or 0.0 for part in (amplifier, circuit, between))
    spent = compared(on_air_s, np.array([d.on_air_s for d in sent]))
    return EnergyFigures(radiated, amplifier, circuit, between, tail_j, drawn_j, spent)


def _energy(seconds: float | None, watts: float, drawn_j: list[float]) -> Compared:
    return compared(None if seconds is None else watts * seconds, np.array(drawn_j))


def _off_air_s(delivery: Delivery) -> float:
    return max(delivery.duration_s - delivery.on_air_s, 0.0)


def _on_air_s(blocks: Blocks, delay: DelayFigures) -> float | None:
    """Mean time on air; waits for feedback are part of the delay, and not of this."""
    share, mean_s = share_on_air(blocks), delay.mean_s.closed_form
    if share is None or mean_s is None or blocks.hop.link.scheme.feedback_s:
        return None
    return share * mean_s

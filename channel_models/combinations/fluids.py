"""Payloads that are not cut into packets."""

from __future__ import annotations

from channel_models.combinations.choice import Choice, Rule
from channel_models.combinations.coding import codes
from channel_models.loss.loss_map import LossMap
from channel_models.rates.rate_map import RateMap
from channel_models.retransmission.scheme import Retransmission
from channel_models.sharing.policy import Sharing


def _fluid_loss(packets: bool, loss: LossMap, choice: Choice) -> str | None:
    if packets or loss.lossless:
        return None
    return f"a fluid has no packets to lose; {_cut(choice)}take loss none"


def _fluid_rate(packets: bool, rate: RateMap, choice: Choice) -> str | None:
    if packets or not rate.carries_loss:
        return None
    return (
        "the rate is one at which packets fail, and a fluid has no packets to lose; "
        f"{_cut(choice)}take a rate map that carries no loss, such as shannon or truncated_shannon"
    )


def _fluid_coding(packets: bool, scheme: Retransmission, choice: Choice) -> str | None:
    if packets or not (scheme.combines or codes(scheme)):
        return None
    return f"there are no packets to code or to combine; {_cut(choice)}take retransmission none"


def _fluid_collisions(packets: bool, sharing: Sharing, choice: Choice) -> str | None:
    if packets or not sharing.collides:
        return None
    return (
        "collisions spoil packets, and a fluid has none; "
        "cut the payload into packets, or take sharing tdma or processor_sharing"
    )


def _cut(choice: Choice) -> str:
    """One of the remedies of a fluid; what adds up on the air must stay one."""
    adds_up = choice.sharing is not None and choice.sharing.superposes
    return "" if adds_up else "cut the payload into packets, or "


RULES: tuple[Rule, ...] = (
    (("packets", "loss"), _fluid_loss),
    (("packets", "rate"), _fluid_rate),
    (("packets", "retransmission"), _fluid_coding),
    (("packets", "sharing"), _fluid_collisions),
)

"""Payloads that add up on the air."""

from __future__ import annotations

from channel_models.combinations.choice import Choice, Rule
from channel_models.combinations.coding import codes
from channel_models.fading.fading import Fading
from channel_models.fading.rayleigh import RayleighLaw
from channel_models.retransmission.scheme import Retransmission
from channel_models.sharing.policy import Sharing


def _sum_packets(packets: bool, sharing: Sharing, choice: Choice) -> str | None:
    if not packets or not sharing.superposes:
        return None
    return (
        "amplitudes that add up come in no packets that could be lost or sent again; "
        "take packets fluid with loss none and retransmission none, or sharing tdma"
    )


def _sum_repeats(scheme: Retransmission, sharing: Sharing, choice: Choice) -> str | None:
    repeated = scheme.attempts > 1 and not (scheme.combines or codes(scheme))
    if choice.packets or not (sharing.superposes and repeated):
        return None
    return "amplitudes that add up are never sent again; take retransmission none, or sharing tdma"


def _sum_law(fading: Fading, sharing: Sharing, choice: Choice) -> str | None:
    if not sharing.superposes or isinstance(fading, RayleighLaw):
        return None
    return (
        "the common power and the share of silent blocks are closed forms of Rayleigh fading; "
        "take fading rayleigh, or sharing tdma"
    )


def _sum_fidelity(fidelity: str, sharing: Sharing, choice: Choice) -> str | None:
    if fidelity == "packet" or not sharing.superposes:
        return None
    return "a sum is made entry by entry, in one way only; take fidelity packet, or sharing tdma"


RULES: tuple[Rule, ...] = (
    (("packets", "sharing"), _sum_packets),
    (("retransmission", "sharing"), _sum_repeats),
    (("fading", "sharing"), _sum_law),
    (("fidelity", "sharing"), _sum_fidelity),
)

"""What each fidelity can compute."""

from __future__ import annotations

from math import isinf

from channel_models.combinations.choice import Choice, Rule
from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LossMap
from channel_models.rates.rate_map import RateMap
from channel_models.retransmission.scheme import Retransmission
from channel_models.sharing.policy import Sharing

_FLOW_FIDELITIES = ("analytic", "fluid")


def _dependent_blocks(fidelity: str, fading: Fading, choice: Choice) -> str | None:
    if fidelity != "analytic":
        return None
    if not fading.independent_blocks:
        return (
            "the closed forms of delay suppose independent blocks; "
            "take fidelity fluid or packet, or fading rayleigh, rician or nakagami"
        )
    if isinf(fading.block_s) and fading.gain_variance() > 0.0:
        return "the closed forms of delay suppose many blocks; take fidelity fluid or packet, or a finite coherence_s"
    return None


def _analytic_rate(fidelity: str, rate: RateMap, choice: Choice) -> str | None:
    if fidelity != "analytic" or (rate.has_snr and not rate.carries_loss):
        return None
    if not rate.has_snr:
        return "a recording has no law to compute with; take fidelity fluid or packet, or a rate map of the SNR"
    return (
        "the closed forms of delay take rates without losses of their own; "
        "take fidelity fluid or packet, or a rate map that carries no loss, such as shannon"
    )


def _analytic_sharing(fidelity: str, sharing: Sharing, choice: Choice) -> str | None:
    if fidelity != "analytic" or not sharing.dynamic or sharing.superposes:
        return None
    return (
        "shares depend on who is on air, which closed forms of one link cannot know; "
        "take fidelity fluid or packet, or sharing private, tdma or fdma"
    )


def _analytic_loss(fidelity: str, loss: LossMap, choice: Choice) -> str | None:
    if fidelity != "analytic" or loss.lossless or not loss.needs_snr:
        return None
    return (
        "the closed forms of delay take losses that are the same whatever the channel; "
        "take fidelity fluid or packet, or loss constant"
    )


def _flow_memory(fidelity: str, loss: LossMap, choice: Choice) -> str | None:
    if fidelity not in _FLOW_FIDELITIES or loss.memoryless or loss.lossless:
        return None
    return (
        "a flow thins by the loss of each block on its own, and bursts would vanish; "
        "take fidelity packet, or loss constant"
    )


def _flow_scheme(fidelity: str, scheme: Retransmission, choice: Choice) -> str | None:
    if fidelity not in _FLOW_FIDELITIES or not scheme.combines:
        return None
    return "a flow has no attempts to combine; take fidelity packet, or retransmission selective_repeat"


def _analytic_waits(fidelity: str, scheme: Retransmission, choice: Choice) -> str | None:
    if fidelity != "analytic" or scheme.combines or not scheme.feedback_s:
        return None
    return (
        "the closed forms of delay know no waits for feedback; "
        "take fidelity fluid or packet, or retransmission selective_repeat"
    )


RULES: tuple[Rule, ...] = (
    (("fidelity", "fading"), _dependent_blocks),
    (("fidelity", "rate"), _analytic_rate),
    (("fidelity", "sharing"), _analytic_sharing),
    (("fidelity", "loss"), _analytic_loss),
    (("fidelity", "loss"), _flow_memory),
    (("fidelity", "retransmission"), _flow_scheme),
    (("fidelity", "retransmission"), _analytic_waits),
)

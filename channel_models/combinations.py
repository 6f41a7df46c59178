"""Which models stand together: the table of verdicts, and a sentence for each combination that does not.

Models declare traits: a rate map ``carries_loss``, ``has_snr`` and has ``efficiencies``; a loss map ``needs_snr``, is
``memoryless``, goes ``by_block`` and ``by_scheme``; fading has ``independent_blocks``; a retransmission scheme
``combines``, waits for ``feedback_s`` and has its ``attempts``; a sharing rule is ``dynamic`` and ``superposes``. The
rules are about traits, so that a model from outside the package has its verdicts too. No combination that is let
through counts a loss twice, or takes a number for something it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isinf
from typing import NamedTuple, TypeVar

import numpy as np

from channel_models.fading.fading import Fading
from channel_models.fading.rayleigh import RayleighLaw
from channel_models.loss.bler_table import BlerTable
from channel_models.loss.chen import RAYLEIGH_LAWS, ChenLoss
from channel_models.loss.loss_map import LOSS_MAPS, LossMap
from channel_models.loss.outage import OutageLoss
from channel_models.model import Model
from channel_models.rates.rate_map import RATE_MAPS, RateMap
from channel_models.retransmission.scheme import Retransmission
from channel_models.sharing.policy import Sharing
from channel_models.units import linear_to_db

FIDELITIES = ("analytic", "fluid", "packet", "per_packet_event")
"""How a transfer is computed: from closed forms, as a flow, packet by packet in blocks, or one event a packet."""

_SNR_SHARING = ("fdma", "makespan_bandwidth", "energy_efficient", "ofdma_pf")
_FLOW_FIDELITIES = ("analytic", "fluid")
_SLACK = 1.0 - 1e-9

M = TypeVar("M", bound=Model)


class Refusal(NamedTuple):
    """Two axes that do not go together, and a sentence that names the models, the reason and the remedy."""

    axes: tuple[str, str]
    message: str


@dataclass(frozen=True)
class Choice:
    """A choice of models; None for an axis that is left open."""

    fading: Fading | None
    rate: RateMap | None
    loss: LossMap | None
    retransmission: Retransmission | None
    sharing: Sharing | None
    packets: bool
    fidelity: str
    mean_snr: float | None


def refusals(
    *,
    fading: Fading | type[Fading] | None = None,
    rate: RateMap | type[RateMap] | None = None,
    loss: LossMap | type[LossMap] | None = None,
    retransmission: Retransmission | type[Retransmission] | None = None,
    sharing: Sharing | type[Sharing] | None = None,
    packets: bool = True,
    fidelity: str = "packet",
    mean_snr: float | None = None,
) -> list[Refusal]:
    """Everything against a choice of models, in the order of the rules; empty if it stands. Pure.

    Args:
        fading, rate, loss, retransmission, sharing: models, or classes for their default parameters; None: not asked.
        packets: whether the payload is cut into packets (else it is a fluid).
        fidelity: one of ``FIDELITIES``.
        mean_snr: linear, where it is known: a rate may be too high for it.

    Raises ValueError for an unknown fidelity.
    """
    if fidelity not in FIDELITIES:
        raise ValueError(f"fidelity must be one of {', '.join(FIDELITIES)}, got {fidelity!r}")
    choice = Choice(
        _instance(fading),
        _instance(rate),
        _instance(loss),
        _instance(retransmission),
        _instance(sharing),
        packets,
        fidelity,
        mean_snr,
    )
    return [refusal for axes, rule in _RULES if (refusal := _refusal(axes, rule, choice))]


def rate_loss_table() -> str:
    """The verdicts on every rate map with every loss map, at default parameters under fading, as Markdown."""
    losses, notes = list(LOSS_MAPS), list[str]()
    lines = ["| rate \\ loss | " + " | ".join(losses) + " |", "|---" * (len(losses) + 1) + "|"]
    for rate in RATE_MAPS:
        cells = [_cell(refusals(rate=RATE_MAPS[rate], loss=LOSS_MAPS[loss]), notes) for loss in losses]
        lines.append(f"| {rate} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"{number}. {note}" for number, note in enumerate(notes, 1)), ""])


def _cell(against: Sequence[Refusal], notes: list[str]) -> str:
    if not against:
        return "stands"
    reasons = [refusal.message.partition(": ")[2] for refusal in against]
    notes += [reason for reason in reasons if reason not in notes]
    return "refused " + ", ".join(f"({notes.index(reason) + 1})" for reason in reasons)


def _refusal(axes: tuple[str, str], rule: Callable[..., str | None], choice: Choice) -> Refusal | None:
    """What a rule has against a choice; nothing where one of its axes is left open."""
    pair = [getattr(choice, axis) for axis in axes]
    why = None if None in pair else rule(*pair, choice)
    names = " with ".join(f"{axis} {_name(model)}" for axis, model in zip(axes, pair, strict=True))
    return Refusal(axes, f"{names}: {why}") if why else None


def _name(model: Model | str | bool) -> str:
    if isinstance(model, Model):
        return model.name
    return model if isinstance(model, str) else "whole" if model else "fluid"


def _instance(model: M | type[M] | None) -> M | None:
    """A model as it is, or one with a class's defaults: no ``__init__``, as some parameters may have none."""
    return object.__new__(model) if isinstance(model, type) else model


def _twice(rate: RateMap, loss: LossMap, choice: Choice) -> str | None:
    if not rate.carries_loss or loss.lossless or (loss.by_scheme and rate.efficiencies is not None):
        return None
    table = "" if rate.efficiencies is None else " or loss bler_table, which puts actual error rates in their place,"
    return (
        "losses would be counted twice, as the rate is already one at which a known share of packets fails; "
        f"take loss none{table} or a rate map that carries no loss, such as shannon"
    )


def _schemes(rate: RateMap, loss: LossMap, choice: Choice) -> str | None:
    if not loss.by_scheme or rate.efficiencies is not None:
        return None
    return (
        "the table is by modulation and coding scheme, and this rate map has none; "
        "take rate mcs_ladder or fixed, or loss outage"
    )


def _known_schemes(rate: RateMap, loss: LossMap, choice: Choice) -> str | None:
    if not isinstance(loss, BlerTable) or rate.efficiencies is None:
        return None
    missing = [scheme for scheme in rate.efficiencies if not loss.covers(scheme)]
    if not missing:
        return None
    known = ", ".join(f"{scheme:g}" for scheme in loss.efficiencies)
    return (
        f"the table has no scheme of {missing[0]:g} b/s/Hz; take one of {known}, or give the loss map a table with it"
    )


def _capacity(rate: RateMap, loss: LossMap, choice: Choice) -> str | None:
    if rate.efficiencies is None or rate.carries_loss or not loss.lossless:
        return None
    needed = _needed_snr(rate.efficiencies)
    constant = choice.fading is not None and choice.fading.name == "none"
    if constant and (choice.mean_snr is None or choice.mean_snr >= needed * _SLACK):
        return None
    return (
        f"{max(rate.efficiencies):g} b/s/Hz is above the capacity of every block below {linear_to_db(needed):.4g} dB, "
        "and nothing would be lost there; take loss outage with that threshold, or fading none with enough SNR, or "
        "rate shannon"
    )


def _outage_threshold(rate: RateMap, loss: LossMap, choice: Choice) -> str | None:
    if rate.efficiencies is None or rate.carries_loss or not isinstance(loss, OutageLoss):
        return None
    needed = _needed_snr(rate.efficiencies)
    if loss.threshold_snr >= needed * _SLACK:
        return None
    needed_db = linear_to_db(needed)
    return (
        f"packets would survive in blocks between {loss.threshold_db:g} and {needed_db:.4g} dB, whose capacity is "
        f"below {max(rate.efficiencies):g} b/s/Hz; raise threshold_db to {needed_db:.6g} or more, or lower the rate"
    )


def _needed_snr(efficiencies: tuple[float, ...]) -> float:
    """2^R - 1, linear."""
    return 2.0 ** max(efficiencies) - 1.0


def _averaged(fading: Fading, loss: LossMap, choice: Choice) -> str | None:
    if not isinstance(loss, ChenLoss) or loss.by_block or fading.name in RAYLEIGH_LAWS:
        return None
    return (
        "with reading averaged the formula is an average over Rayleigh fading; "
        "take reading instantaneous, or fading rayleigh"
    )


def _loss_without_snr(rate: RateMap, loss: LossMap, choice: Choice) -> str | None:
    if rate.has_snr or not loss.needs_snr:
        return None
    return (
        "the loss is a function of the SNR, and recorded rates have none; "
        "take loss none, constant or gilbert_elliott, or a recorded SNR (fading recorded)"
    )


def _sharing_without_snr(rate: RateMap, sharing: Sharing, choice: Choice) -> str | None:
    if rate.has_snr or not (sharing.superposes or sharing.name in _SNR_SHARING):
        return None
    return (
        "the rule divides by SNR or changes it, and recorded rates have none; "
        "take sharing private, tdma or processor_sharing"
    )


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
    if packets or not (scheme.combines or _codes(scheme)):
        return None
    return f"there are no packets to code or to combine; {_cut(choice)}take retransmission none"


def _codes(scheme: Retransmission) -> bool:
    """Whether more than the payload goes on the air even where nothing fails."""
    return scheme.sizes_on_air(np.ones(1, dtype=np.int64)).size > 1


def _cut(choice: Choice) -> str:
    """One of the remedies of a fluid; what adds up on the air must stay one."""
    adds_up = choice.sharing is not None and choice.sharing.superposes
    return "" if adds_up else "cut the payload into packets, or "


def _fluid_collisions(packets: bool, sharing: Sharing, choice: Choice) -> str | None:
    if packets or sharing.name != "slotted_aloha":
        return None
    return (
        "collisions spoil packets, and a fluid has none; "
        "cut the payload into packets, or take sharing tdma or processor_sharing"
    )


def _sum_packets(packets: bool, sharing: Sharing, choice: Choice) -> str | None:
    if not packets or not sharing.superposes:
        return None
    return (
        "amplitudes that add up come in no packets that could be lost or sent again; "
        "take packets fluid with loss none and retransmission none, or sharing tdma"
    )


def _sum_repeats(scheme: Retransmission, sharing: Sharing, choice: Choice) -> str | None:
    repeated = scheme.attempts > 1 and not (scheme.combines or _codes(scheme))
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


def _combining(scheme: Retransmission, loss: LossMap, choice: Choice) -> str | None:
    if not scheme.combines or (loss.by_block and not loss.lossless):
        return None
    return (
        "combining attempts helps by raising the SNR, which this loss does not follow; take loss outage, waterfall, "
        "bler_table or chen of reading instantaneous, or retransmission selective_repeat"
    )


def _combining_own_loss(scheme: Retransmission, rate: RateMap, choice: Choice) -> str | None:
    if not scheme.combines or not rate.carries_loss or (choice.loss is not None and choice.loss.by_scheme):
        return None
    return (
        "each attempt fails with the rate map's own probability, whatever is combined; "
        "take rate shannon or fixed with loss outage, or retransmission selective_repeat"
    )


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


def _analytic_loss(fidelity: str, loss: LossMap, choice: Choice) -> str | None:
    if fidelity != "analytic" or loss.lossless or not loss.needs_snr:
        return None
    return (
        "the closed forms of delay take losses that are the same whatever the channel; "
        "take fidelity fluid or packet, or loss constant"
    )


def _analytic_sharing(fidelity: str, sharing: Sharing, choice: Choice) -> str | None:
    if fidelity != "analytic" or not sharing.dynamic or sharing.superposes:
        return None
    return (
        "shares depend on who is on air, which closed forms of one link cannot know; "
        "take fidelity fluid or packet, or sharing private, tdma or fdma"
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


_RULES: tuple[tuple[tuple[str, str], Callable[..., str | None]], ...] = (
    (("rate", "loss"), _twice),
    (("rate", "loss"), _schemes),
    (("rate", "loss"), _known_schemes),
    (("rate", "loss"), _capacity),
    (("rate", "loss"), _outage_threshold),
    (("rate", "loss"), _loss_without_snr),
    (("fading", "loss"), _averaged),
    (("rate", "sharing"), _sharing_without_snr),
    (("packets", "loss"), _fluid_loss),
    (("packets", "rate"), _fluid_rate),
    (("packets", "retransmission"), _fluid_coding),
    (("packets", "sharing"), _fluid_collisions),
    (("packets", "sharing"), _sum_packets),
    (("retransmission", "sharing"), _sum_repeats),
    (("fading", "sharing"), _sum_law),
    (("fidelity", "sharing"), _sum_fidelity),
    (("retransmission", "loss"), _combining),
    (("retransmission", "rate"), _combining_own_loss),
    (("fidelity", "fading"), _dependent_blocks),
    (("fidelity", "rate"), _analytic_rate),
    (("fidelity", "sharing"), _analytic_sharing),
    (("fidelity", "loss"), _analytic_loss),
    (("fidelity", "loss"), _flow_memory),
    (("fidelity", "retransmission"), _flow_scheme),
    (("fidelity", "retransmission"), _analytic_waits),
)

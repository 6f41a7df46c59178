"""The verdicts: what the rules have against a choice of models, and the table of rates and losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from channel_models.combinations import fidelities, fluids, losses, recordings, sums
from channel_models.combinations.choice import Choice, Refusal
from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LOSS_MAPS, LossMap
from channel_models.model import Model
from channel_models.rates.rate_map import RATE_MAPS, RateMap
from channel_models.retransmission.scheme import Retransmission
from channel_models.sharing.policy import Sharing

FIDELITIES = ("analytic", "fluid", "packet", "per_packet_event")
"""How a transfer is computed: from closed forms, as a flow, packet by packet in blocks, or one event a packet."""

RULES = (*losses.RULES, *recordings.RULES, *fluids.RULES, *sums.RULES, *fidelities.RULES)

M = TypeVar("M", bound=Model)


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
    return [refusal for axes, rule in RULES if (refusal := _refusal(axes, rule, choice))]


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

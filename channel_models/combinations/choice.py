"""A choice of models, and what may be said against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LossMap
from channel_models.rates.rate_map import RateMap
from channel_models.retransmission.scheme import Retransmission
from channel_models.sharing.policy import Sharing


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


Axes = tuple[str, str]
Rule = tuple[Axes, Callable[..., str | None]]
"""The axes that a rule looks at, and the rule: (model, model, choice) -> why not, or None."""

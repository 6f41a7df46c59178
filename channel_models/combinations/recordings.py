"""Links that replay recorded rates, and so have no SNR."""

from __future__ import annotations

from channel_models.combinations.choice import Choice, Rule
from channel_models.loss.loss_map import LossMap
from channel_models.rates.rate_map import RateMap
from channel_models.sharing.policy import Sharing


def _loss_without_snr(rate: RateMap, loss: LossMap, choice: Choice) -> str | None:
    if rate.has_snr or not loss.needs_snr:
        return None
    return (
        "the loss is a function of the SNR, and recorded rates have none; "
        "take loss none, constant or gilbert_elliott, or a recorded SNR (fading recorded)"
    )


def _sharing_without_snr(rate: RateMap, sharing: Sharing, choice: Choice) -> str | None:
    if rate.has_snr or not (sharing.superposes or sharing.uses_snr):
        return None
    return (
        "the rule divides by SNR or changes it, and recorded rates have none; "
        "take sharing private, tdma or processor_sharing"
    )


RULES: tuple[Rule, ...] = (
    (("rate", "loss"), _loss_without_snr),
    (("rate", "sharing"), _sharing_without_snr),
)

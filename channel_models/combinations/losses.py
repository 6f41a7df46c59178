"""Rates and losses: nothing is lost twice, and nothing that cannot be received gets through."""

from __future__ import annotations

from channel_models.combinations.choice import Choice, Rule
from channel_models.fading.fading import Fading
from channel_models.loss.bler_table import BlerTable
from channel_models.loss.chen import RAYLEIGH_LAWS, ChenLoss
from channel_models.loss.loss_map import LossMap
from channel_models.loss.outage import OutageLoss
from channel_models.rates.rate_map import RateMap
from channel_models.retransmission.scheme import Retransmission
from channel_models.units import linear_to_db

_SLACK = 1.0 - 1e-9


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


def _averaged(fading: Fading, loss: LossMap, choice: Choice) -> str | None:
    if not isinstance(loss, ChenLoss) or loss.by_block or fading.name in RAYLEIGH_LAWS:
        return None
    return (
        "with reading averaged the formula is an average over Rayleigh fading; "
        "take reading instantaneous, or fading rayleigh"
    )


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


def _needed_snr(efficiencies: tuple[float, ...]) -> float:
    """2^R - 1, linear."""
    return 2.0 ** max(efficiencies) - 1.0


RULES: tuple[Rule, ...] = (
    (("rate", "loss"), _twice),
    (("rate", "loss"), _schemes),
    (("rate", "loss"), _known_schemes),
    (("rate", "loss"), _capacity),
    (("rate", "loss"), _outage_threshold),
    (("fading", "loss"), _averaged),
    (("retransmission", "loss"), _combining),
    (("retransmission", "rate"), _combining_own_loss),
)

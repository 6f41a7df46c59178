from __future__ import annotations

import pytest

from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.bler_table import BlerTable
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.gilbert_elliott import GilbertElliottLoss
from channel_models.loss.loss_map import LossMap
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.rates.finite_blocklength import FiniteBlocklength
from channel_models.rates.mcs_ladder import McsLadder
from channel_models.rates.rate_map import RateMap
from channel_models.rates.shannon import Shannon
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile


def link(rate: RateMap, loss: LossMap, fidelity: str = "packet") -> Link:
    profile = LinkProfile(0, BlockRayleigh(seed=1), rate, 1e6, 3.0)
    return Link(0, profile, rate, 1.0, 1, loss_map=loss, fidelity=fidelity)


@pytest.mark.parametrize("rate", [McsLadder(), FiniteBlocklength()])
@pytest.mark.parametrize("loss", [OutageLoss(threshold_db=0.0), ConstantLoss(error_rate=0.1)])
def test_no_loss_is_counted_twice(rate: RateMap, loss: LossMap) -> None:
    with pytest.raises(ValueError, match="count losses twice"):
        link(rate, loss)


@pytest.mark.parametrize(
    ("rate", "loss"),
    [(McsLadder(), NoLoss()), (McsLadder(), BlerTable()), (McsLadder(), ConstantLoss(error_rate=0.0))],
)
def test_a_rate_with_its_own_loss_stands_alone_or_with_a_table_of_its_schemes(rate: RateMap, loss: LossMap) -> None:
    assert link(rate, loss).transfer(0.0, 10_000, 0).duration_s > 0


@pytest.mark.parametrize("fidelity", ["fluid", "analytic"])
def test_a_flow_has_no_bursts(fidelity: str) -> None:
    with pytest.raises(ValueError, match="GilbertElliottLoss"):
        link(Shannon(), GilbertElliottLoss(), fidelity)

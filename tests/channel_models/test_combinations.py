"""Which models stand together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf

import numpy as np
import pytest
from numpy.typing import ArrayLike

from channel_models.combinations import FIDELITIES, Refusal, rate_loss_table, refusals
from channel_models.fading import FADING
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss import LOSS_MAPS
from channel_models.loss.bler_table import BlerTable
from channel_models.loss.chen import ChenLoss
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.gilbert_elliott import GilbertElliottLoss
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.loss.waterfall import WaterfallLoss
from channel_models.rates import RATE_MAPS, RateMap
from channel_models.rates.finite_blocklength import FiniteBlocklength
from channel_models.rates.fixed import FixedRate
from channel_models.rates.mcs_ladder import McsLadder
from channel_models.rates.shannon import Shannon
from channel_models.retransmission import RETRANSMISSION
from channel_models.retransmission.fountain import Fountain
from channel_models.retransmission.none import NoRetransmission
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.retransmission.stop_and_wait import StopAndWait
from channel_models.sharing import SHARING
from channel_models.sharing.over_the_air import OverTheAir
from channel_models.transfer.fidelity import FIDELITIES as TRANSFERS

# Rows: rate maps at their defaults, under fading; which loss maps stand beside them.
STANDS = {
    "finite_blocklength": {"none"},
    "fixed": {"chen", "constant", "gilbert_elliott", "waterfall"},
    "mcs_ladder": {"none", "bler_table"},
    "shannon": {"none", "constant", "outage", "waterfall", "chen", "gilbert_elliott"},
    "truncated_shannon": {"none", "constant", "outage", "waterfall", "chen", "gilbert_elliott"},
}
LOSSES = ("bler_table", "chen", "constant", "gilbert_elliott", "none", "outage", "waterfall")


@dataclass(frozen=True, kw_only=True)
class Recording(Shannon):
    """Stands for recorded rates, which have no SNR."""

    has_snr = False


Recording.name = "recording"


@dataclass(frozen=True, kw_only=True)
class Combining(SelectiveRepeat):
    """Stands for hybrid ARQ."""

    combines = True


Combining.name = "combining"


@pytest.mark.parametrize(("rate", "loss"), list(product(STANDS, LOSSES)))
def test_rate_and_loss_by_the_table(rate: str, loss: str) -> None:
    against = refusals(rate=RATE_MAPS[rate], loss=LOSS_MAPS[loss])
    assert (not against) == (loss in STANDS[rate])
    for refusal in against:
        assert refusal.axes == ("rate", "loss")
        assert refusal.message.startswith(f"rate {rate} with loss {loss}: ")
        assert "; " in refusal.message


REGISTRIES = {
    "fading": FADING,
    "rate": RATE_MAPS,
    "loss": LOSS_MAPS,
    "retransmission": RETRANSMISSION,
    "sharing": SHARING,
}


@pytest.mark.parametrize("axes", [(a, b) for a in REGISTRIES for b in REGISTRIES if a < b], ids="-".join)
def test_every_registered_pair_has_a_verdict(axes: tuple[str, str]) -> None:
    first, second = axes
    for one, other in product(REGISTRIES[first].values(), REGISTRIES[second].values()):
        for fidelity, packets in product(FIDELITIES, (True, False)):
            against = refusals(**{first: one, second: other}, fidelity=fidelity, packets=packets)
            names = {f"{first} {one.name}", f"{second} {other.name}", f"fidelity {fidelity}", "packets fluid"}
            for axes_named, message in against:
                # Each names the two it is about, the reason, and after a semicolon the remedy.
                assert len(axes_named) == 2
                assert sum(name in message for name in names) >= 2, message
                assert "; " in message.partition(": ")[2], message


def test_every_rate_map_can_be_used_in_some_way() -> None:
    for rate in RATE_MAPS.values():
        assert any(not refusals(rate=rate, loss=loss, fading=NoFading()) for loss in LOSS_MAPS.values()), rate.name


def test_classes_stand_for_their_defaults() -> None:
    for rate, loss in product(("fixed", "mcs_ladder", "shannon"), LOSSES):
        pair = RATE_MAPS[rate], LOSS_MAPS[loss]
        assert refusals(rate=pair[0], loss=pair[1]) == refusals(rate=pair[0](), loss=pair[1]())


def only(against: list[Refusal], *words: str) -> bool:
    """Whether there is one refusal, with all of these words."""
    assert len(against) == 1, against
    assert all(word in against[0].message for word in words), against[0].message
    return True


def test_no_loss_is_counted_twice() -> None:
    for rate in (FiniteBlocklength(), McsLadder()):
        for loss in (ConstantLoss(), OutageLoss(), WaterfallLoss(), ChenLoss(), GilbertElliottLoss()):
            assert only(refusals(rate=rate, loss=loss), rate.name, loss.name, "counted twice", "take loss none")
        assert refusals(rate=rate, loss=NoLoss()) == []
        assert refusals(rate=rate, loss=ConstantLoss(error_rate=0.0)) == []
    assert refusals(rate=McsLadder(), loss=BlerTable()) == []


def test_a_table_needs_its_own_schemes() -> None:
    assert only(refusals(rate=Shannon(), loss=BlerTable()), "by modulation and coding scheme", "mcs_ladder")
    assert only(
        refusals(rate=FixedRate(efficiency_b_per_s_hz=1.0), loss=BlerTable()), "no scheme of 1 b/s/Hz", "1.0273"
    )
    assert refusals(rate=FixedRate(efficiency_b_per_s_hz=1.0273), loss=BlerTable()) == []
    odd = McsLadder(thresholds_db=(0.0,), efficiencies_b_per_s_hz=(0.6,))
    assert only(refusals(rate=odd, loss=BlerTable()), "no scheme of 0.6 b/s/Hz")


def test_a_fixed_rate_fails_above_capacity() -> None:
    two = FixedRate(efficiency_b_per_s_hz=2.0)
    # 2^2 - 1 = 3, 4.771 dB.
    assert only(refusals(rate=two, loss=NoLoss()), "4.771 dB", "loss outage")
    assert only(refusals(rate=two, loss=NoLoss(), fading=BlockRayleigh()), "4.771 dB")
    assert only(refusals(rate=two, loss=OutageLoss(threshold_db=0.0)), "raise threshold_db to 4.77121")
    assert refusals(rate=two, loss=OutageLoss(threshold_db=4.77122)) == []
    assert refusals(rate=FixedRate(), loss=OutageLoss(threshold_db=0.0)) == []
    assert refusals(rate=two, loss=NoLoss(), fading=NoFading()) == []
    assert refusals(rate=two, loss=NoLoss(), fading=NoFading(), mean_snr=3.0) == []
    assert only(refusals(rate=two, loss=NoLoss(), fading=NoFading(), mean_snr=2.9), "4.771 dB")


def test_an_average_over_rayleigh_fading_stands_with_it_alone() -> None:
    verdicts = {name: not refusals(fading=FADING[name], loss=ChenLoss()) for name in FADING}
    assert {name for name, stands in verdicts.items() if stands} == {"rayleigh", "clarke"} & set(FADING)
    assert only(refusals(fading=FADING["rician"], loss=ChenLoss()), "fading rician with loss chen: ", "instantaneous")
    for law in FADING.values():
        assert refusals(fading=law, loss=ChenLoss(reading="instantaneous")) == []


def test_recorded_rates_have_no_snr() -> None:
    recorded = Recording()
    for loss in (OutageLoss(), WaterfallLoss(), ChenLoss()):
        assert only(refusals(rate=recorded, loss=loss), "recorded rates have none", "gilbert_elliott")
    for loss in (NoLoss(), ConstantLoss(), GilbertElliottLoss()):
        assert refusals(rate=recorded, loss=loss) == []
    stands = {name for name in SHARING if not refusals(rate=recorded, sharing=SHARING[name])}
    assert stands == set(SHARING) - {"fdma", "makespan_bandwidth", "energy_efficient", "ofdma_pf", "over_the_air"}
    assert any("recorded rates have none" in why for _, why in refusals(rate=recorded, sharing=OverTheAir()))
    assert only(refusals(rate=recorded, fidelity="analytic"), "no law")


def test_a_fluid_has_nothing_to_lose_code_or_collide() -> None:
    for loss in (ConstantLoss(), OutageLoss(), GilbertElliottLoss()):
        assert only(refusals(rate=Shannon(), loss=loss, packets=False), f"loss {loss.name}", "no packets to lose")
    assert only(refusals(rate=McsLadder(), packets=False), "rate mcs_ladder", "no packets to lose")
    assert refusals(rate=Shannon(), loss=NoLoss(), retransmission=SelectiveRepeat(), packets=False) == []
    assert only(refusals(retransmission=Combining(), packets=False), "code or to combine")
    assert only(refusals(sharing=SHARING["slotted_aloha"], packets=False), "collisions")
    assert refusals(sharing=SHARING["slotted_aloha"]) == []


def test_combining_takes_a_loss_that_follows_the_snr() -> None:
    for loss in (NoLoss(), ConstantLoss(), GilbertElliottLoss(), ChenLoss()):
        assert only(refusals(retransmission=Combining(), loss=loss), f"loss {loss.name}", "selective_repeat")
    for loss in (OutageLoss(), WaterfallLoss(), ChenLoss(reading="instantaneous"), BlerTable()):
        assert refusals(retransmission=Combining(), loss=loss) == []
        assert refusals(retransmission=SelectiveRepeat(), loss=loss) == []
    assert only(refusals(retransmission=Combining(), rate=FiniteBlocklength()), "own probability")
    assert refusals(retransmission=Combining(), rate=McsLadder(), loss=BlerTable()) == []


def test_closed_forms_need_independence() -> None:
    for law in FADING.values():
        assert (not refusals(fading=law, fidelity="analytic")) == law.independent_blocks
        assert refusals(fading=law, fidelity="fluid") == []
    for rule in SHARING.values():
        against = refusals(sharing=rule, fidelity="analytic", packets=not rule.superposes)
        assert (not against) == (not rule.dynamic)
    assert FADING["clarke"].independent_blocks is False
    one_draw = BlockRayleigh(coherence_s=inf)
    assert only(refusals(fading=one_draw, fidelity="analytic"), "many blocks", "finite coherence_s")
    assert refusals(fading=one_draw) == refusals(fading=NoFading(), fidelity="analytic") == []
    assert any(rule.dynamic for rule in SHARING.values())


@pytest.mark.parametrize("fidelity", ["analytic", "fluid"])
def test_a_flow_has_no_bursts_and_no_combining(fidelity: str) -> None:
    assert only(refusals(loss=GilbertElliottLoss(), fidelity=fidelity), fidelity, "bursts would vanish")
    for scheme in (SelectiveRepeat(), Fountain(), StopAndWait(feedback_s=0.0)):
        assert refusals(loss=ConstantLoss(), retransmission=scheme, fidelity=fidelity) == []
    assert only(refusals(retransmission=Combining(), fidelity=fidelity), fidelity, "selective_repeat")


def test_a_flow_waits_for_feedback_and_closed_forms_do_not() -> None:
    assert refusals(retransmission=StopAndWait(), fidelity="fluid") == []
    assert only(refusals(retransmission=StopAndWait(), fidelity="analytic"), "no waits", "selective_repeat")


def test_closed_forms_take_one_error_rate_whatever_the_channel() -> None:
    assert only(refusals(loss=OutageLoss(), fidelity="analytic"), "same whatever the channel", "loss constant")
    assert only(refusals(rate=FiniteBlocklength(), fidelity="analytic"), "without losses of their own", "shannon")
    assert refusals(loss=OutageLoss(), fidelity="fluid") == refusals(rate=FiniteBlocklength(), fidelity="fluid") == []


LOSSES_SEEN = (*LOSS_MAPS.values(), ConstantLoss(error_rate=0.0), ChenLoss(reading="instantaneous"))


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_the_table_refuses_whatever_a_fidelity_refuses_itself(fidelity: str) -> None:
    """Schemes and, for closed forms, losses and rates, exactly; a flow's bursts are refused here alone."""
    own = TRANSFERS[fidelity]
    for scheme, loss, rate in product(RETRANSMISSION.values(), LOSSES_SEEN, RATE_MAPS.values()):
        models = {"retransmission": scheme, "loss": loss, "rate": rate}
        told = [axes for axes, _ in refusals(**models, fidelity=fidelity) if axes[0] == "fidelity"]
        made = {axis: model() if isinstance(model, type) else model for axis, model in models.items()}
        try:
            own.check(made["retransmission"], made["loss"], made["rate"])
        except ValueError:
            assert told, (fidelity, models)
        else:
            bursts = made["loss"].name == "gilbert_elliott" and fidelity == "fluid"
            assert not told or bursts, (told, models)


def test_what_adds_up_on_the_air_is_analogue_and_faded_by_rayleighs_law() -> None:
    chorus = OverTheAir()
    fluid = {"sharing": chorus, "packets": False}
    assert (
        refusals(**fluid, fading=BlockRayleigh(), rate=Shannon(), loss=NoLoss(), retransmission=NoRetransmission())
        == []
    )
    assert refusals(**fluid, fading=FADING["clarke"]) == []
    for name in ("none", "rician", "nakagami", "recorded"):
        assert only(refusals(**fluid, fading=FADING[name]), f"fading {name}", "take fading rayleigh")
    assert only(refusals(sharing=chorus), "packets whole with sharing over_the_air", "packets fluid with loss none")
    assert only(refusals(**fluid, loss=OutageLoss()), "no packets to lose; take loss none")
    assert only(refusals(**fluid, rate=FiniteBlocklength()), "no packets to lose; take a rate map")
    assert only(refusals(**fluid, retransmission=SelectiveRepeat()), "never sent again; take retransmission none")
    for scheme in (Fountain(), Combining()):
        assert only(refusals(**fluid, retransmission=scheme), "to code or to combine; take retransmission none")
    for fidelity in set(FIDELITIES) - {"packet"}:
        assert only(refusals(**fluid, fidelity=fidelity), f"fidelity {fidelity}", "take fidelity packet")


def test_no_remedy_of_a_sum_is_to_cut_it_into_packets() -> None:
    for loss, scheme, rate in product(LOSS_MAPS.values(), RETRANSMISSION.values(), RATE_MAPS.values()):
        models = {"loss": loss, "retransmission": scheme, "rate": rate}
        assert not any("cut" in why for _, why in refusals(**models, sharing=OverTheAir(), packets=False))


def test_a_scheme_that_sends_more_than_the_payload_codes_whatever_it_is_called() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Raptor(Fountain):
        """From outside."""

    Raptor.name = "raptor"
    assert only(refusals(retransmission=Raptor(), packets=False), "retransmission raptor", "to code or to combine")
    assert refusals(retransmission=Raptor()) == refusals(retransmission=Fountain(overhead=0.0), packets=False) == []


def test_nothing_is_against_nothing() -> None:
    assert refusals() == []
    with pytest.raises(
        ValueError, match="fidelity must be one of analytic, fluid, packet, per_packet_event, got 'exact'"
    ):
        refusals(fidelity="exact")


def test_a_model_from_outside_has_its_verdicts() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Outside(RateMap):
        carries_loss = True

        def spectral_efficiency(self, snr: ArrayLike) -> np.ndarray:
            return np.zeros_like(np.asarray(snr, dtype=np.float64))

    Outside.name = "outside"
    assert only(refusals(rate=Outside(), loss=OutageLoss()), "rate outside with loss outage", "counted twice")
    assert refusals(rate=Outside, loss=NoLoss) == []


def test_markdown_has_a_verdict_in_every_cell_and_every_note() -> None:
    text = rate_loss_table()
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in text.splitlines() if line.startswith("| ")}
    losses = [cell.strip() for cell in rows.pop("rate \\ loss")]
    assert (set(rows), losses) == (set(RATE_MAPS), list(LOSS_MAPS))
    for rate, cells in rows.items():
        for loss, cell in zip(losses, cells, strict=True):
            stands = not refusals(rate=RATE_MAPS[rate], loss=LOSS_MAPS[loss])
            assert cell.strip().startswith("stands" if stands else "refused (")
    notes = [line for line in text.splitlines() if line[:1].isdigit()]
    assert all(f"({number})" in text for number in range(1, len(notes) + 1))

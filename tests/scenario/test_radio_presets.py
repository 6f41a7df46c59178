"""Presets make a scenario explicit, and change nothing that the user wrote."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from channel_models.energy import RadioPower
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.link_budget import LinkBudget
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.none import NoLoss
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.none import NoRetransmission
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.sharing.private import Private
from pwffsim.scenario.presets import BUDGET, PRESETS, given, resolve
from pwffsim.scenario.schema import Downlink, Packets, Radio, Scenario

VALUES = {"tx_power_w": 0.2, "noise_figure_db": 7.0, "path_loss_db": 120.0, "mean_snr_db": 11.0}


def built(section: Any) -> Any:
    assert section is not None
    return section.build()


def radio_of(settings: dict[str, Any]) -> Radio:
    scenario = Scenario.model_validate({"name": "x", "stages": {"instruction": {}}, "radio": settings})
    return resolve(scenario).radio


def test_physical_by_itself():
    radio = radio_of({})
    assert (radio.tx_power_w, radio.noise_figure_db, radio.path_loss_db, radio.mean_snr_db) == (1.0, 9.0, None, 5.0)
    assert built(radio.fading) == BlockRayleigh(coherence_s=0.05)
    assert built(radio.rate) == Shannon()
    assert radio.packets == Packets(payload_bytes=1460, header_bytes=40)
    assert built(radio.loss) == ConstantLoss(error_rate=0.02)
    assert built(radio.retransmission) == SelectiveRepeat(retransmissions=4)
    assert built(radio.sharing) == Private() and radio.fidelity == "packet"
    assert radio.energy.build() == RadioPower()
    assert radio.downlink == Downlink(tx_power_w=10.0, noise_figure_db=9.0, bandwidth_hz=1e6)


def test_paper_by_itself():
    radio = radio_of({"preset": "paper"})
    assert (radio.tx_power_w, radio.noise_figure_db, radio.path_loss_db, radio.mean_snr_db) == (1.0, 0.0, None, 5.0)
    assert built(radio.fading) == NoFading() and built(radio.loss) == NoLoss()
    assert built(radio.retransmission) == NoRetransmission()
    assert radio.packets == "fluid"
    assert radio.downlink is not None and radio.downlink.ideal


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("stated", [c for n in range(4) for c in itertools.combinations(BUDGET, n)])
def test_three_quantities_stand_whatever_the_user_states(preset, stated):
    settings = {quantity: VALUES[quantity] for quantity in stated}
    radio = radio_of({"preset": preset, **settings})
    assert {quantity: getattr(radio, quantity) for quantity in stated} == settings
    assert len(given(radio)) == 3
    order = ["tx_power_w", "noise_figure_db", "mean_snr_db"]
    filled = [quantity for quantity in given(radio) if quantity not in stated]
    assert filled == [quantity for quantity in order if quantity not in stated][: 3 - len(stated)]


def test_what_the_user_wrote_stays():
    settings = {
        "preset": "paper",
        "fading": {"model": "rayleigh", "coherence": "10 ms"},
        "packets": {"payload": "1 kB"},
        "downlink": {"bandwidth": "5 MHz", "mean_snr": "20 dB"},
    }
    radio = radio_of(settings)
    assert built(radio.fading) == BlockRayleigh(coherence_s=0.01)
    assert radio.packets == Packets(payload_bytes=1000)
    assert radio.downlink == Downlink(bandwidth_hz=5e6, mean_snr_db=20.0, tx_power_w=10.0, noise_figure_db=0.0)


def test_the_derived_path_loss_is_that_of_the_link_budget():
    """1 W, 1 MHz, 5 dB, noise figure 0 dB: 138.975 dB."""
    radio = radio_of({"preset": "paper"})
    budget = LinkBudget(radio.bandwidth_hz, radio.tx_power_w, radio.noise_figure_db, None, radio.mean_snr_db)
    assert budget.solved().path_loss_db == pytest.approx(138.975, abs=5e-4)


def test_resolving_twice_changes_nothing():
    scenario = Scenario.model_validate({"name": "x", "stages": {"instruction": {}}})
    assert resolve(resolve(scenario)) == resolve(scenario)


@pytest.mark.parametrize(
    ("settings", "loss", "retransmission"),
    [
        ({"packets": "fluid"}, "none", "none"),
        ({"packets": {"payload": "1 kB"}}, "constant", "selective_repeat"),
        ({"rate": "finite_blocklength"}, "none", "selective_repeat"),
        ({"trace": {"format": "cooked", "files": ["a"]}}, "none", "selective_repeat"),
        ({"loss": "none"}, "none", "selective_repeat"),
        ({"preset": "paper", "packets": {}}, "none", "none"),
    ],
)
def test_losses_are_filled_in_only_where_something_can_be_lost(settings, loss, retransmission):
    radio = radio_of(settings)
    assert (str(radio.loss), str(radio.retransmission)) == (loss, retransmission)


def test_on_a_ground_power_and_noise_are_filled_and_no_loss():
    network = {"path_loss": "umi", "cells": [{"name": "a"}]}
    scenario = Scenario.model_validate({"name": "x", "stages": {"instruction": {}}, "network": network})
    radio = resolve(scenario).radio
    assert radio.downlink is not None
    assert (radio.tx_power_w, radio.noise_figure_db, radio.path_loss_db, radio.mean_snr_db) == (1.0, 9.0, None, None)
    assert (radio.downlink.tx_power_w, radio.downlink.noise_figure_db, radio.downlink.mean_snr_db) == (10.0, 9.0, None)


def test_a_recorded_link_has_a_power_and_nothing_else():
    radio = radio_of({"trace": {"format": "cooked", "files": ["a"], "direction": "up"}})
    assert given(radio) == ["tx_power_w"]
    assert radio.downlink is not None and given(radio.downlink) == ["tx_power_w", "noise_figure_db"]


@pytest.mark.parametrize(
    ("network", "carrier_hz"),
    [({"path_loss": "umi"}, 3.5e9), ({"path_loss": {"model": "umi", "carrier": "5 GHz"}}, 5e9),
     ({"path_loss": "umi", "carrier": "2 GHz"}, 2e9)],
)  # fmt: skip
def test_a_network_has_one_carrier(network, carrier_hz):
    settings = {"name": "x", "stages": {"instruction": {}}, "network": {"cells": [{"name": "a"}], **network}}
    scenario = resolve(Scenario.model_validate(settings))
    assert scenario.network is not None
    assert scenario.network.carrier_hz == scenario.network.path_loss.build().carrier_hz == carrier_hz
    assert resolve(scenario) == scenario

"""Presets make a scenario explicit, and change nothing that the user wrote."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from channel_models.link_budget import LinkBudget
from pwffsim.scenario.presets import BUDGET, PRESETS, given, resolve
from pwffsim.scenario.schema import Downlink, Packets, Radio, Scenario

VALUES = {"tx_power_w": 0.2, "noise_figure_db": 7.0, "path_loss_db": 120.0, "mean_snr_db": 11.0}


def radio_of(settings: dict[str, Any]) -> Radio:
    scenario = Scenario.model_validate({"name": "x", "stages": {"instruction": {}}, "radio": settings})
    return resolve(scenario).radio


def test_physical_by_itself():
    radio = radio_of({})
    assert (radio.tx_power_w, radio.noise_figure_db, radio.path_loss_db, radio.mean_snr_db) == (1.0, 9.0, None, 5.0)
    assert radio.fading is not None and (radio.fading.model, radio.fading.coherence_s) == ("rayleigh", 0.05)
    assert radio.packets == Packets(loss="constant", error_rate=0.02, retransmissions=4)
    assert radio.downlink == Downlink(tx_power_w=10.0, noise_figure_db=9.0, bandwidth_hz=1e6)


def test_paper_by_itself():
    radio = radio_of({"preset": "paper"})
    assert (radio.tx_power_w, radio.noise_figure_db, radio.path_loss_db, radio.mean_snr_db) == (1.0, 0.0, None, 5.0)
    assert radio.fading is not None and radio.fading.model == "none"
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
    assert radio.fading is not None and (radio.fading.model, radio.fading.coherence_s) == ("rayleigh", 0.01)
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

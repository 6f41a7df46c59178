"""The paper's numbers, as far as arithmetic gives them."""

from __future__ import annotations

from itertools import pairwise
from math import e

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.paper import closed_forms as forms
from pwffsim.paper.readings import READINGS

PLACEMENTS = {
    "a square a block": (((12, 768, 768),), 147_456, 1_769_472),
    "c_attn": (((12, 768, 2304),), 294_912, 3_538_944),
    "c_attn and attn.c_proj": (((12, 768, 2304), (12, 768, 768)), 442_368, 5_308_416),
    "q, k, v as squares": (((36, 768, 768),), 442_368, 5_308_416),
    "and mlp.c_proj": (((12, 768, 2304), (12, 768, 768), (12, 3072, 768)), 811_008, 9_732_096),
    "c_attn, c_fc, mlp.c_proj": (((12, 768, 2304), (12, 768, 3072), (12, 3072, 768)), 1_032_192, 12_386_304),
    "GPT-2 large, 36 squares": (((36, 1280, 1280),), 737_280, 8_847_360),
}


@pytest.mark.parametrize(("maps", "at_8", "at_96"), PLACEMENTS.values(), ids=PLACEMENTS)
def test_lora_parameters(maps, at_8, at_96):
    assert (forms.lora_parameters(8, maps), forms.lora_parameters(96, maps)) == (at_8, at_96)


def test_adapter_parameters():
    assert forms.adapter_parameters(1, 768, 10) == 16_138
    assert forms.adapter_parameters(36, 768, 10) == 580_968
    assert forms.adapter_parameters(36, 1280, 10) == 968_040


@pytest.mark.parametrize(("lora", "percent"), [
    (442_368, 43.2), (1_769_472, 75.3), (3_538_944, 85.9), (5_308_416, 90.1), (9_732_096, 94.4), (12_386_304, 95.5),
])  # fmt: skip
def test_savings(lora, percent):
    assert round(100 * forms.saving(580_968, lora), 1) == percent


@given(st.integers(1, 128), st.integers(1, 64), st.integers(64, 4096), st.integers(1, 48))
def test_with_as_many_squares_as_adapters_the_saving_needs_no_count(rank, bottleneck, width, count):
    adapters = forms.adapter_parameters(count, width, bottleneck)
    lora = forms.lora_parameters(rank, ((count, width, width),))
    assert forms.square_saving(rank, bottleneck, width) == pytest.approx(forms.saving(adapters, lora), rel=1e-12)


def test_rates_and_delays_at_5_db_and_1_mhz():
    assert forms.awgn_rate_bps(5, 1e6) == pytest.approx(2.0574e6, rel=5e-5)
    assert forms.ergodic_rate_bps(5, 1e6) == pytest.approx(1.7160e6, rel=5e-5)
    assert forms.airtime_s(580_968, forms.awgn_rate_bps(5, 1e6)) == pytest.approx(9.04, abs=0.005)
    delay = forms.airtime_s(580_968, forms.ergodic_rate_bps(5, 1e6))
    assert delay == pytest.approx(10.83, abs=0.005) and forms.energy_j(1.0, delay) == delay


def test_the_reward_stage_takes_most_of_the_air_time():
    """Encoders alone, as the paper's 66 million are counted."""
    sent = {"instruction": 580_968, "reward": 2 * forms.DISTILBERT_PARAMETERS, "alignment": 580_968}
    shares = forms.airtime_shares({"instruction": 50, "reward": 10, "alignment": 50}, sent)
    assert round(100 * shares["reward"], 1) == 95.8 and sum(shares.values()) == pytest.approx(1.0)


def test_one_draw_of_fading_has_no_mean_delay():
    """Every further decade of deep fades adds the same; without them the mean is that of the known harmonic rates."""
    means = [forms.mean_inverse_rate(5, 10.0**-power) for power in (4, 6, 8, 10)]
    steps = [(right - left) / 2 for left, right in pairwise(means)]
    assert steps == pytest.approx([forms.decade_of_inverse_rate(5)] * 3, rel=2e-3)
    harmonic = [1 / forms.mean_inverse_rate(5, share) for share in (0.01, 0.05, 0.10)]
    assert harmonic == pytest.approx([0.852, 1.188, 1.414], abs=1.5e-3)


def test_decibels():
    assert (
        forms.linear(0) == 1.0
        and forms.linear(10) == pytest.approx(10.0)
        and forms.linear(4.3429448) == pytest.approx(e)
    )


def test_readings_are_the_papers_counts():
    assert READINGS["paper_consistent"].parameters == {"adapters": 580_968, "lora": 442_368}
    assert READINGS["paper_literal"].parameters == {"adapters": 580_968, "lora": 5_308_416}
    assert READINGS["paper_tiers"].parameters == {"adapters": 580_968, "lora": 9_732_096}
    assert READINGS["paper_large"].parameters == {"adapters": 968_040, "lora": 737_280}

"""The paper's presets as plans: bytes, seconds and joules of every upload, beside their closed forms.

The channel is the paper's: 5 dB, 1 MHz, 1 W, ideal rate adaptation. A transfer of S bits over Rayleigh blocks of Tc
takes S / C + Tc CV^2 / 2 on average (renewal theory), C the ergodic capacity and CV the coefficient of variation of a
block's rate. Means of n draws must lie within 4.4 standard errors (p = 1e-5); what is not drawn must agree to 1e-9.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import exp, log2, sqrt

import numpy as np
import pytest
from scipy import integrate, special
from small import ROOT

from pwffsim.runs.load import Run
from pwffsim.scenario.loader import load
from pwffsim.simulation.plan import plan
from pwffsim.simulation.preparation import prepare_plan

FOLDER = ROOT / "scenarios" / "paper"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
SNR = 10**0.5
AWGN = log2(1 + SNR)
COHERENCE_S = 0.05
NS = 1e-9
ADAPTERS, LORA_8, LORA_96 = 580_968, 442_368, 5_308_416
HEAD = 591_361
TINY_ADAPTERS = 32_376
TINY_HEAD = 128 * 128 + 128 + 128 + 1
FEW = ("stages.instruction.rounds=2", "stages.reward.rounds=1", "stages.alignment.rounds=1")


def offline(name: str) -> list[str]:
    """Nobody asks the hub."""
    untrained = ["model.weights=untrained"] if name.startswith("paper") else []
    return [*untrained, *(["stages.reward.weights=untrained"] if untrained else [])]


@cache
def planned(name: str, *changes: str) -> Run:
    return plan(prepare_plan(load(FOLDER / f"{name}.yaml", [*offline(name), *changes]))).run


def uploads(run: Run, stage: str = "instruction"):
    messages = run.messages[(run.messages.direction == "up") & (run.messages.stage == stage)]
    return messages.assign(air_s=(messages.received_ns - messages.sent_ns) * NS, energy_j=messages.energy_nj * NS)


@cache
def ergodic() -> tuple[float, float]:
    """b/s/Hz and the squared coefficient of variation of log2(1 + SNR x), x exponential."""
    mean = log2(np.e) * exp(1 / SNR) * float(special.exp1(1 / SNR))
    square, _ = integrate.quad(lambda x: log2(1 + SNR * x) ** 2 * exp(-x), 0, 60)
    return mean, square / mean**2 - 1


def test_the_closed_forms_are_the_published_ones():
    mean, cv2 = ergodic()
    still = log2(1 + SNR)
    assert still == pytest.approx(2.0573732086, rel=1e-9)
    assert mean == pytest.approx(1.71597418507, rel=1e-9)
    assert cv2 == pytest.approx(0.324613985, rel=1e-6)
    megabits = 32 * ADAPTERS / 1e6
    assert megabits / still == pytest.approx(9.04, abs=5e-3)
    assert megabits / mean == pytest.approx(10.83, abs=5e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_the_papers_setting(name):
    scenario = load(FOLDER / f"{name}.yaml", offline(name)).scenario
    radio = scenario.radio
    assert scenario.name == name and scenario.method == "pwff" and scenario.clients.count == 10
    assert scenario.clients.preference == "uniform"
    assert (radio.mean_snr_db, radio.bandwidth_hz, radio.tx_power_w, radio.snr_spread_db) == (5.0, 1e6, 1.0, 0.0)
    assert (radio.packets, radio.loss.model, radio.downlink.ideal) == ("fluid", "none", True)
    assert radio.fading.model_dump() == {**radio.fading.model_dump(), "model": "rayleigh", "coherence_s": COHERENCE_S}


PAYLOADS = {
    "paper_consistent": (ADAPTERS, 2 * HEAD),
    "paper_literal": (ADAPTERS, 2 * HEAD),
    "paper_tiers": (ADAPTERS, 2 * HEAD),
    "paper_large": (968_040, 2 * HEAD),
    "paper_reward_full": (ADAPTERS, 2 * (66_362_880 + HEAD)),
    "paper_reward_lora": (ADAPTERS, 2 * (6 * 8 * 2 * 768 + HEAD)),
    "tiny_consistent": (TINY_ADAPTERS, 2 * TINY_HEAD),
    "tiny_literal": (TINY_ADAPTERS, 2 * TINY_HEAD),
    "tiny_tiers": (TINY_ADAPTERS, 2 * TINY_HEAD),
}
"""Preset -> parameters that a client uploads in stages 1 and 3, and in stage 2."""


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_can_be_planned_and_uploads_what_it_says(name):
    run = planned(name, *FEW)
    policy, rewards = PAYLOADS[name]
    for stage, parameters, count in (("instruction", policy, 20), ("reward", rewards, 10), ("alignment", policy, 10)):
        sent = uploads(run, stage)
        assert len(sent) == count and set(sent.payload_bytes) == {4 * parameters}


@pytest.mark.parametrize("name", NAMES)
def test_energy_is_power_times_time(name):
    """T4: 1 W makes joules and seconds one number."""
    for stage in ("instruction", "reward", "alignment"):
        sent = uploads(planned(name, *FEW), stage)
        np.testing.assert_array_equal(sent.energy_nj, sent.received_ns - sent.sent_ns)


@pytest.mark.parametrize(
    ("method", "name", "parameters"),
    [
        ("pwff", "paper_consistent", ADAPTERS),
        ("vanilla_fl", "paper_consistent", ADAPTERS + LORA_8),
        ("vanilla_fl", "paper_literal", ADAPTERS + LORA_96),
        ("vanilla_fl", "paper_tiers", ADAPTERS + 9_732_096),
        ("vanilla_fl", "paper_large", 968_040 + 737_280),
    ],
)
def test_without_fading_an_upload_takes_its_bits_over_the_capacity(method, name, parameters):
    """T2 and T3: 2.0574 Mb/s, 9.04 s for the adapters, 15.92 s with LoRA, 160.4 s at 36 modules of rank 96."""
    sent = uploads(planned(name, *FEW, f"method={method}", "radio.fading=none"))
    np.testing.assert_allclose(sent.air_s, 32 * parameters / 1e6 / AWGN, rtol=1e-9)


def z_score(found: Sequence[float], expected: float) -> float:
    """How many standard errors the mean of draws is from what is expected."""
    draws = np.asarray(found)
    return float((draws.mean() - expected) / (draws.std(ddof=1) / sqrt(len(draws))))


@pytest.mark.parametrize(
    ("method", "name", "stage", "parameters", "seconds"),
    [
        ("pwff", "paper_consistent", "instruction", ADAPTERS, 10.83),
        ("pwff", "paper_consistent", "alignment", ADAPTERS, 10.83),
        ("vanilla_fl", "paper_consistent", "instruction", ADAPTERS + LORA_8, 19.08),
        ("vanilla_fl", "paper_literal", "instruction", ADAPTERS + LORA_96, 109.8),
        ("vanilla_fl", "paper_tiers", "instruction", ADAPTERS + 9_732_096, 192.3),
        ("pwff", "paper_consistent", "reward", 2 * HEAD, 22.1),
        ("pwff", "paper_reward_full", "reward", 2 * (66_362_880 + HEAD), 2_497),
    ],
)
def test_with_fading_the_mean_is_that_of_the_renewal_law(method, name, stage, parameters, seconds):
    """The paper's table of payloads, delays and joules, and 4.4 standard errors around the exact mean."""
    mean, cv2 = ergodic()
    expected = 32 * parameters / 1e6 / mean + COHERENCE_S * cv2 / 2
    assert expected == pytest.approx(seconds, rel=2e-3)
    sent = uploads(planned(name, f"method={method}"), stage)
    assert len(sent) == 10 * load(FOLDER / f"{name}.yaml").resolved["stages"][stage]["rounds"]
    assert abs(z_score(sent.air_s, expected)) < 4.4


def test_rounds_end_with_the_slowest_upload():
    """Device time is next to nothing: the time between two aggregations is the longest of ten uploads."""
    run = planned("paper_consistent")
    sent = uploads(run)
    longest = sent.groupby("round").air_s.max().to_numpy()
    ends = run.rounds[run.rounds.stage == "instruction"].time_ns.to_numpy() * NS
    np.testing.assert_allclose(np.diff(ends, prepend=0.0), longest, atol=1e-5)


def test_most_airtime_is_the_reward_stages_under_full_upload():
    """50, 10 and 50 rounds: 95.9 % with heads of 591,361 beside the encoders, 95.8 % without."""
    run = planned("paper_reward_full")
    air = {stage: uploads(run, stage).air_s.sum() for stage in ("instruction", "reward", "alignment")}
    expected = 10 * 2 * (66_362_880 + HEAD) / (10 * 2 * (66_362_880 + HEAD) + 100 * ADAPTERS)
    assert air["reward"] / sum(air.values()) == pytest.approx(expected, abs=2e-3)
    assert expected == pytest.approx(0.958, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "saved"), [("paper_consistent", 0.432), ("paper_literal", 0.901), ("paper_large", 0.432)]
)
def test_joules_saved_against_uploading_both(name, saved):
    """T5, from records: the ratio of energies without fading is that of payloads."""
    spent = [
        uploads(planned(name, *FEW, f"method={method}", "radio.fading=none")).energy_j.sum()
        for method in ("pwff", "vanilla_fl")
    ]
    assert 1 - spent[0] / spent[1] == pytest.approx(saved, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "modules", "ratios"),
    [
        ("paper_consistent", [2], [0.761]),
        ("paper_literal", [2], [9.137]),
        ("paper_tiers", [1, 2, 3], [6.091, 9.137, 16.751]),
        ("paper_large", [1], [0.762]),
        ("tiny_consistent", [2], [0.759]),
        ("tiny_literal", [2], [9.109]),
        ("tiny_tiers", [1, 2, 3], [6.073, 9.109, 16.700]),
    ],
)
def test_lora_to_adapters(name, modules, ratios):
    blueprint = prepare_plan(load(FOLDER / f"{name}.yaml", offline(name))).blueprint
    assert sorted({blueprint.lora_modules(profile) for profile in blueprint.profiles}) == modules
    adapters = blueprint.payload(["adapters"], 0).size_bytes
    found = [blueprint.payload(["lora"], count).size_bytes / adapters for count in modules]
    assert found == pytest.approx(ratios, abs=1e-3)


@pytest.mark.parametrize(("wanted", "rank"), [(LORA_8 / ADAPTERS, 8), (LORA_96 / ADAPTERS, 96)])
def test_no_other_rank_is_nearer_on_tiny(wanted, rank):
    """Two modules of 4 blocks of width 128: 4 (128 + 384 + 128 + 128) r parameters."""
    nearest = min(range(1, 129), key=lambda r: abs(4 * 768 * r / TINY_ADAPTERS - wanted))
    assert nearest == rank


def test_there_is_a_row_for_every_preset():
    assert sorted(PAYLOADS) == NAMES

"""What uploads that add up on the air ask of a scenario, each with the key that must change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scenario_files import marked

from pwffsim.scenario.loader import load

SCENARIOS = Path(__file__).parents[2] / "scenarios"
GOOD = "name: x\nmodel: {base: base}\n"
STAGES = "stages: {instruction: {}}\n"
ALL = "stages: {instruction: {}, reward: {}, alignment: {}}\n"
AIR = "sharing: over_the_air, packets: fluid, residual_loss: partial"
RADIO = f"radio: {{{AIR}}}\n"
OTHER = "or choose another sharing"
TIERS = "devices: {tiers: [{name: small, lora_modules_per_block: 1}, {name: large, lora_modules_per_block: 3}]}\n"


def test_what_it_asks_for_is_enough(files):
    for stages in (STAGES, ALL):
        radio = files.load(GOOD + stages + RADIO).scenario.radio
        assert (radio.loss.model, radio.retransmission.model, radio.fidelity) == ("none", "none", "packet")
    files.load(GOOD + STAGES + RADIO.replace("over_the_air,", "{model: over_the_air, gain_threshold: 0.3},"))


def test_the_resolved_scenario_is_valid_too(files):
    loaded = files.load(GOOD + STAGES + RADIO.replace("}", ", preset: paper, fading: rayleigh}"))
    assert files.load(json.dumps(loaded.resolved)).resolved == loaded.resolved


@pytest.mark.parametrize("changes", [(), ("radio.downlink.ideal=true",), ("radio.rate=truncated_shannon",)])
def test_the_example_is_valid(changes):
    assert load(SCENARIOS / "over_the_air.yaml", changes).scenario.radio.sharing.model == "over_the_air"


def test_all_that_the_default_radio_lacks_is_told_in_two_lines(files):
    assert [head.split(": ", 1)[0] for head in files.heads(GOOD + STAGES + "radio: {sharing: over_the_air}\n")] == [
        "s.yaml:4:18"
    ] * 2


WRONG = [
    ("sharing: over_the_air, residual_loss: partial, ^packets: {}",
     "packets: packets whole with sharing over_the_air: amplitudes that add up come in no packets that could be lost "
     "or sent again; take packets fluid with loss none and retransmission none, or sharing tdma"),
    ("sharing: over_the_air, packets: fluid, residual_loss: ^discard",
     "residual_loss: over_the_air has clients fall silent for a while, and their updates, once added up, cannot be "
     f"discarded; write residual_loss: partial, {OTHER}"),
    ("packets: fluid, sharing: ^over_the_air",
     "sharing: over_the_air has clients fall silent for a while, and their updates, once added up, cannot be "
     f"discarded; write residual_loss: partial, {OTHER}"),
    ("sharing: over_the_air, residual_loss: partial, packets: ^fluid, loss: outage",
     "packets: packets fluid with loss outage: a fluid has no packets to lose; take loss none"),
    (AIR + ", retransmission: ^selective_repeat",
     "retransmission: retransmission selective_repeat with sharing over_the_air: amplitudes that add up are never sent "
     "again; take retransmission none, or sharing tdma"),
    (AIR + ", fading: ^rician",
     "fading: fading rician with sharing over_the_air: the common power and the share of silent blocks are closed "
     "forms of Rayleigh fading; take fading rayleigh, or sharing tdma"),
    (AIR + ", fidelity: ^fluid",
     "fidelity: fidelity fluid with sharing over_the_air: a sum is made entry by entry, in one way only; "
     "take fidelity packet, or sharing tdma"),
    (AIR + ", ^jammers: [{name: j, power_w: 1}]",
     f"jammers: over_the_air adds the receiver's noise to a sum, and no jammer's; drop them, {OTHER}"),
    (AIR + ", downlink: {ideal: true}, rate: ^truncated_shannon",
     "rate: has no effect: over_the_air sends amplitudes, and no download looks at it either; drop it"),
    ("downlink: {sharing: ^over_the_air}",
     "downlink.sharing: over_the_air adds up what many send, and a downlink has one sender; choose another sharing"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "error"), WRONG, ids=[line for line, _ in WRONG])
def test_one_wrong_part_of_the_radio(files, line, error):
    text, head = marked(f"radio: {{{line}}}\n", 4, f"radio.{error}")
    assert files.heads(GOOD + STAGES + text) == [head]


def test_a_rate_of_downloads_may_be_named(files):
    assert files.heads(GOOD + STAGES + RADIO.replace("}", ", rate: truncated_shannon}")) == []


def test_recorded_uploads_have_no_channel_to_invert(files):
    (files.folder / "a.log").write_text("0\t4.0\n1\t2.0\n")
    text = RADIO.replace("}", ", trace: {format: cooked, files: [a.log]}}")
    (head,) = files.heads(GOOD + STAGES + text)
    assert head.startswith("s.yaml:4:18: radio.sharing: rate recorded with sharing over_the_air: ")
    assert files.heads(GOOD + STAGES + text.replace("cooked", "cooked, direction: down")) == []


def test_cells_that_clients_move_between_are_not_one_receiver(files):
    text = "network: {path_loss: umi, least_distance_m: 10, cells: [{name: a}]}\n"
    assert files.heads(GOOD + STAGES + RADIO + text) == [
        f"s.yaml:5:1: network: over_the_air inverts channels of one mean to one receiver; drop network, {OTHER}"
    ]


def test_updates_that_come_one_by_one_do_not_add_up(files):
    assert files.heads(GOOD + STAGES + RADIO + "aggregation: {mode: buffered}\n") == [
        "s.yaml:5:21: aggregation.mode: over_the_air adds up what is sent at one time, and aggregation is buffered; "
        f"write mode: synchronous, {OTHER}"
    ]


def test_a_method_that_uploads_nothing_has_nothing_to_add_up(files):
    assert files.heads(GOOD + ALL + RADIO + "method: local_only\n") == [
        "s.yaml:4:18: radio.sharing: method 'local_only' uploads nothing in stage instruction that could add up; "
        "choose another method or another sharing"
    ]


def test_uploads_of_unequal_size_do_not_add_up(files):
    text = GOOD + ALL + RADIO + TIERS + "method: vanilla_fl\naggregation: {lora_average: per_module}\n"
    # Rank 8 on attn.c_attn (64 x 192), and on attn.c_proj (64 x 64) and mlp.c_proj (256 x 64), in two blocks, fp32.
    adapters = 4 * 2 * 3 * (2 * 64 * 10 + 10 + 64)
    small, large = (adapters + 4 * 2 * 8 * sum(sides) for sides in ([64 + 192], [64 + 192, 64 + 64, 256 + 64]))
    assert files.heads(text) == [
        "s.yaml:7:29: aggregation.lora_average: uploads that add up must be equal, and in stage instruction they have "
        f"bytes {small} on tier small, {large} on tier large; write lora_average: largest_tier, give all tiers the "
        f"same lora_modules_per_block, {OTHER}"
    ]
    assert files.heads(text.replace("per_module", "largest_tier")) == []
    assert files.heads(text.replace("vanilla_fl", "pwff")) == []
    assert files.heads(text.replace("instruction: {}, reward: {}, alignment: {}", "reward: {}")) == []


def test_a_tier_that_nobody_has_who_takes_part_adds_nothing(files):
    text = GOOD + ALL + RADIO + TIERS + "method: vanilla_fl\naggregation: {lora_average: per_module}\n"
    others = ", ".join(f"{{client: {client}, tier: large}}" for client in (1, 2))
    overrides = f"{{client: 0, tier: small, idle: true}}, {others}"
    clients = f"clients: {{count: 3, overrides: [{overrides}]}}\n"
    assert files.heads(text + clients) == []
    (head,) = files.heads(text + clients.replace("idle: true", "idle: false"))
    assert "uploads that add up must be equal" in head


def test_sizes_that_only_the_hub_knows_are_left_to_the_run(files):
    text = "name: x\nmodel: {base: some-org/some-model}\n" + ALL + RADIO + TIERS
    assert files.heads(text + "method: vanilla_fl\naggregation: {lora_average: per_module}\n") == []
    (head,) = files.heads(text + "clients: {overrides: [{client: 1, tier: huge}]}\n")
    assert "no tier is named 'huge'" in head

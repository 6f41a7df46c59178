"""``--set``: what it changes, and how its errors are cited."""

from __future__ import annotations

import pytest

TEXT = """\
name: x
clients: 4
model: {base: base}
stages: &stages {instruction: {rounds: 3}}
radio: {bandwidth: 20 MHz}
devices: {tiers: [{name: a}, {name: b}]}
"""


def test_values_are_read_as_yaml_and_missing_sections_are_made(files):
    arguments = [
        "seed=7",
        "radio.fading.coherence=20 ms",
        "aggregation={mode: buffered, buffer: 2}",
        "stages.instruction.learning_rate=1e-4",
        "devices.tiers[1].share=2",
        "devices.tiers[2]={name: c}",
        "clients.overrides[0].client=3",
        "clients.overrides[0].tier=b",
        "name=a.b",
    ]
    scenario = files.load(TEXT, arguments).scenario
    assert scenario.seed == 7
    assert scenario.radio.fading is not None and scenario.radio.fading.coherence_s == 0.02
    assert (scenario.aggregation.mode, scenario.aggregation.buffer) == ("buffered", 2)
    assert scenario.stages.instruction is not None
    assert (scenario.stages.instruction.rounds, scenario.stages.instruction.learning_rate) == (3, 1e-4)
    assert [tier.share for tier in scenario.devices.tiers] == [1, 2, 1]
    assert (scenario.clients.count, scenario.clients.overrides[0].client, scenario.clients.overrides[0].tier) == (
        4,
        3,
        "b",
    )
    assert scenario.name == "a.b"


@pytest.mark.parametrize("argument", ["radio.bandwidth_hz=1e6", "radio.bandwidth=1 MHz", "radio.bandwidth_hz=1 MHz"])
def test_either_spelling_of_a_quantity_replaces_the_one_in_the_file(files, argument):
    assert files.load(TEXT, [argument]).scenario.radio.bandwidth_hz == 1e6
    assert (
        files.load(TEXT.replace("bandwidth: 20 MHz", "bandwidth_hz: 2e7"), [argument]).scenario.radio.bandwidth_hz
        == 1e6
    )


def test_the_last_of_two_wins_and_null_takes_a_value_back(files):
    assert files.load(TEXT, ["seed=1", "seed=2"]).scenario.seed == 2
    assert (
        files.load(TEXT + "seed: 5", ["radio.mean_snr=3 dB", "radio.mean_snr=null"]).scenario.radio.mean_snr_db == 5.0
    )


def test_an_override_equals_the_same_line_in_the_file(files):
    changed = files.load(TEXT, ["stages.reward.rounds=4", "seed=3"])
    written = files.load(TEXT.replace("rounds: 3}", "rounds: 3}, reward: {rounds: 4}") + "seed: 3\n")
    assert changed.sha256 == written.sha256
    assert changed.overrides == ("stages.reward.rounds=4", "seed=3")
    assert changed.source == TEXT.encode()


def test_what_an_alias_shares_is_not_changed_with_it(files):
    text = "name: x\nmodel: {base: base}\nstages: {instruction: &one {rounds: 3}, reward: *one}\n"
    stages = files.load(text, ["stages.reward.rounds=9"]).scenario.stages
    assert stages.instruction is not None and stages.reward is not None
    assert (stages.instruction.rounds, stages.reward.rounds) == (3, 9)


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        (
            "radio.bandwidth_hz=fast",
            "--set[2]: radio.bandwidth_hz: 'fast' is not a number with a unit such as '20 MHz'\n"
            "    radio.bandwidth_hz=fast\n                       ^",
        ),
        (
            "stages.instruction={rouns: 3}",
            "--set[2]: stages.instruction.rouns: unknown key 'rouns'; did you mean 'rounds'?\n"
            "    stages.instruction={rouns: 3}\n                        ^",
        ),
        (
            "radio.sharng=tdma",
            "--set[2]: radio.sharng: unknown key 'sharng'; did you mean 'sharing'?\n    radio.sharng=tdma\n    ^",
        ),
        (
            "seed=",
            "--set[2]: seed: has no value; write null for nothing, or {} for a section of defaults\n"
            "    seed=\n         ^",
        ),
        (
            "radio={sharing: tdma, sharing: tdma}",
            "--set[2]: radio.sharing: key 'sharing' is given twice; first in line 1, column 8\n"
            "    radio={sharing: tdma, sharing: tdma}\n                          ^",
        ),
        (
            "seed=[1",
            "--set[2]: seed: not YAML: did not find expected ',' or ']' while parsing a flow sequence",
        ),
        (
            "seed",
            "--set[2]: 'seed' is not key=value with a key such as radio.bandwidth_hz or devices.tiers[0].share\n"
            "    seed\n    ^",
        ),
        (
            "a..b=1",
            "--set[2]: 'a..b=1' is not key=value with a key such as radio.bandwidth_hz or devices.tiers[0].share\n"
            "    a..b=1\n    ^",
        ),
        (
            "name.first=1",
            "--set[2]: name.first: name is 'x', which has no key 'first'\n    name.first=1\n    ^",
        ),
        (
            "devices.tiers.a=1",
            "--set[2]: devices.tiers.a: devices.tiers is a list, which has no key 'a'\n    devices.tiers.a=1\n    ^",
        ),
        (
            "radio[0]=1",
            "--set[2]: radio[0]: radio is a mapping, which has no item [0]\n    radio[0]=1\n    ^",
        ),
        (
            "devices.tiers[3].name=z",
            "--set[2]: devices.tiers[3].name: devices.tiers has 2 items; the next is [2]\n"
            "    devices.tiers[3].name=z\n    ^",
        ),
    ],
)
def test_an_error_is_cited_with_its_argument(files, argument, error):
    assert files.errors(TEXT, ["seed=1", argument]) == [error]


def test_errors_of_the_file_come_before_those_of_overrides(files):
    heads = files.heads(TEXT + "seed: -1\n", ["aggregation.buffer=0", "radio.rate=x"])
    assert [head.partition(": ")[0] for head in heads] == ["s.yaml:7:7", "--set[1]", "--set[2]"]


def test_a_misfit_is_cited_at_the_override_that_makes_it(files):
    text = TEXT.replace("radio: {", "radio: {tx_power_w: 1, noise_figure_db: 3, mean_snr_db: 4, ")
    assert files.heads(text, ["seed=1", "radio.path_loss=100 dB"]) == [
        "--set[2]: radio.path_loss: tx_power_w, noise_figure_db, path_loss_db, mean_snr_db are all given, "
        "though any three fix the fourth; drop one"
    ]

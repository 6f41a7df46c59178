"""Wrong scenarios: every error at once, each with its place, its line, a caret, and the remedy."""

from __future__ import annotations

import os

import pytest

from channel_models.fading import FADING
from channel_models.sharing import SHARING
from pwffsim.scenario import ScenarioErrors, load
from pwffsim.scenario.loader import MAX_BYTES

FADINGS = ", ".join(FADING)
METHODS = "centralised, dual, fedada, fedlora, local_only, pfl, pwff, pwff_equal, sfl, shepherd, vanilla_fl"
GOOD = "name: x\nmodel: {base: base}\nstages: {instruction: {}}\n"

PLANTED = """\
nmae: seven errors
clients: 10
method: pwf
model: {base: base, lora: {rank: 0}}
stages:
  instruction: {rounds: 1e1}
  reward: {}
radio:
  bandwidth: 20
  fading: {model: raylegh}
aggregation:
  buffer: 5
  buffer: 6
"""


def test_seven_errors_are_told_at_once(files):
    assert files.errors(PLANTED) == [
        "s.yaml:1:1: nmae: unknown key 'nmae'; did you mean 'name'?\n    nmae: seven errors\n    ^",
        f"s.yaml:3:9: method: 'pwf' is not one of {METHODS}; did you mean 'pwff'?\n    method: pwf\n            ^",
        "s.yaml:4:34: model.lora.rank: must be at least 1, got 0\n"
        "    model: {base: base, lora: {rank: 0}}\n                                     ^",
        "s.yaml:6:25: stages.instruction.rounds: expected a whole number, got 10.0; write 10\n"
        "      instruction: {rounds: 1e1}\n                            ^",
        "s.yaml:9:14: radio.bandwidth: 20 has no unit: write 'bandwidth_hz: 20' or 'bandwidth: 20 Hz'\n"
        "      bandwidth: 20\n                 ^",
        f"s.yaml:10:19: radio.fading.model: 'raylegh' is not one of {FADINGS}; did you mean 'rayleigh'?\n"
        "      fading: {model: raylegh}\n                      ^",
        "s.yaml:13:3: aggregation.buffer: key 'buffer' is given twice; first in line 12, column 3\n"
        "      buffer: 6\n      ^",
    ]


def test_values_that_are_right_by_themselves_are_checked_beside_errors(files):
    text = "name: x\nmodel: {base: base}\nstages: {alignment: {gamma: 2}}\nradio: {sharing: tmda, path_loss_db: 100,\n"
    text += "  tx_power_w: 1, noise_figure_db: 5, mean_snr_db: 5}\n"
    assert files.heads(text) == [
        "s.yaml:3:10: stages.alignment: needs the reward models of stage 2: add stages.reward",
        "s.yaml:3:29: stages.alignment.gamma: must be at most 1, got 2",
        f"s.yaml:4:18: radio.sharing: 'tmda' is not one of {', '.join(SHARING)}; did you mean 'tdma'?",
        "s.yaml:5:51: radio.mean_snr_db: tx_power_w, noise_figure_db, path_loss_db, mean_snr_db are all given, "
        "though any three fix the fourth; drop one",
    ]


def test_no_misfit_is_told_that_comes_of_another_error(files):
    """The misspelt `rewards` is not there for alignment, and the buffer is not held against a count that is wrong."""
    text = "name: x\nclients: zehn\nmodel: {base: base}\nstages: {rewards: {}, alignment: {}}\n"
    text += "aggregation: {mode: buffered, buffer: 30}\n"
    assert files.heads(text) == [
        "s.yaml:2:10: clients: expected a mapping of keys, got 'zehn'",
        "s.yaml:4:10: stages.rewards: unknown key 'rewards'; did you mean 'reward'?",
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("radio: {bandwith: 1 MHz}", "4:9: radio.bandwith: unknown key 'bandwith'; did you mean 'bandwidth'?"),
        (
            "radio: {bandwidth_mhz: 1}",
            "4:9: radio.bandwidth_mhz: unknown key 'bandwidth_mhz'; "
            "write 'bandwidth_hz', or 'bandwidth' with its unit, as in 'bandwidth: 20 MHz'",
        ),
        ("radio: {Preset: paper}", "4:9: radio.Preset: unknown key 'Preset'; did you mean 'preset'?"),
        (
            "evaluation: {zzz: 1}",
            "4:14: evaluation.zzz: unknown key 'zzz'; known here are every, costs_time, examiner",
        ),
        ("seed: -1", "4:7: seed: must be at least 0, got -1"),
        ("seed: 9223372036854775808", "4:7: seed: must be less than 9223372036854775808, got 9223372036854775808"),
        ("seed: 1.5", "4:7: seed: expected a whole number, got 1.5"),
        ("seed: '7'", "4:7: seed: expected a whole number, got '7'; drop the quotes"),
        ("seed: true", "4:7: seed: expected a whole number, got true"),
        ("radio: []", "4:1: radio: expected a mapping of keys, got a list"),
        ("radio: null", "4:8: radio: expected a mapping of keys, got nothing"),
        ("radio:", "4:7: radio: has no value; write null for nothing, or {} for a section of defaults"),
        ("clients: {preference: unifrom}", "4:23: clients.preference: expected 'uniform' or a number, got 'unifrom'"),
        ("clients: {preference: null}", "4:23: clients.preference: expected 'uniform' or a number, got nothing"),
        ("clients: {preference: 1.5}", "4:23: clients.preference: must be at most 1, got 1.5"),
        ("radio: {packets: liquid}", "4:18: radio.packets: expected 'fluid' or a mapping of keys, got 'liquid'"),
        (
            "radio: {packets: {paylod: 1 kB}}",
            "4:19: radio.packets.paylod: unknown key 'paylod'; did you mean 'payload'?",
        ),
        ("radio: {packets: 3}", "4:18: radio.packets: expected 'fluid' or a mapping of keys, got 3"),
        ("radio: {fading: {coherence: 50 dB}}",
         "4:29: radio.fading.coherence: 'dB' in '50 dB' is a unit of level; "
         "units of time here are s, ns, us, ms, min, h"),
        ("radio: {fading: {coherence: -5 ms}}", "4:29: radio.fading.coherence: must be at least 1e-06, got -0.005"),
        ("radio: {tx_power_w: .inf}", "4:21: radio.tx_power_w: must be finite, got inf"),
        ("radio: {mean_snr_db: .nan}", "4:22: radio.mean_snr_db: must be finite, got nan"),
        ("radio: {downlink: {ideal: no}}", "4:27: radio.downlink.ideal: expected true or false, got 'no'"),
        ("radio: {packets: {payload: 1.5 bytes}}",
         "4:28: radio.packets.payload: expected a whole number, got 1.5"),
        ("method: no", f"4:9: method: 'no' is not one of {METHODS}"),
        ("method: 3", f"4:9: method: 3 is not one of {METHODS}"),
        ("devices: {tiers: []}", "4:11: devices.tiers: needs at least 1 item, got 0"),
        ("devices: {tiers: phone}", "4:18: devices.tiers: expected a list, got 'phone'"),
        ("devices: {tiers: [{name: a}, {name: b, share: 0}]}",
         "4:47: devices.tiers[1].share: must be greater than 0, got 0"),
        ("clients: {overrides: [{idle: true}]}", "4:23: clients.overrides[0].client: this key is missing"),
        ("data: {files: {instructions: a.jsonl}}", "4:30: data.files.instructions: expected a list, got 'a.jsonl'"),
        ("data: {label_noise: '0.1'}", "4:21: data.label_noise: expected a number, got '0.1'; drop the quotes"),
    ],
)  # fmt: skip
def test_one_wrong_value(files, line, error):
    assert files.heads(GOOD + line) == [f"s.yaml:{error}"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("name: x\nmodel: {base: base}\n", "s.yaml:1:1: stages: this key is missing"),
        (
            "name: x\nmodel: {base: base}\nstages: {}\n",
            "s.yaml:3:1: stages: no stage is given: name at least one of instruction, reward, alignment",
        ),
        ("name: a/b\n" + GOOD[8:], "s.yaml:1:7: name: 'a/b' does not match ^[A-Za-z0-9][A-Za-z0-9 ._-]*$"),
        ("name: 7\n" + GOOD[8:], "s.yaml:1:7: name: expected a string, got 7"),
        ("", "s.yaml:1:1: the file is empty; a scenario needs at least name and stages"),
        ("# nothing yet\n", "s.yaml:1:1: the file is empty; a scenario needs at least name and stages"),
        ("- name: x\n", "s.yaml:1:1: a scenario is a mapping of keys such as 'name: ...'"),
        ("just words\n", "s.yaml:1:1: a scenario is a mapping of keys such as 'name: ...'"),
        (b"name: x\nstages: \xff\n", "s.yaml:2:9: not UTF-8: byte 0xff; save the file as UTF-8"),
        ("name: x\n".encode("utf-16"), "s.yaml:1:1: not UTF-8: byte 0xff; save the file as UTF-8"),
    ],
)  # fmt: skip
def test_one_wrong_file(files, text, error):
    assert files.heads(text) == [error]


def test_a_byte_order_mark_and_windows_line_ends_are_no_error(files):
    windows = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert files.load(windows).resolved == files.load(GOOD).resolved


@pytest.mark.parametrize(("path", "reason"), [("none.yaml", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read(files, path, reason):
    with pytest.raises(ScenarioErrors) as caught:
        load(path)
    assert str(caught.value) == f"{path}: cannot be read: {reason}"


def test_a_file_that_is_no_scenario_by_its_size(files):
    path = files.folder / "big.yaml"
    path.touch()
    os.truncate(path, MAX_BYTES + 1)
    with pytest.raises(ScenarioErrors, match="larger than 10 MB"):
        load(path)


def test_a_long_line_is_cut_around_the_caret(files):
    line = "data: {files: {instructions: [" + "a.jsonl, " * 60 + "5]}}"
    head, excerpt, caret = files.errors(GOOD + line)[0].splitlines()
    assert head == f"s.yaml:4:{line.index('5]') + 1}: data.files.instructions[60]: expected a string, got 5"
    assert excerpt.startswith("    ...") and len(excerpt) < 130
    assert excerpt[caret.index("^")] == "5"


def test_what_a_terminal_would_obey_is_not_printed(files):
    errors = files.errors(GOOD + 'method: "\\e[31mred\\u202e"\n')
    assert all(c.isprintable() or c == "\n" for c in errors[0])
    raw = files.errors(GOOD + "method: \u202ered\n")
    assert "\u202e" not in raw[0]
    assert raw[0].splitlines()[1] == "    method: ?red"


def test_errors_stand_in_the_order_of_the_file(files):
    heads = files.heads(
        "evaluation: {every: 0}\nseed: -1\nname: x\nstages: {instruction: {rounds: 0}}\nmodel: {base: base}"
    )
    assert [head.split(": ")[1] for head in heads] == ["evaluation.every", "seed", "stages.instruction.rounds"]

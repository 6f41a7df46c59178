"""Jammers, recordings, energy, downlink delivery: what is taken, and what has no effect or cannot be."""

from __future__ import annotations

import json
from math import inf

import pytest
from scenario_files import marked

from channel_models.interference.jammer import Jammer
from pwffsim.scenario.recordings import path_of, recordings

GOOD = "name: x\nmodel: {base: base}\nstages: {instruction: {}}\n"
RATES = "0\t4.0\n1\t2.0\n2\t6.0\n"
TRACE = "trace: {format: cooked, files: [a.log]"
VOID = "has no effect on recorded rates; drop it, or drop radio.trace"


@pytest.fixture
def recorded(files):
    """A recording of three seconds."""
    (files.folder / "a.log").write_text(RATES)
    return files


def test_a_jammer_has_a_name_and_the_parameters_of_its_model(files):
    first = "{name: j, power: 100 mW, loss: 120 dB, period: 2 s, duty: 0.25, stop: 1 h}"
    jammers = files.load(GOOD + f"radio: {{jammers: [{first}, {{name: k, power_w: 1}}]}}\n").scenario.radio.jammers
    assert [jammer.name for jammer in jammers] == ["j", "k"] and jammers[1].build().stop_s == inf
    expected = Jammer(power_w=0.1, loss_db=120, period_s=2, duty=0.25, stop_s=3600, seed=5, index=0)
    assert jammers[0].build(seed=5, index=0) == expected


WRONG = [
    ("jammers: [{name: j, power_w: 1}, {name: ^j, power_w: 1}]",
     "jammers[1].name: 'j' is the name of radio.jammers[0]; give this one another"),
    ("^sharing: {model: slotted_aloha, attempt_probability: 0.9}",
     "sharing: with 10 users who send with probability 0.9, a packet gets through in 9e-10 of the slots; "
     "lower attempt_probability to about 0.1, or leave it out"),
    ("jammers: [{name: j, power_w: 1, duty: ^1.5}]", "jammers[0].duty: must be at most 1, got 1.5"),
    ("jammers: [{name: j, power_w: 1, duty: ^0}]",
     "jammers[0].duty: is never on with a duty of 0; raise it, or drop the jammer"),
    ("jammers: [{name: j, power_w: 1, period: ^0 s}]", "jammers[0].period: must be at least 0.001, got 0"),
    ("jammers: [{name: j, power_w: 1, start: 5 s, stop: ^4 s}]",
     "jammers[0].stop: must be above start_s = 5 s, got 4.0"),
    ("jammers: [{name: j, power: ^1 s}]", "jammers[0].power: 's' in '1 s' is a unit of time; "
     "units of power here are W, nW, uW, mW, kW, MW, dBm, dBW"),
    ("jammers: [^{power_w: 1}]", "jammers[0].name: this key is missing"),
    ("jammers: [^{name: j}]", "jammers[0].power_w: this key is missing"),
    ("jammers: [{name: j, ^powr: 1 W}]", "jammers[0].powr: unknown key 'powr'; did you mean 'power'?"),
    ("fidelity: ^packets",
     "fidelity: 'packets' is not one of packet, fluid, analytic, per_packet_event; did you mean 'packet'?"),
    ("residual_loss: ^partly", "residual_loss: 'partly' is not one of discard, partial; did you mean 'partial'?"),
    ("downlink: {delivery: ^multicast}",
     "downlink.delivery: 'multicast' is not one of unicast, broadcast, rateless; did you mean 'unicast'?"),
    ("downlink: {ideal: true, delivery: ^broadcast}",
     "downlink.delivery: has no effect on an ideal downlink; drop one of the two"),
    ("downlink: {ideal: true, sharing: ^tdma}",
     "downlink.sharing: sharing has no effect on an ideal downlink; drop it"),
    ("downlink: {delivery: broadcast, sharing: ^tdma}",
     "downlink.sharing: sharing has no effect on delivery broadcast, which sends once for all; drop it"),
    ("packets: fluid, downlink: {delivery: ^rateless}",
     "downlink.delivery: rateless codes are made of packets, and packets are fluid; "
     "choose unicast or broadcast, or give packets"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "error"), WRONG, ids=[line for line, _ in WRONG])
def test_one_wrong_part(files, line, error):
    text, head = marked(f"radio: {{{line}}}", 4, f"radio.{error}")
    assert files.heads(GOOD + text) == [head]


def test_recordings_are_read_for_each_link(recorded):
    radio = recorded.load(GOOD + f"radio: {{{TRACE}, offset: 1 s, spread: 500 ms}}}}\n").scenario.radio
    assert radio.trace is not None and (radio.trace.offset_s, radio.trace.spread_s) == (1.0, 0.5)
    assert radio.recorded("uplink") and radio.recorded("downlink") and radio.tx_power_w == 1.0
    assert recordings(radio.trace, "uplink").of(3).mean_rate_bps == pytest.approx(4e6)
    up = recorded.load(GOOD + f"radio: {{{TRACE}, direction: up}}, downlink: {{mean_snr_db: 9}}}}\n").scenario.radio
    assert up.recorded("uplink") and not up.recorded("downlink")


def test_a_recorded_scenario_resolves_to_itself(recorded):
    resolved = recorded.load(GOOD + f"radio: {{{TRACE}}}}}\n").resolved
    assert recorded.load(json.dumps(resolved)).resolved == resolved


def test_who_records_uplinks_alone_may_broadcast(recorded):
    trace = f"radio: {{{TRACE}, direction: up}}, downlink: {{delivery: broadcast, mean_snr_db: 9}}}}\n"
    assert recorded.heads(GOOD + trace) == []
    assert recorded.heads(GOOD + f"radio: {{{TRACE}}}, downlink: {{delivery: rateless}}}}\n") == []


def test_variables_in_paths_are_filled_in(recorded, monkeypatch):
    monkeypatch.setenv("LOGS", str(recorded.folder))
    assert path_of("${LOGS}/a.log") == recorded.folder / "a.log"
    trace = recorded.load(GOOD + "radio: {trace: {format: cooked, files: ['${LOGS}/a.log']}}\n").scenario.radio.trace
    assert trace is not None and trace.files == ("${LOGS}/a.log",)


WRONG_RECORDINGS = [
    ("trace: {format: ^cookd, files: [a.log]}",
     "trace.format: 'cookd' is not one of mahimahi, ucc5g, cooked; did you mean 'cooked'?"),
    ("^trace: {format: cooked}", "trace.files: this key is missing"),
    ("trace: {format: cooked, ^files: []}", "trace.files: needs at least 1 item, got 0"),
    ("trace: {format: cooked, files: [a.log, ^gone.log]}", "trace.files[1]: gone.log: no such file; correct the path"),
    ("trace: {format: cooked, files: [^'${NOWHERE}/a.log']}", "trace.files[0]: ${NOWHERE}/a.log: "
     "the environment variable NOWHERE is not set; set it, or correct the path"),
    (TRACE + ", direction: ^upwards}", "trace.direction: 'upwards' is not one of up, down, both"),
    (TRACE + ", bin: ^100 ms}", "trace.bin: has no effect with format cooked, which takes holds"),
    (TRACE + ", at_end: refuse, offset: ^2 s, spread: 1 s}",
     "trace.offset: a client starts up to 3 s into a.log, which lasts 3 s; write at_end: loop"),
    (TRACE + "}, fading: ^rician", f"fading: {VOID}"),
    (TRACE + "}, ^rate: {model: fixed}", f"rate: {VOID}"),
    (TRACE + "}, mean_snr: ^3 dB", f"mean_snr: {VOID}"),
    (TRACE + "}, noise_figure: ^3 dB", f"noise_figure: {VOID}"),
    (TRACE + "}, bandwidth: ^3 MHz", f"bandwidth: {VOID}"),
    (TRACE + "}, snr_spread: ^3 dB", f"snr_spread: {VOID}"),
    (TRACE + "}, downlink: {path_loss: ^3 dB}", f"downlink.path_loss: {VOID}"),
    (TRACE + "}, ^jammers: [{name: j, power_w: 1}]",
     "jammers: jammers lower an SNR, and recorded uplinks have none; drop them, or drop radio.trace"),
    (TRACE + "}, downlink: {delivery: ^broadcast}", "downlink.delivery: broadcast goes at the rate of the worst SNR, "
     "and recorded downlinks have none; write delivery: unicast or rateless, or direction: up"),
    (TRACE + ", direction: ^up}", "trace.direction: a recorded uplink has no path loss that the downlink could share: "
     "give radio.downlink.mean_snr_db or path_loss_db, make it ideal, or record both directions"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "error"), WRONG_RECORDINGS, ids=[line for line, _ in WRONG_RECORDINGS])
def test_one_wrong_recording(recorded, line, error):
    text, head = marked(f"radio: {{{line}}}", 4, f"radio.{error}")
    assert recorded.heads(GOOD + text) == [head]


@pytest.mark.parametrize(("axis", "model"), [("loss", "outage"), ("sharing", "fdma")])
def test_a_model_that_needs_an_snr_is_refused_beside_recordings(recorded, axis, model):
    text, head = marked(
        f"radio: {{{TRACE}}}, {axis}: ^{model}}}", 4, f"radio.{axis}: rate recorded with {axis} {model}"
    )
    (found,) = recorded.heads(GOOD + text)
    assert found.startswith(head)


def test_a_broken_recording_names_file_and_line(recorded):
    (recorded.folder / "a.log").write_text(RATES + "three\t4\n")
    (head,) = recorded.heads(GOOD + f"radio: {{{TRACE}}}}}")
    assert head.startswith("s.yaml:4:41: radio.trace.files[0]: a.log:4: ")


def test_settings_of_clients_that_recordings_make_void(recorded):
    text = f"radio: {{{TRACE}}}}}\nclients: {{overrides: [{{client: 1, mean_snr_db: 3}}]}}\n"
    text += "data: {partition: {by: snr}}\n"
    assert [head.split(": ")[1] for head in recorded.heads(GOOD + text)] == [
        "clients.overrides[0].mean_snr_db",
        "data.partition.by",
    ]
    assert recorded.heads(GOOD + text.replace("a.log]", "a.log], direction: down")) == []


def test_recordings_that_a_fading_model_names_are_looked_for(files):
    line = "radio: {fading: {model: recorded, files: [^gone.csv]}}"
    text, head = marked(line, 4, "radio.fading.files[0]: gone.csv: no such file; correct the path")
    assert files.heads(GOOD + text) == [head]


ANALYTIC = "fidelity: ^analytic, fading: {coherence: 1 ms}"


@pytest.mark.parametrize(
    ("line", "what", "at"),
    [(", jammers: [{name: j, power_w: 1}]", "jammers that come and go", "radio.jammers"),
     (", downlink: {delivery: broadcast}", "broadcast to several", "radio.downlink.delivery")],
)  # fmt: skip
def test_closed_forms_are_about_one_link(files, line, what, at):
    text, head = marked(f"radio: {{{ANALYTIC}{line}}}\n", 4, f"radio.fidelity: closed forms of delay know no {what}; "
                        f"choose packet or fluid, or drop {at}")  # fmt: skip
    assert files.heads(GOOD + text) == [head]
    assert files.heads(GOOD + text.replace("analytic", "fluid")) == []


def test_closed_forms_are_about_a_link_that_stays(files):
    text, head = marked(f"radio: {{{ANALYTIC}}}\n", 4, "radio.fidelity: closed forms of delay know no links that "
                        "change as clients move; choose packet or fluid, or drop network")  # fmt: skip
    cells = "network: {path_loss: umi, least_distance_m: 10, cells: [{name: a}]}\n"
    assert files.heads(GOOD + text + cells) == [head]
    assert files.heads(GOOD + text) == []
    (endless,) = files.heads(GOOD + text.replace("coherence: 1 ms", "coherence_s: .inf"))
    assert endless.endswith("the closed forms of delay suppose many blocks; take fidelity fluid or packet, or a finite "
                            "coherence_s")  # fmt: skip

"""Links that replay recorded rates: finishes are the recording's own, and its end is the scenario's fault."""

from __future__ import annotations

import pytest
from radios import RadioAlone
from worlds import losing, play

from channel_models.randomness import stream
from channel_models.traces.errors import TraceEnded
from channel_models.traces.rate_trace import RateTrace
from pwffsim.exit_codes import Exit, code_of
from pwffsim.kernel.clock import ns

RATES_MBPS = (2.0, 0.0, 5.0, 1.0)
BITS = 8 * 250_000


@pytest.fixture
def recording(tmp_path):
    """Four seconds, one of them an outage."""
    path = tmp_path / "rates.txt"
    path.write_text("".join(f"{second}\t{rate}\n" for second, rate in enumerate(RATES_MBPS)))
    return path


def trace(at_end="loop"):
    return RateTrace(times_s=range(4), rates_bps=[1e6 * rate for rate in RATES_MBPS], duration_s=4.0, at_end=at_end)


def recorded(*files, clients=1, direction="up", **settings):
    names = [str(file) for file in files]
    radio = settings.pop("radio", {"packets": "fluid"})
    section = {"format": "cooked", "files": names, "direction": direction, **settings}
    return RadioAlone(clients, **{"downlink": {"ideal": True}, **radio}, trace=section)


@pytest.mark.parametrize("start_s", [0.0, 0.7, 1.5, 3.9, 1234.25])
def test_an_upload_ends_when_the_recording_has_carried_it(recording, start_s):
    message = recorded(recording).upload(0, start_s).play()[0]
    assert message.received_ns == pytest.approx(ns(float(trace().finish_s(start_s, BITS))), abs=2)
    assert message.mean_rate_bps == pytest.approx(BITS / ((message.received_ns - message.sent_ns) / 1e9), rel=1e-8)


def test_packets_carry_their_headers_over_a_recording(recording):
    message = recorded(recording, radio={**losing(0.0), "loss": "none"}).upload(0, 0.3).play()[0]
    on_air_bits = BITS + 8 * 40 * message.packets
    assert message.received_ns == pytest.approx(ns(float(trace().finish_s(0.3, on_air_bits))), abs=2)


def test_clients_replay_files_by_turns_from_the_offset_and_spread(recording, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("0\t3\n1\t3\n")
    settings = {"offset_s": 1.0, "spread_s": 2.0}
    radio = recorded(recording, other, clients=3, **settings).upload(0).upload(1).upload(2).play()
    for client in (0, 2):
        late_s = 1.0 + 2.0 * float(stream(4, "trace.start", client).random())
        assert radio[client].received_ns == pytest.approx(
            ns(float(trace().starting_at(late_s).finish_s(0.0, BITS))), abs=2
        )
    assert radio[1].received_ns == pytest.approx(ns(BITS / 3e6), abs=1)
    assert radio[0].received_ns != radio[2].received_ns


def test_a_shared_band_shares_the_recorded_rate(recording, tmp_path):
    """Two by turns on a constant recording take twice as long; one after the other, once and twice as long."""
    even = tmp_path / "even.txt"
    even.write_text("0\t4\n1\t4\n")
    once_ns = ns(BITS / 4e6)
    for sharing, ends in (("processor_sharing", [2, 2]), ("tdma", [1, 2]), ("private", [1, 1])):
        radio = recorded(even, clients=2, radio={"packets": "fluid", "sharing": sharing}).upload(0).upload(1).play()
        assert [radio[i].received_ns for i in (0, 1)] == pytest.approx([times * once_ns for times in ends], abs=4)


def test_downloads_can_be_recorded_and_uploads_not(recording):
    radio = recorded(recording, direction="down", radio={"packets": "fluid", "fading": "none", "downlink": {}})
    radio.download(0, 0.4).upload(0, 30.0).play()
    assert radio[0].received_ns == pytest.approx(ns(float(trace().finish_s(0.4, BITS))), abs=2)
    assert radio[1].mean_snr_db == pytest.approx(5.0, abs=1e-9)


def test_the_end_of_a_recording_that_is_not_looped_is_told(recording):
    """From 3.5 s on there is half a Mbit left, for an upload of two."""
    radio = recorded(recording, at_end="refuse").upload(0, 0.0)
    with pytest.raises(TraceEnded, match=r"beyond the recording, which lasts 4 s: .* at_end to 'loop'") as refused:
        radio.upload(0, 3.5).play()
    assert code_of(refused.value) is Exit.INVALID
    assert any("3.5" in note or "3500000000" in note for note in refused.value.__notes__), "when it was"


def test_a_recording_that_is_not_looped_serves_while_it_lasts(recording):
    message = recorded(recording, at_end="refuse").upload(0, 0.5).play()[0]
    assert message.received_ns == pytest.approx(ns(float(trace("refuse").finish_s(0.5, BITS))), abs=2)


@pytest.mark.parametrize("sharing", ["private", "tdma", "processor_sharing"])
def test_a_whole_world_over_recordings(recording, sharing):
    run = play(
        {
            "clients": 2,
            "stages": {"instruction": {"rounds": 2}},
            "radio": {
                **losing(0.1, 3),
                "sharing": sharing,
                "trace": {"format": "cooked", "files": [str(recording)], "spread_s": 4.0},
            },
        }
    )
    assert len(run.rounds) == 2 and run.messages.mean_snr_db.isna().all()

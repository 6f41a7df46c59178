"""Phone states, device speeds and phone network speeds: meaning, units and refusal of what is malformed."""

from __future__ import annotations

import gzip
import json
import re
from datetime import datetime
from pathlib import Path

import pytest

import channel_models.traces.files as files
from channel_models.traces import TraceError
from channel_models.traces.ai_benchmark import DeviceScore, flop_per_s, parse_score, relative_speeds, scores
from channel_models.traces.flash import FLASH_RULE, Rule, phones
from channel_models.traces.speed_distri import speeds

DAY = "2030-05-06"


@pytest.fixture
def write(tmp_path: Path):
    def put(document: object, packed: bool = False) -> Path:
        path = tmp_path / "document.json"
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        path.write_bytes(gzip.compress(data) if packed else data)
        return path

    return put


def log_of(*events: tuple[int, str]) -> dict[str, dict[str, str]]:
    """One phone with events at seconds after noon."""
    lines = [f"{DAY} 12:{second // 60:02d}:{second % 60:02d} \t{event}" for second, event in events]
    return {"a": {"guid": "a", "messages": "\n".join(lines), "model": "M1"}}


def refuses(path: Path, place: str, reader=phones, *arguments) -> None:
    with pytest.raises(TraceError, match=re.escape(str(path)) + "(:[0-9]+)?: .*" + re.escape(place) + ".*; .+"):
        reader(path, *arguments)


# --- FLASH ---


def test_a_phone_is_available_while_the_rule_holds(write) -> None:
    document = log_of(
        (0, "screen_off"),
        (10, "battery_charged_on"),
        (20, "wifi"),
        (50, "screen_on"),
        (60, "screen_off"),
        (90, "4G"),
        (100, "80.0%"),
    )
    (phone,) = phones(write(document, packed=True))
    assert (phone.name, phone.model, phone.started) == ("a", "M1", datetime(2030, 5, 6, 12))
    assert phone.duration_s == 100.0
    # Charging from 10 s, on Wi-Fi from 20 s to 90 s, screen on from 50 s to 60 s.
    assert phone.available(Rule()).tolist() == [[20, 50], [60, 90]]
    assert phone.availability(Rule()) == 0.6
    assert phone.available(Rule(screen_on=None)).tolist() == [[20, 90]]
    assert phone.available(Rule(screen_on=None, networks=None)).tolist() == [[10, 100]]
    assert phone.available(Rule(networks=("4g", "wifi"))).tolist() == [[20, 50], [60, 100]]
    assert phone.networks() == ((20.0, 90.0, "wifi"), (90.0, 100.0, "4g"))
    assert [row.tolist() for row in phone.battery()] == [[100.0], [80.0]]


def test_a_state_that_is_not_known_never_fits(write) -> None:
    (phone,) = phones(write(log_of((0, "wifi"), (5, "battery_charged_on"), (10, "screen_on"), (20, "wifi"))))
    assert phone.available(Rule(charging=False, screen_on=None)).tolist() == []
    assert phone.available(Rule(charging=None, screen_on=False)).tolist() == []
    assert phone.available(Rule(charging=None, screen_on=None, locked=False)).tolist() == []
    assert phone.available(Rule(screen_on=None)).tolist() == [[5, 20]]


def test_the_last_stretch_of_a_log_counts(write) -> None:
    # A phone that is ready when its log ends was ready until then; it does not vanish for want of an end event.
    (phone,) = phones(write(log_of((0, "screen_lock"), (0, "wifi"), (30, "battery_charged_on"), (90, "5.0%"))))
    assert phone.available(FLASH_RULE).tolist() == [[30, 90]]


def test_events_of_one_second_count_together(write) -> None:
    (phone,) = phones(write(log_of((0, "wifi"), (7, "4G"), (7, "wifi"), (9, "3G"), (9, "4G"), (20, "4G"))))
    assert phone.networks() == ((0.0, 9.0, "wifi"), (9.0, 20.0, "4g"))
    (instant,) = phones(write(log_of((0, "wifi"), (0, "4G"))))
    assert instant.networks() == ()
    assert instant.availability(Rule()) == 0.0


def test_battery_levels_bound_a_rule(write) -> None:
    events = [(second, f"{level}%") for second, level in ((0, 90.0), (10, 50.0), (20, 49.5), (30, 60.0), (40, 60.0))]
    (phone,) = phones(write(log_of(*events)))
    rule = Rule(charging=None, networks=None, screen_on=None, least_battery_percent=50.0)
    assert phone.available(rule).tolist() == [[0, 20], [30, 40]]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"networks": ("wifi", "6g")}, "networks must be of wifi, 2g, 3g, 4g, 5g, unknown, got 6g"),
        ({"least_battery_percent": 101.0}, "least_battery_percent must be at most 100"),
        ({"least_battery_percent": -1.0}, "least_battery_percent must be a finite number of at least 0"),
    ],
)
def test_impossible_rules(rule: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rule(**rule)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (log_of((0, "wifi"), (1, "bluetooth")), "phone 'a', line 2 of its messages: unknown event 'bluetooth'"),
        (log_of((0, "wifi"), (1, "nan%")), "phone 'a', line 2 of its messages: the battery level"),
        (log_of((0, "wifi"), (1, "101%")), "phone 'a', line 2 of its messages: the battery level"),
        (log_of((0, "wifi"), (1, "-1%")), "phone 'a', line 2 of its messages: the battery level"),
        (log_of((9, "wifi"), (1, "4G")), "phone 'a', event 2 lies before the one above it"),
        ({"a": {"guid": "a", "messages": "now\twifi", "model": "M"}}, "phone 'a', line 1 of its messages: a line"),
        ({"a": {"guid": "a", "messages": "\n", "model": "M"}}, "phone 'a' has no event"),
        ({"a": {"guid": "a", "messages": 7, "model": "M"}}, "phone 'a' has no messages and model"),
        ({"a": []}, "phone 'a' has no messages and model"),
        ([], "not an object of phones"),
        ({}, "not an object of phones"),
        (b"\xff\xfe\xff", "not JSON text"),
        (b"[" * 100_000, "not JSON text (RecursionError)"),
        (b"[NaN]", "the number NaN in JSON"),
        (b"[" + b"1" * 10_000 + b"]", "not JSON text"),
        (b"", "broken JSON"),
        (gzip.compress(b"{}")[:-3], "broken gzip"),
    ],
)  # fmt: skip
def test_malformed_phones(write, document: object, place: str) -> None:
    refuses(write(document), place)


def test_broken_json_is_named_by_line(write) -> None:
    path = write(b'{\n"a": 1,\n"b": x}')
    with pytest.raises(TraceError, match=re.escape(f"{path}:3: broken JSON")):
        phones(path)


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 10_000)
    bomb = write(b'"' + b"a" * 1_000_000 + b'"', packed=True)
    assert bomb.stat().st_size < files.MAX_BYTES
    refuses(bomb, "more than 10000 bytes of JSON")


# --- AI Benchmark ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 76206 1,6", (76206, (1, 6))),
        (" 3592 ", (3592, ())),
        ("24144 1", (24144, (1,))),
    ],
)
def test_a_score_as_scraped_is_points_and_footnotes(text: str, expected: tuple) -> None:
    assert parse_score(text) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "0 1", "-5", "76206,16", "76 206 1", "7.5", "nan", "1e5", "\u0665", "9" * 13]
)
def test_other_scores_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="AI_Score must read like"):
        parse_score(text)


DEVICES = (
    DeviceScore("A", 4000, (1,)),
    DeviceScore("B", 1000, ()),
    DeviceScore("C", 500, ()),
    DeviceScore("A", 2000, ()),
)


def test_speeds_are_relative_to_the_median_or_a_reference() -> None:
    assert relative_speeds(DEVICES) == {"A": 2.0, "B": 1.0, "C": 0.5}
    assert relative_speeds(DEVICES, reference="C") == {"A": 4.0, "B": 2.0, "C": 1.0}
    with pytest.raises(ValueError, match="reference must be a listed model, got 'D'"):
        relative_speeds(DEVICES, reference="D")
    with pytest.raises(ValueError, match="1 models are listed again"):
        relative_speeds(DEVICES, repeated="refuse")
    with pytest.raises(ValueError, match="repeated must be one of last, refuse"):
        relative_speeds(DEVICES, repeated="first")
    with pytest.raises(ValueError, match="at least one device"):
        relative_speeds(())


def test_operations_a_second_need_a_calibration() -> None:
    # A device of 1000 points that was measured at 2 GFLOP/s: 2e6 operations a second and point.
    assert flop_per_s(DEVICES, 2e6) == {"A": 4e9, "B": 2e9, "C": 1e9}
    with pytest.raises(ValueError, match="flop_per_s_per_point"):
        flop_per_s(DEVICES, 0.0)
    with pytest.raises(TypeError):
        flop_per_s(DEVICES)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (
            [{"Model": "A", "AI_Score": "5"}, {"Model": "B", "AI_Score": "fast"}],
            "entry 2 ('B'): AI_Score must read like",
        ),
        ([{"Model": "A", "AI_Score": 5}], "entry 1 has no Model and AI_Score"),
        ([{"AI_Score": "5"}], "entry 1 has no Model"),
        (["A"], "entry 1 has no Model"),
        ([], "not a list of devices"),
        ({"A": "5"}, "not a list of devices"),
    ],
)
def test_malformed_rankings(write, document: object, place: str) -> None:
    refuses(write(document), place, scores)


def test_a_ranking_keeps_order_and_repeats(write) -> None:
    rows = [{"Model": " B ", "AI_Score": " 7 2"}, {"Model": "A", "AI_Score": "9"}, {"Model": "B", "AI_Score": "8"}]
    assert scores(write(rows)) == (DeviceScore("B", 7, (2,)), DeviceScore("A", 9, ()), DeviceScore("B", 8, ()))


# --- speeds of phones ---

SPEED = {"p": {"down_u": 125.0, "down_sigma": 10.0, "up_u": 50.0, "up_sigma": 0.0}}


@pytest.mark.parametrize(
    ("unit", "bits"),
    [("kbit/s", 1000), ("Kibit/s", 1024), ("kB/s", 8000), ("KiB/s", 8192)],
)
def test_the_unit_of_speeds_is_said_by_the_caller(write, unit: str, bits: int) -> None:
    (speed,) = speeds(write(SPEED), unit)
    assert (speed.phone, speed.downlink_mean_bps, speed.downlink_std_bps) == ("p", 125.0 * bits, 10.0 * bits)
    assert (speed.uplink_mean_bps, speed.uplink_std_bps) == (50.0 * bits, 0.0)


def test_a_megabit_at_125_kilobytes_a_second_takes_a_second(write) -> None:
    assert 1e6 / speeds(write(SPEED), "kB/s")[0].downlink_mean_bps == 1.0


def test_no_unit_is_assumed(write) -> None:
    path = write(SPEED)
    with pytest.raises(TypeError):
        speeds(path)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="unit must be one of kbit/s, Kibit/s, kB/s, KiB/s: the file does not say"):
        speeds(path, "kb/s")


@pytest.mark.parametrize("value", [-1.0, None, "125", True, 0.0, 10**400, [1]])
def test_malformed_speeds(write, value: object) -> None:
    refuses(write({"p": {**SPEED["p"], "down_u": value}}), "phone 'p': down_u", speeds, "kB/s")


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "not an object of phones"),
        ({"p": 3}, "phone 'p' is not an object"),
        ({"p": {}}, "phone 'p': down_u"),
        (b'{"p": {"down_u": 1e999}}', "phone 'p': down_u"),
    ],
)
def test_malformed_speed_files(write, document: object, place: str) -> None:
    refuses(write(document), place, speeds, "kB/s")

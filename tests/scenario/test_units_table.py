"""Quantities: what a unit is worth, and what is no quantity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.scenario.units import DIMENSIONS, Refused, accept_quantities, parse_quantity

FIELDS = (
    "bandwidth_hz",
    "coherence_s",
    "tx_power_w",
    "mean_snr_db",
    "payload_bytes",
    "memory_mb",
    "local_steps",
    "name",
)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("bandwidth_hz", "20 MHz", 20_000_000),
        ("bandwidth_hz", "20MHz", 20_000_000),
        ("bandwidth_hz", " 1.4e3 kHz ", 1_400_000),
        ("bandwidth_hz", "3.5 GHz", 3_500_000_000),
        ("bandwidth_hz", "50 Hz", 50),
        ("coherence_s", "200 ms", 0.2),
        ("coherence_s", "50 us", 5e-5),
        ("coherence_s", "50 \u00b5s", 5e-5),
        ("coherence_s", "50 \u03bcs", 5e-5),
        ("coherence_s", "7 ns", 7e-9),
        ("coherence_s", "2 min", 120),
        ("coherence_s", "1.5 h", 5400),
        ("tx_power_w", "100 mW", 0.1),
        ("tx_power_w", "2 kW", 2000),
        ("tx_power_w", "30 dBm", 1),
        ("tx_power_w", "23 dBm", 0.19952623149688797),
        ("tx_power_w", "-10 dBW", 0.1),
        ("mean_snr_db", "-3.5 dB", -3.5),
        ("payload_bytes", "16 kB", 16_000),
        ("payload_bytes", "1.5 kB", 1500),
        ("payload_bytes", "1 KiB", 1024),
        ("payload_bytes", "12 bytes", 12),
        ("memory_mb", "4 GB", 4000),
        ("memory_mb", "1 MiB", 1.048576),
        ("memory_mb", "512 MB", 512),
    ],
)
def test_a_quantity_is_worth_what_its_unit_says(key, text, value):
    stem = key.rpartition("_")[0]
    for written in (key, stem):
        found = accept_quantities(FIELDS, {written: text})
        assert found == {key: value}
        assert type(found[key]) is type(value)


@pytest.mark.parametrize(
    ("given_", "message", "key"),
    [
        ({"bandwidth": 20}, "20 has no unit: write 'bandwidth_hz: 20' or 'bandwidth: 20 Hz'", "bandwidth"),
        ({"memory": 4.5}, "4.5 has no unit: write 'memory_mb: 4.5' or 'memory: 4.5 MB'", "memory"),
        ({"bandwidth": "20"}, "'20' has no unit: write one, such as '20 MHz'", "bandwidth"),
        ({"bandwidth_hz": "2e7"}, "'2e7' has no unit: write one, such as '20 MHz'", "bandwidth_hz"),
        ({"bandwidth": "wide"}, "'wide' is not a number with a unit such as '20 MHz'", "bandwidth"),
        (
            {"bandwidth": "20 ms"},
            "'ms' in '20 ms' is a unit of time; units of frequency here are Hz, kHz, MHz, GHz, THz",
            "bandwidth",
        ),
        (
            {"bandwidth": "20 mhz"},
            "'mhz' in '20 mhz' is not a unit; units of frequency here are Hz, kHz, MHz, GHz, THz; did you mean 'MHz'?",
            "bandwidth",
        ),
        ({"mean_snr": "5 dBm"}, "'dBm' in '5 dBm' is a unit of power; units of level here are dB", "mean_snr"),
        (
            {"payload": "12 kbit"},
            "'kbit' in '12 kbit' is a unit of data in bits; units of data in bytes here are "
            "B, kB, MB, GB, TB, byte, bytes, KiB, MiB, GiB, TiB",
            "payload",
        ),
        ({"bandwidth": "1e999999999 Hz"}, "'1e999999999 Hz' is beyond all measure", "bandwidth"),
        ({"tx_power": "99999 dBm"}, "'99999 dBm' is beyond all measure", "tx_power"),
        (
            {"bandwidth": "1 MHz", "bandwidth_hz": 1e6},
            "given twice, as 'bandwidth' and as 'bandwidth_hz'; drop one",
            "bandwidth",
        ),
        (
            {"bandwidth_hz": 1e6, "bandwidth": "1 MHz"},
            "given twice, as 'bandwidth' and as 'bandwidth_hz'; drop one",
            "bandwidth",
        ),
    ],
)
def test_what_is_no_quantity_is_refused_in_words(given_, message, key):
    (found,) = accept_quantities(FIELDS, given_).values()
    assert found == Refused(message, key)


def test_one_bad_quantity_leaves_the_others_alone():
    found = accept_quantities(FIELDS, {"bandwidth": 3, "coherence": "5 ms", "local_steps": 4, "other": 1})
    assert isinstance(found.pop("bandwidth_hz"), Refused)
    assert found == {"coherence_s": 0.005, "local_steps": 4, "other": 1}


def test_numbers_under_the_dimensioned_key_and_other_values_pass():
    data = {"bandwidth_hz": 2e7, "coherence_s": None, "name": "20 MHz"}
    assert accept_quantities(FIELDS, data) == data
    assert accept_quantities(FIELDS, [1]) == [1]


@given(st.sampled_from(sorted(DIMENSIONS)), st.integers(-(10**6), 10**6), st.data())
def test_a_unit_is_a_pure_factor_unless_it_is_logarithmic(suffix, number, data):
    dimension = DIMENSIONS[suffix]
    unit = data.draw(st.sampled_from(sorted(dimension.factors)))
    assert parse_quantity(f"{number} {unit}", suffix) == number * dimension.factors[unit]
    assert parse_quantity(f"{number} {unit}", suffix) == number * parse_quantity(f"1{unit}", suffix)

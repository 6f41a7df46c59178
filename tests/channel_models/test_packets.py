from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.transfer.packets import Fluid, Packetisation

payloads = st.integers(0, 10_000_000)
schemes = st.builds(Packetisation, st.integers(1, 9000), st.integers(0, 100))


@pytest.mark.parametrize(
    ("payload_bytes", "at_1500", "at_1472", "at_1460"),
    [
        (2_324_000, 1550, 1579, 1592),
        (1_162_000, 775, 790, 796),
        (21_200_000, 14134, 14403, 14521),
        (10_600_000, 7067, 7202, 7261),
        (5_300_000, 3534, 3601, 3631),
    ],
)
def test_packet_counts_golden(payload_bytes: int, at_1500: int, at_1472: int, at_1460: int) -> None:
    counts = [Packetisation(size).count(payload_bytes) for size in (1500, 1472, 1460)]
    assert counts == [at_1500, at_1472, at_1460]


@settings(deadline=None)
@given(scheme=schemes, payload_bytes=payloads)
def test_every_payload_byte_and_header_is_on_the_air(scheme: Packetisation, payload_bytes: int) -> None:
    sizes = scheme.sizes_bits(payload_bytes)
    assert sizes.dtype == np.int64
    assert sizes.size == scheme.count(payload_bytes)
    assert sizes.sum() == 8 * (payload_bytes + scheme.header_bytes * sizes.size)
    assert np.all(sizes[:-1] == 8 * (scheme.payload_bytes + scheme.header_bytes))
    if sizes.size:
        assert 8 * (1 + scheme.header_bytes) <= sizes[-1] <= 8 * (scheme.payload_bytes + scheme.header_bytes)


@settings(deadline=None)
@given(data=st.data(), scheme=schemes, payload_bytes=st.integers(1, 200_000))
def test_ranges_cover_lost_packets_and_nothing_else(data, scheme: Packetisation, payload_bytes: int) -> None:
    count = scheme.count(payload_bytes)
    lost = data.draw(st.lists(st.integers(0, count - 1), max_size=40, unique=True))
    ranges = scheme.byte_ranges(np.array(lost, dtype=np.int64), payload_bytes)
    missing = {byte for k in lost for byte in _payload_of(scheme, k, payload_bytes)}
    assert {byte for start, stop in ranges for byte in range(start, stop)} == missing
    assert all(left[1] < right[0] for left, right in pairwise(ranges))


def _payload_of(scheme: Packetisation, packet: int, payload_bytes: int) -> range:
    return range(packet * scheme.payload_bytes, min((packet + 1) * scheme.payload_bytes, payload_bytes))


def test_ranges_merge_neighbours_and_stop_at_the_end() -> None:
    lost = np.array([0, 1, 3, 5, 6], dtype=np.int64)
    assert Packetisation(10).byte_ranges(lost, 65) == [(0, 20), (30, 40), (50, 65)]
    assert Packetisation(10).byte_ranges(np.empty(0, dtype=np.int64), 65) == []


@pytest.mark.parametrize("lost", [[-1], [7], [0, 7]])
def test_packets_that_do_not_exist_are_refused(lost: list[int]) -> None:
    with pytest.raises(ValueError, match=r"packet numbers must lie in 0 \.\. 6"):
        Packetisation(10).byte_ranges(np.array(lost, dtype=np.int64), 65)


def test_fluid_is_the_bare_payload() -> None:
    assert Fluid().sizes_bits(2_323_872).tolist() == [18_590_976]
    assert Fluid().sizes_bits(0).size == Fluid().count(0) == 0
    assert Fluid().byte_ranges(np.empty(0, dtype=np.int64), 100) == []
    with pytest.raises(ValueError, match="no packets"):
        Fluid().byte_ranges(np.array([0]), 100)


@pytest.mark.parametrize("payload", [-1, 1.5, True])
@pytest.mark.parametrize("scheme", [Packetisation(), Fluid()])
def test_payload_is_a_whole_number_of_bytes(scheme, payload) -> None:
    with pytest.raises(ValueError, match="total_bytes must be an integer of at least 0"):
        scheme.sizes_bits(payload)


@pytest.mark.parametrize(("payload", "header"), [(0, 40), (-5, 40), (1460, -1), (1460.0, 40)])
def test_impossible_packets_are_refused(payload, header) -> None:
    with pytest.raises(ValueError, match="must be an integer of at least"):
        Packetisation(payload, header)

"""Packed columns: what is written can be read again, and wrong input is refused."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.columns import Column, Packed, pack, rounded, zigzag

WHOLE = st.integers(-(2**51), 2**51)
HIGHEST_BYTE = 255


def read(packed: Packed) -> dict[str, dict[str, np.ndarray]]:
    """An independent reader, as assets/columns.js is."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(packed.payload)), dtype=np.uint8)
    tables: dict[str, dict[str, np.ndarray]] = {}
    at = 0
    for table, entry in packed.directory.items():
        tables[table] = {}
        for column, coding, width in entry["columns"]:
            planes = data[at : at + entry["rows"] * width].reshape(width, entry["rows"])
            tables[table][column] = decoded(planes, coding)
            at += planes.size
    assert at == len(data)
    return tables


def decoded(planes: np.ndarray, coding: str) -> np.ndarray:
    """The values of one column."""
    if coding == "float":
        return np.ascontiguousarray(planes.T).view("<f4").reshape(-1)
    if coding == "code":
        return planes[0]
    coded = sum(int(1 << 8 * place) * plane.astype(object) for place, plane in enumerate(planes))
    signed = np.array([-(value + 1) // 2 if value % 2 else value // 2 for value in coded], dtype=object)
    return np.cumsum(signed) if coding == "delta" else signed


@given(st.lists(st.tuples(WHOLE, st.integers(0, HIGHEST_BYTE), st.floats(width=32)), max_size=60))
def test_every_coding_gives_back_its_values(rows: list[tuple[int, int, float]]) -> None:
    whole, codes, floats = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    columns = {
        "i": Column(np.array(whole, dtype=np.int64), "integer"),
        "d": Column(np.array(whole, dtype=np.int64), "delta"),
        "c": Column(codes, "code"),
        "f": Column(floats, "float"),
    }
    back = read(pack({"one": columns, "two": {"d": Column([3, 2, 1], "delta")}}))
    assert back["one"]["i"].tolist() == whole
    assert back["one"]["d"].tolist() == whole
    assert back["one"]["c"].tolist() == codes
    assert np.array_equal(back["one"]["f"], np.array(floats, dtype=np.float32), equal_nan=True)
    assert back["two"]["d"].tolist() == [3, 2, 1]


def test_zigzag_interleaves_signs() -> None:
    assert zigzag(np.array([0, -1, 1, -2, 2], dtype=np.int64)).tolist() == [0, 1, 2, 3, 4]


@given(st.floats(1e-30, 1e30), st.integers(6, 22))
def test_rounded_floats_stay_within_half_a_step(value: float, bits: int) -> None:
    exact = np.array([value], dtype=np.float32)
    kept = rounded(exact, bits)
    assert abs(float(kept[0]) - float(exact[0])) <= float(exact[0]) * 2.0 ** -(bits + 1)
    assert int(kept.view(np.uint32)[0]) % 2 ** (23 - bits) == 0


def test_nan_and_infinities_survive_rounding() -> None:
    odd = np.array([np.nan, np.inf, -np.inf], dtype=np.float32)
    assert np.array_equal(rounded(odd, 8), odd, equal_nan=True)


@pytest.mark.parametrize("value", [-1, 256])
def test_a_code_outside_a_byte_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match=r"code column holds 0\.\.255"):
        pack({"t": {"c": Column([0, value], "code")}})


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="table 't' differ in length"):
        pack({"t": {"a": Column([1]), "b": Column([1, 2])}})


def test_constant_columns_cost_next_to_nothing() -> None:
    packed = pack({"t": {"a": Column(np.full(100_000, 7)), "b": Column(np.arange(100_000), "delta")}})
    assert len(packed.payload) < 1_000

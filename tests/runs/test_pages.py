"""Records that come in pages give the tables and the fingerprint of records that come one by one."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from lawful_run import RECORDS, remember

from pwffsim.runs.errors import RecordInvalid
from pwffsim.runs.page import Page, Words
from pwffsim.runs.pages import PageRecorder
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.runs.records import Aggregation, Message, Metric, Span, UpdateFate

TABLES = {Span: "spans", Message: "messages", UpdateFate: "updates"}
TOLD = [record for record in RECORDS if not isinstance(record, Metric)]


def page(recorder, kind, rows, vocabulary):
    names = [field.name for field in fields(kind) if field.name != "tensors"]
    columns = {name: column([getattr(record, name) for _, record in rows], vocabulary) for name in names}
    if kind is Message:
        columns["payload"] = Words(
            vocabulary, np.array([vocabulary.index(recorder.payload(r.tensors)) for _, r in rows])
        )
    return Page(TABLES[kind], np.array([place for place, _ in rows]), columns)


def column(values, vocabulary):
    if isinstance(values[0], str):
        return Words(vocabulary, np.array([vocabulary.index(value) for value in values]))
    return np.array(values)


def words(recorder):
    found = {getattr(r, f.name) for r in TOLD for f in fields(r) if isinstance(getattr(r, f.name), str)}
    return sorted(map(str, found)) + sorted({recorder.payload(r.tensors) for r in TOLD if isinstance(r, Message)})


@pytest.fixture
def in_pages():
    recorder = PageRecorder()
    vocabulary, placed = words(recorder), list(enumerate(TOLD))
    for kind in TABLES:
        rows = [(place, record) for place, record in placed if type(record) is kind]
        recorder.write(page(recorder, kind, rows[::2], vocabulary))
        recorder.write(page(recorder, kind, rows[1::2], vocabulary))
    for place, record in reversed(placed):
        if isinstance(record, Aggregation):
            recorder.record("rounds", place, record)
    return recorder.close()


def test_tables_and_fingerprint_are_those_of_single_records(in_pages):
    one_by_one = MemoryRecorder()
    takes = {
        Span: one_by_one.span,
        Message: one_by_one.message,
        UpdateFate: one_by_one.fate,
        Aggregation: one_by_one.aggregation,
    }
    for record in TOLD:
        takes[type(record)](record)
    assert in_pages.network_fingerprint() == one_by_one.fingerprints["network"]
    told, expected = in_pages.run({}, {}), remember(TOLD)
    for table in ("spans", "messages", "rounds", "updates", "metrics"):
        pd.testing.assert_frame_equal(getattr(told, table), getattr(expected, table))
    assert told.payloads == expected.payloads


def test_a_page_must_have_the_columns_of_its_table():
    with pytest.raises(RecordInvalid, match="a page of updates"):
        PageRecorder().write(Page("updates", np.arange(2), {"update": np.arange(2)}))

"""The recorder: what goes in comes out, in parts, and what a table cannot hold does not go in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lawful_run import RECORDS, remember, write

from pwffsim.runs.errors import RecordInvalid, RunExists
from pwffsim.runs.load import load
from pwffsim.runs.recorder import MemoryRecorder, Recorder
from pwffsim.runs.records import Aggregation, Direction, Fate, Message, Metric, Span, SpanKind, UpdateFate
from pwffsim.runs.sources import MANIFEST
from pwffsim.runs.tables import TABLES

SPAN = Span("client-00", SpanKind.COMPUTE, 5, 10, "reward", 3, 2, 1, 7, 9, "é <b>")
MESSAGE = next(record for record in RECORDS if isinstance(record, Message))
METRIC = Metric(1, "server", "reward", 1, "loss", 0.1 + 0.2)
ROUND = Aggregation(9, "reward", 1, 2, (3, 4), ("client-00", "client-01"), (1 / 3, 2 / 3), (0, 5), "abc")
FATE = UpdateFate(3, "client-00", "reward", 1, 0, Fate.LATE)


def recorded(directory: Path, records, **settings):
    (directory / MANIFEST).write_text('{"schema_version": 2, "status": "running"}')
    recorder = Recorder(directory, **settings)
    write(recorder, records)
    recorder.close()
    return load(directory)


@pytest.mark.parametrize("rows_a_part", [1, 7, 65_536])
def test_all_records_come_back_as_they_were(tmp_path, rows_a_part):
    run = recorded(tmp_path, RECORDS, rows_a_part=rows_a_part)
    for name, record_type in TABLES.items():
        frame = getattr(run, name)
        mine = [record for record in RECORDS if isinstance(record, record_type)]
        assert len(frame) == len(mine) > 0
        for field in fields(record_type):
            if field.name != "tensors":
                expected = [getattr(record, field.name) for record in mine]
                found = [tuple(value) if isinstance(value, np.ndarray) else value for value in frame[field.name]]
                assert found == expected, (name, field.name)
    sent = [run.payloads[digest] for digest in run.messages.payload]
    assert sent == [record.tensors for record in RECORDS if isinstance(record, Message)]


def test_memory_and_disk_give_the_same_frames(tmp_path):
    disk, memory = recorded(tmp_path, RECORDS, rows_a_part=5), remember(RECORDS)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(disk, name), getattr(memory, name))
    assert disk.payloads == memory.payloads
    assert disk.summary == memory.summary


def test_seconds_and_joules_stand_beside_the_integers():
    run = remember([SPAN])
    assert run.spans.duration_s.tolist() == [10e-9]
    assert run.spans.start_s.tolist() == [5e-9]
    assert run.spans.energy_j.tolist() == [7e-9]
    assert run.spans.duration_ns.dtype == run.spans.energy_nj.dtype == np.int64


def test_tables_without_rows_have_their_columns():
    run = remember([])
    assert {"start_ns", "start_s", "kind"} <= set(run.spans.columns)
    assert {"weights", "time_s"} <= set(run.rounds.columns)
    assert [len(getattr(run, name)) for name in TABLES] == [0] * 5


def test_a_part_is_written_when_its_rows_are_full_and_on_flush(tmp_path):
    recorder = Recorder(tmp_path, rows_a_part=3)
    for index in range(7):
        recorder.span(replace(SPAN, start_ns=index))
    names = lambda: sorted(path.name for path in (tmp_path / "spans").iterdir())  # noqa: E731
    assert names() == ["part-000000.parquet", "part-000001.parquet"]
    recorder.flush()
    recorder.flush()
    assert names() == ["part-000000.parquet", "part-000001.parquet", "part-000002.parquet"]
    assert pd.read_parquet(tmp_path / "spans").start_ns.tolist() == list(range(7))
    assert not (tmp_path / "metrics").exists()


def test_payloads_are_stored_once(tmp_path):
    other = replace(MESSAGE, tensors=(("b", 1),))
    run = recorded(tmp_path, [MESSAGE, other, MESSAGE, MESSAGE], rows_a_part=1)
    assert len(run.payloads) == 2
    assert run.messages.payload.nunique() == 2


def test_records_are_never_added_to_a_directory_that_has_some(tmp_path):
    recorded(tmp_path, [SPAN])
    with pytest.raises(RunExists, match="already holds records"):
        Recorder(tmp_path)


def test_a_closed_recorder_takes_nothing(tmp_path):
    recorder = Recorder(tmp_path)
    recorder.close()
    recorder.close()
    with pytest.raises(RecordInvalid, match="closed"):
        recorder.span(SPAN)


@pytest.mark.parametrize(
    "record",
    [
        replace(SPAN, kind="uplod"),
        replace(SPAN, start_ns=1.0),
        replace(SPAN, energy_nj=2**63),
        replace(SPAN, actor=None),
        replace(SPAN, note=3),
        replace(SPAN, update="7"),
        replace(FATE, fate="gone"),
        replace(MESSAGE, direction="sideways"),
        replace(MESSAGE, complete=2),
        replace(MESSAGE, mean_snr_db="5"),
        replace(MESSAGE, tensors=(("a", -1),)),
        replace(MESSAGE, tensors=(("a", 1.5),)),
        replace(ROUND, updates=(1.5,)),
        replace(ROUND, clients="client-00"),
        replace(ROUND, weights=("1",)),
        replace(ROUND, clients=(3,)),
        replace(METRIC, value=None),
        replace(METRIC, time_ns=1.5),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_trace(record):
    recorder, witness = MemoryRecorder(), MemoryRecorder()
    kind = type(record)
    good = {Span: SPAN, Message: MESSAGE, Metric: METRIC, Aggregation: ROUND, UpdateFate: FATE}[kind]
    write(recorder, [good])
    with pytest.raises(RecordInvalid):
        write(recorder, [record])
    write(recorder, [good])
    write(witness, [good, good])
    assert recorder.fingerprints == witness.fingerprints
    assert recorder.counts == witness.counts
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(recorder.run(), name), getattr(witness.run(), name))


def test_numpy_numbers_are_numbers():
    plain, numpy = MemoryRecorder(), MemoryRecorder()
    write(plain, [SPAN, ROUND, METRIC])
    write(
        numpy,
        [
            replace(SPAN, start_ns=np.int64(5), duration_ns=np.int32(10)),
            replace(ROUND, updates=tuple(np.array([3, 4])), weights=tuple(np.array([1 / 3, 2 / 3])), staleness=[0, 5]),
            replace(METRIC, value=np.float64(0.1 + 0.2)),
        ],
    )
    assert numpy.fingerprints == plain.fingerprints


def test_values_that_are_not_finite_are_kept(tmp_path):
    run = recorded(tmp_path, [replace(METRIC, value=value) for value in (float("nan"), float("inf"), -0.0)])
    assert np.isnan(run.metrics.value[0])
    assert run.metrics.value[1] == np.inf
    assert np.signbit(run.metrics.value[2])


def prints(*records):
    recorder = MemoryRecorder()
    write(recorder, records)
    return recorder.fingerprints


def test_fingerprints_do_not_depend_on_where_and_in_what_parts_records_are_kept(tmp_path):
    recorder = Recorder(tmp_path, rows_a_part=2)
    write(recorder, RECORDS)
    assert recorder.fingerprints == prints(*RECORDS)


@pytest.mark.parametrize(
    ("one", "other", "network"),
    [
        (SPAN, replace(SPAN, duration_ns=11), True),
        (SPAN, replace(SPAN, actor="client-01"), True),
        (SPAN, replace(SPAN, kind=SpanKind.IDLE), True),
        (SPAN, replace(SPAN, note="x"), False),
        (MESSAGE, replace(MESSAGE, transmissions=9), True),
        (MESSAGE, replace(MESSAGE, complete=False), True),
        (MESSAGE, replace(MESSAGE, direction=Direction.UP), True),
        (MESSAGE, replace(MESSAGE, mean_snr_db=5.000001), False),
        (MESSAGE, replace(MESSAGE, tensors=()), False),
        (ROUND, replace(ROUND, staleness=(0, 4)), True),
        (ROUND, replace(ROUND, clients=("client-00", "client-02")), True),
        (ROUND, replace(ROUND, digest="abd"), False),
        (ROUND, replace(ROUND, weights=(2 / 3, 1 / 3)), False),
        (METRIC, replace(METRIC, value=0.3), False),
        (METRIC, replace(METRIC, value=float("nan")), False),
        (FATE, replace(FATE, fate=Fate.LOST), True),
    ],
)
def test_what_each_fingerprint_sees(one, other, network):
    """The network print sees times, bytes, joules and decisions; the full print also what was learnt."""
    assert prints(one) == prints(one)
    assert (prints(one)["network"] != prints(other)["network"]) is network
    assert prints(one)["full"] != prints(other)["full"]


def test_order_matters_and_metrics_are_no_part_of_the_network():
    assert prints(SPAN, FATE)["network"] != prints(FATE, SPAN)["network"]
    assert prints(SPAN, METRIC)["network"] == prints(SPAN)["network"]
    assert prints(SPAN, METRIC)["full"] != prints(METRIC, SPAN)["full"]


def test_fingerprints_are_the_same_in_every_process():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from lawful_run import RECORDS, write;"
        "from pwffsim.runs.recorder import MemoryRecorder as M; r = M(); write(r, RECORDS); print(r.fingerprints)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert outputs == {f"{prints(*RECORDS)}\n"}


WRITER = """
import sys
from pathlib import Path
from pwffsim.runs.recorder import Recorder
from pwffsim.runs.records import Span, SpanKind
recorder = Recorder(Path(sys.argv[1]), rows_a_part=50)
for index in range(10**9):
    recorder.span(Span("client-00", SpanKind.COMPUTE, index, 1, "instruction", 1))
    if index % 50 == 49:
        print(index + 1, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 5, 23])
def test_a_process_killed_while_it_writes_loses_only_what_was_not_flushed(tmp_path, lines):
    (tmp_path / MANIFEST).write_text('{"schema_version": 2, "status": "running"}')
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(lines):
            flushed = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    starts = load(tmp_path).spans.start_ns.tolist()
    assert len(starts) >= flushed == 50 * lines
    assert len(starts) % 50 == 0
    assert starts == list(range(len(starts)))


def test_any_write_that_fails_leaves_whole_parts_and_can_be_tried_again(tmp_path, monkeypatch):
    """Fail the k-th sync or rename, for every k: what is on disk is whole, and a second flush completes it."""
    whole = remember(RECORDS)
    for kth in range(1, 30):
        directory = tmp_path / str(kth)
        directory.mkdir()
        (directory / MANIFEST).write_text('{"schema_version": 2, "status": "running"}')
        recorder = Recorder(directory)
        write(recorder, RECORDS)
        with monkeypatch.context() as patch:
            failed = fail_on_call(patch, kth)
            if not failed(recorder.flush):
                break
            assert not list(directory.rglob("*.tmp"))
            part = load(directory)
            assert all(len(getattr(part, name)) in (0, len(getattr(whole, name))) for name in TABLES)
        recorder.close()
        pd.testing.assert_frame_equal(load(directory).messages, whole.messages)
        assert load(directory).payloads == whole.payloads
    assert kth == 19, "each of 6 files costs two syncs and a rename"


def fail_on_call(patch, kth):
    """Let the kth call of fsync or replace raise; returns a caller that says whether it did."""
    calls = 0

    def counted(original):
        def call(*arguments):
            nonlocal calls
            calls += 1
            if calls == kth:
                raise OSError(28, "No space left on device")
            return original(*arguments)

        return call

    patch.setattr(os, "fsync", counted(os.fsync))
    patch.setattr(Path, "replace", counted(Path.replace))

    def caller(function):
        try:
            function()
        except OSError:
            return True
        return False

    return caller

"""Loading: whole runs, unfinished ones, damaged ones and none; without torch or SimPy."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lawful_run import MANIFEST, RECORDS, write

import pwffsim
from pwffsim.runs.directory import RunDirectory, create
from pwffsim.runs.errors import RunDamaged, RunNotFound, TornPart
from pwffsim.runs.load import load
from pwffsim.runs.recorder import Recorder
from pwffsim.runs.summary import summarise

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def done(tmp_path) -> Path:
    directory = create(tmp_path / "run", "demo", "c0ffee1234", NOON)
    directory.scenario(b"name: demo\n", {"name": "demo", "seed": 7})
    recorder = Recorder(directory.path, rows_a_part=10)
    write(recorder, RECORDS)
    recorder.close()
    directory.summary(summarise(load(directory.path)))
    directory.manifest("done", now_utc=NOON, **MANIFEST)
    return directory.path


def unfinished(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"status": "interrupted"}))


def test_a_run_is_read_whole(done):
    run = pwffsim.load(done)
    assert run.path == done.resolve()
    assert run.manifest["status"] == "done"
    assert run.scenario == {"name": "demo", "seed": 7}
    assert run.summary == json.loads((done / "summary.json").read_text()) == summarise(run)
    assert len(run.spans) == 33
    assert run.rounds.updates.map(list).tolist() == [[0, 1], [3], [4]]
    assert run.spans is run.spans, "a table is read once"


def test_tables_are_read_only_when_asked_for(done):
    for part in (done / "metrics").iterdir():
        part.write_bytes(b"t" * part.stat().st_size)
    run = load(done)
    assert len(run.spans) == 33
    with pytest.raises(RunDamaged, match="cannot be read"):
        _ = run.metrics


def test_a_torn_part_of_an_unfinished_run_is_left_out_by_name(done):
    unfinished(done)
    part = done / "spans" / "part-000001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.warns(TornPart, match=r"part-000001\.parquet: left out, cannot be read"):
        spans = load(done).spans
    assert len(spans) == 23


@pytest.mark.parametrize("content", [b"", b"PAR1", b"nonsense" * 100])
def test_a_torn_part_of_a_finished_run_is_damage(done, content):
    part = done / "spans" / "part-000001.parquet"
    size = part.stat().st_size
    part.write_bytes(content)
    found = rf"part-000001\.parquet: has {len(content)} bytes, it had {size} when the run was finished"
    with pytest.raises(RunDamaged, match=found):
        load(done)
    part.write_bytes(content.ljust(size, b"x")[:size])
    with pytest.raises(RunDamaged, match=r"part-000001\.parquet: cannot be read .* though the run was finished"):
        _ = load(done).spans


PARTS = [f"{table}/part-000000.parquet" for table in ("spans", "messages", "rounds", "updates", "metrics")]
DOCUMENTS = ["payloads.json", "summary.json", "scenario.yaml", "scenario.resolved.json"]


@pytest.mark.parametrize("name", PARTS + DOCUMENTS)
def test_a_finished_run_that_lacks_a_file_is_damaged(done, name):
    (done / name).unlink()
    with pytest.raises(RunDamaged, match=rf"{name}: is missing, though the run was finished$"):
        load(done)
    unfinished(done)
    assert load(done).manifest["status"] == "interrupted"


@pytest.mark.parametrize("name", PARTS + DOCUMENTS)
def test_a_finished_run_whose_file_grew_is_damaged(done, name):
    with (done / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(RunDamaged, match=rf"{name}: has \d+ bytes, it had \d+ when the run was finished$"):
        load(done)


def test_a_part_that_came_after_the_end_is_damage(done):
    (done / "spans" / "part-000007.parquet").write_bytes((done / "spans" / "part-000000.parquet").read_bytes())
    with pytest.raises(RunDamaged, match=r"part-000007\.parquet: is not among the files of the run"):
        load(done)


def test_what_is_made_of_a_finished_run_may_come_change_and_go(tmp_path, done):
    for name in ("report.html", "trace.pftrace", "notes.txt"):
        (done / name).write_text("short")
    RunDirectory(done, load(done).manifest, NOON).manifest("done")
    assert {entry["path"] for entry in load(done).manifest["files"]} >= {"report.html", "trace.pftrace", "notes.txt"}
    (done / "report.html").write_text("longer than it was")
    (done / "trace.pftrace").unlink()
    assert len(load(done).spans) == 33


@pytest.mark.parametrize(
    "files", [None, "all", [{"path": "summary.json"}], ["summary.json"], [{"path": "a", "bytes": "b"}]]
)
def test_a_finished_run_lists_its_files(done, files):
    manifest = json.loads((done / "manifest.json").read_text())
    (done / "manifest.json").write_text(json.dumps(manifest | {"files": files}))
    with pytest.raises(RunDamaged, match="has no list of its files"):
        load(done)


def test_leftover_temporary_files_are_not_read(done):
    (done / "spans" / ".part-000004.parquet.tmp").write_bytes(b"half")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load(done).spans) == 33


def test_a_run_in_progress_shows_what_is_there(tmp_path):
    directory = create(tmp_path / "run", "demo", "c0ffee", NOON)
    recorder = Recorder(directory.path, rows_a_part=10)
    write(recorder, RECORDS)
    run = load(directory.path)
    assert run.manifest["status"] == "running"
    assert len(run.spans) == 30
    assert len(run.rounds) == 0
    assert run.scenario == {}
    assert run.summary["clients"]["client-00"]["compute_s"] > 0


def test_an_empty_run_has_a_summary(tmp_path):
    run = load(create(tmp_path / "run", "demo", "c0ffee", NOON).path)
    assert run.summary["rounds"] == 0
    assert run.summary["finished_s"] is None


def test_no_run_there(tmp_path, done):
    with pytest.raises(RunNotFound, match=r"nowhere: no such run directory; .* holds run$"):
        load(tmp_path / "nowhere")
    with pytest.raises(RunNotFound, match=r"not a run directory \(it has no manifest\.json\); .* holds run$"):
        load(tmp_path)
    with pytest.raises(RunNotFound, match=r"no such run directory$"):
        load(tmp_path / "x" / "y")


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not valid JSON"), ("[]", "expected a JSON object, found list"), ('{"schema_version": 99}', "format 99")],
)
def test_a_manifest_that_says_nothing_sensible(done, content, message):
    (done / "manifest.json").write_text(content)
    with pytest.raises(RunDamaged, match=message):
        load(done)


def test_latest_leads_to_the_newest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    create(None, "first", "aaaaaaaa", NOON)
    newest = create(None, "second", "bbbbbbbb", NOON)
    assert load("runs/latest").path == newest.path.resolve()
    with pytest.raises(RunNotFound, match=r"holds 20261120-120000_first_aaaaaa, 20261120-120000_second_bbbbbb$"):
        load("runs/other")


def test_plain_pandas_reads_a_table_too(done):
    import pandas as pd

    frame = pd.read_parquet(done / "spans")
    assert frame.duration_ns.sum() == load(done).spans.duration_ns.sum()


def test_runs_need_neither_torch_nor_simpy(done):
    code = (
        "import sys, pwffsim, pwffsim.runs, pwffsim.runs.recorder, pwffsim.runs.directory\n"
        "assert not {'pandas', 'pyarrow'} & set(sys.modules), 'read nothing yet'\n"
        "from pwffsim.runs import laws, summary\n"
        "run = pwffsim.load(sys.argv[1]); laws.check(run); summary.summarise(run)\n"
        "print(sorted({'torch', 'simpy', 'transformers', 'pwffsim.world'} & set(sys.modules)), len(run.spans))"
    )
    found = subprocess.run([sys.executable, "-c", code, str(done)], capture_output=True, text=True, check=False)
    assert found.stdout == "[] 33\n", found.stderr

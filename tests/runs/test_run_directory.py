"""Run directories: named, never overwritten, and their manifest tells how and where the run was made."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from pwffsim.runs import atomic, environment
from pwffsim.runs.directory import create
from pwffsim.runs.errors import RunExists

NOON = datetime(2026, 11, 20, 12, 13, 22, 500_000, tzinfo=UTC)
HASH = "7c1e9a" + "0" * 58


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def manifest_of(directory):
    return json.loads((directory.path / "manifest.json").read_text())


def test_a_run_is_named_by_time_name_and_hash_and_is_the_latest(here):
    run = create(None, "straggler study/2 ", HASH, NOON)
    assert run.path.as_posix() == "runs/20261120-121322_straggler-study-2_7c1e9a"
    assert os.readlink(here / "runs" / "latest") == run.path.name
    later = create(None, "b", HASH, NOON + timedelta(seconds=1))
    assert (here / "runs" / "latest").resolve() == later.path.resolve()


def test_two_runs_of_one_second_do_not_meet(here):
    names = [create(None, "a", HASH, NOON).path.name for _ in range(3)]
    stem = "20261120-121322_a_7c1e9a"
    assert names == [stem, f"{stem}-2", f"{stem}-3"]


@pytest.mark.parametrize(("name", "slug"), [("../../etc", "etc"), ("<script>", "script"), ("", "run"), ("ä", "run")])
def test_a_name_cannot_lead_out_of_the_folder(here, name, slug):
    assert create(None, name, HASH, NOON).path.as_posix() == f"runs/20261120-121322_{slug}_7c1e9a"


def test_a_place_that_was_asked_for_is_used_and_leaves_latest_alone(here):
    run = create(here / "deep" / "out", "a", HASH, NOON)
    assert run.path == here / "deep" / "out"
    assert not (here / "runs").exists()
    (here / "empty").mkdir()
    assert create(here / "empty", "a", HASH, NOON).path == here / "empty"


@pytest.mark.parametrize("kind", ["folder", "file", "link", "run"])
def test_nothing_is_ever_overwritten(here, kind):
    out = here / "out"
    if kind == "folder":
        out.mkdir()
        (out / "notes.txt").write_text("mine")
    elif kind == "file":
        out.write_text("mine")
    elif kind == "link":
        out.symlink_to(here)
    else:
        create(out, "a", HASH, NOON)
    with pytest.raises(RunExists, match=r"out already exists .* never overwritten: give --out another directory"):
        create(out, "a", HASH, NOON)


def test_a_folder_called_latest_is_not_replaced(here):
    (here / "runs" / "latest").mkdir(parents=True)
    with pytest.raises(RunExists, match="is not a link to a run"):
        create(None, "a", HASH, NOON)
    assert [path.name for path in (here / "runs").iterdir()] == ["latest"], "nothing was begun"


def test_the_manifest_is_there_first_and_tells_the_circumstances(here):
    manifest = manifest_of(create(here / "out", "my name", HASH, NOON))
    assert manifest["schema_version"] == 2
    assert manifest["status"] == "running"
    assert manifest["name"] == "my name"
    assert manifest["run_id"] == "20261120-121322_my-name_7c1e9a"
    assert manifest["scenario_sha256"] == HASH
    assert manifest["created_utc"] == "2026-11-20T12:13:22.500+00:00"
    assert manifest["python"] == platform.python_version()
    assert manifest["cpu"]
    assert {"numpy", "torch", "simpy", "pyarrow"} <= set(manifest["packages"])
    assert "finished_utc" not in manifest


def test_the_end_adds_time_and_hashes_and_keeps_what_was_told_before(here):
    run = create(here / "out", "a", HASH, NOON)
    run.scenario("name: ä\n".encode(), {"name": "ä"})
    run.summary({"finished_s": 1.5})
    run.manifest("running", channels=3, argv=["pwffsim", "run"])
    (run.path / ".part.tmp").write_bytes(b"half")
    run.manifest("done", now_utc=NOON + timedelta(seconds=90), exit_code=0, fingerprints={"network": "x"})
    manifest = manifest_of(run)
    assert manifest["status"] == "done"
    assert manifest["channels"] == 3
    assert manifest["wall_s"] == 90.0
    assert manifest["finished_utc"] == "2026-11-20T12:14:52.500+00:00"
    assert [entry["path"] for entry in manifest["files"]] == ["scenario.resolved.json", "scenario.yaml", "summary.json"]
    entry = manifest["files"][1]
    data = (run.path / "scenario.yaml").read_bytes()
    assert data == "name: ä\n".encode()
    assert (entry["bytes"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("status", ["interrupted", "diverged", "failed"])
def test_every_end_is_marked(here, status):
    run = create(here / "out", "a", HASH, NOON)
    run.manifest(status, exit_code=130)
    manifest = manifest_of(run)
    assert (manifest["status"], manifest["exit_code"]) == (status, 130)
    assert manifest["wall_s"] > 0


def test_unknown_status_and_time_without_zone_are_refused(here):
    run = create(here / "out", "a", HASH, NOON)
    with pytest.raises(ValueError, match="status 'finished' is not one of running, done"):
        run.manifest("finished")
    with pytest.raises(ValueError, match="needs a time zone"):
        create(here / "other", "a", HASH, NOON.replace(tzinfo=None))
    assert not (here / "other").exists()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_manifest_that_cannot_be_written_leaves_the_old_one(here, monkeypatch, call):
    run = create(here / "out", "a", HASH, NOON)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os if call == "fsync" else atomic.Path, call, full)
    with pytest.raises(OSError, match="No space"):
        run.manifest("done")
    assert manifest_of(run)["status"] == "running"
    assert [path.name for path in run.path.iterdir()] == ["manifest.json"]


def test_json_that_is_none_is_refused_and_leaves_the_old_file(here):
    atomic.write_json(here / "a.json", {"x": 1})
    with pytest.raises(ValueError, match="JSON"):
        atomic.write_json(here / "a.json", {"x": float("nan")})
    assert json.loads((here / "a.json").read_text()) == {"x": 1}


def test_the_commit_of_a_checkout_and_whether_it_is_dirty(here):
    assert environment.git_state(here) is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(here)]
    subprocess.run([*git, "init", "-q"], check=True)
    (here / "file").write_text("1")
    assert environment.git_state(here) == {"commit": None, "dirty": True}
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    clean = environment.git_state(here)
    assert clean is not None
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (here / "file").write_text("2")
    assert environment.git_state(here) == {"commit": clean["commit"], "dirty": True}

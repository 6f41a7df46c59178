"""Running scripts: figures are the last line, trouble has a reason, nothing that was started is left behind."""

from __future__ import annotations

import sys
import time

import psutil
import pytest

from benchmarks.environments import CannotInstall, Environment
from benchmarks.script import Failed, cpu_s, figures, in_turns


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_figures_are_the_last_line():
    assert figures(python("print('noise'); print('{\"cpu_s\": 0.5}')"), 30) == {"cpu_s": 0.5}


def test_a_script_that_breaks_is_told_by_its_last_word():
    with pytest.raises(Failed, match="ValueError: no such peer"):
        figures(python("raise ValueError('no such peer')"), 30)


def test_a_script_without_figures_has_failed():
    with pytest.raises(Failed, match="no figures"):
        figures(python("print('done')"), 30)


def test_a_script_that_hangs_is_ended_with_all_that_it_started(tmp_path):
    pid = tmp_path / "pid"
    child = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(Failed, match="took longer than 3 s"):
        figures(python(code), 3)
    time.sleep(0.1)
    left = int(pid.read_text())
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE


def test_processor_time_counts_work_and_not_waiting():
    spinning = cpu_s(python("import time\nwhile time.process_time() < 0.6: pass"), 60)
    waiting = cpu_s(python("import time\ntime.sleep(0.6)"), 60)
    assert spinning >= 0.5 > waiting


def test_scripts_take_turns_and_one_that_failed_is_not_run_again():
    order: list[str] = []

    def good() -> dict[str, int]:
        order.append("good")
        return {"n": len(order)}

    def bad() -> dict[str, int]:
        order.append("bad")
        raise Failed("no")

    found = in_turns({"good": good, "bad": bad}, 3)
    assert order == ["good", "bad", "good", "good"]
    assert found["good"] == [{"n": 1}, {"n": 3}, {"n": 4}]
    assert isinstance(found["bad"], Failed)


def test_a_framework_that_is_not_to_be_had_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    peer = Environment("peer", "no-such-framework-as-this==1.0", "no-such-framework-as-this")
    with pytest.raises(CannotInstall, match="no-such-framework-as-this"):
        peer.python(tmp_path)
    assert not (tmp_path / "peer" / "ready").exists()

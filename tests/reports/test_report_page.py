"""The page as a file: self-contained, safe against what names hold, the same each time, whole for any run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import synthetic_run

from pwffsim.runs.load import Run, load
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.runs.records import Metric, Span, SpanKind
from reports import html

HOSTILE = "client-</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
MEGABYTE = 1_000_000


class Page(HTMLParser):
    """Elements with their attributes, and the text of scripts, styles and everything else."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "": []}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data
        else:
            self.texts[""].append(data)

    def facts(self) -> dict[str, Any]:
        """The JSON that the page carries."""
        return json.loads(self.texts["script"][0])


def hostile_run() -> Run:
    """A run whose every name wants to be code."""
    recorder = MemoryRecorder()
    recorder.span(Span(HOSTILE, SpanKind.COMPUTE, 0, 10**9, HOSTILE, 0, energy_nj=5, update=0, note=HOSTILE))
    for time_ns, name in ((0, HOSTILE), (10**9, HOSTILE), (10**9, "once" + HOSTILE)):
        recorder.metric(Metric(time_ns, HOSTILE, HOSTILE, 0, name, 1.0))
    named = {"name": HOSTILE, "tier": HOSTILE, "mean_snr_db": HOSTILE, "samples": HOSTILE}
    manifest = {
        "status": HOSTILE,
        "scenario_sha256": HOSTILE,
        "fingerprints": {HOSTILE: HOSTILE},
        "pwffsim": HOSTILE,
        "clients": [named],
        "baselines": {HOSTILE: {HOSTILE: 0.5}},
        "assumptions": [{"group": HOSTILE, "name": HOSTILE, "value": HOSTILE, "unit": HOSTILE, "note": HOSTILE}],
        "data_report": {HOSTILE: [HOSTILE]},
        "invariants": {HOSTILE: HOSTILE},
    }
    return recorder.run(manifest=manifest, scenario={"name": HOSTILE, "method": HOSTILE, "seed": HOSTILE})


def test_the_same_run_gives_the_same_page_and_replaces_an_older_one(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    first = html.write(run, path).read_bytes()
    path.write_text("older")
    assert html.write(load(run.path or ""), path).read_bytes() == first
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]


def test_nothing_is_fetched_and_only_the_named_script_may_run(run: Run) -> None:
    page = Page(html.render(run))
    assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "embed", "base", "form", "audio"}
    for tag, attributes in page.elements:
        assert not {"src", "href", "style", "srcset", "action"} & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    (policy,) = [found["content"] or "" for tag, found in page.elements if "http-equiv" in found]
    script, style = page.texts["script"][-1], page.texts["style"][0]
    for text in (script, style):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"unsafe|https?:|\*", policy)
    assert not re.search(
        r"https?://|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|\beval\(|innerHTML|\bimport\b", script
    )
    assert "@import" not in style and "url(" not in style


def test_every_asset_is_in_the_page() -> None:
    assets = {found.name for found in files("reports").joinpath("assets").iterdir()}
    assert assets == {*html.SCRIPTS, html.STYLE, html.TEMPLATE}


def test_hostile_names_stay_text() -> None:
    text = html.render(hostile_run())
    page = Page(text)
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert not [name for _, found in page.elements for name in found if name == "onerror"]
    assert HOSTILE in page.texts[""] and "once" + HOSTILE in page.texts[""]
    facts = page.facts()
    assert facts["timeline"]["rows"][2] == {"name": HOSTILE, "role": "client", "tier": HOSTILE}
    assert facts["timeline"]["notes"] == ["", HOSTILE]
    assert facts["panels"][0]["guides"][0]["label"] == HOSTILE
    assert [found["title"] for tag, found in page.elements if tag == "code"] == [HOSTILE, HOSTILE]


def test_a_hundred_thousand_spans_fit_into_a_megabyte(long_run: Run, tmp_path: Path) -> None:
    path = html.write(long_run, tmp_path / "report.html")
    size = path.stat().st_size
    print(f"{len(long_run.spans)} spans, {len(long_run.metrics)} metrics: {size} bytes")
    assert len(long_run.spans) > 100_000
    assert size < MEGABYTE


def test_an_interrupted_run_says_so_and_shows_what_there_is(tmp_path: Path) -> None:
    run = synthetic_run.build(tmp_path, clients=3, status="interrupted", checked=False)
    (run.path or tmp_path).joinpath("summary.json").unlink()
    for part in (run.path or tmp_path).joinpath("updates").iterdir():
        part.unlink()
    text = html.render(load(run.path or tmp_path))
    assert html.STATUS_NOTES["interrupted"] in text
    assert 'id="timeline"' in text and 'id="curves"' in text
    assert "Updates applied" not in text


@pytest.mark.parametrize("status", sorted(html.STATUS_NOTES))
def test_every_unfinished_status_has_a_notice(status: str) -> None:
    text = html.render(MemoryRecorder().run(manifest={"status": status}))
    assert html.STATUS_NOTES[status] in text


def test_an_error_and_untrained_weights_are_said_at_the_top() -> None:
    base = {"label": "GPT-2 small", "untrained": True}
    manifest = {"status": "diverged", "error": "NaN in the update of client-03", "base": base}
    assert html.notices(manifest) == [
        html.STATUS_NOTES["diverged"],
        "It ended with: NaN in the update of client-03",
        html.UNTRAINED,
    ]
    text = html.render(MemoryRecorder().run(manifest=manifest))
    assert text.index("NaN in the update of client-03") < text.index('class="figures"')
    assert html.notices({"status": "done", "base": {"label": "tiny", "untrained": False}, "error": ""}) == []


def test_a_run_of_nothing_has_a_page_with_a_note_for_each_thing_missing() -> None:
    text = html.render(MemoryRecorder().run())
    for note in (
        "No spans were recorded",
        "No metrics were recorded",
        "No round has begun",
        "No clients were recorded",
        "holds no assumption block",
        "No checks were recorded",
        "No fingerprints were recorded",
        "unnamed run",
    ):
        assert note in text


def test_numbers_that_json_cannot_hold_do_not_reach_the_page() -> None:
    recorder = MemoryRecorder()
    recorder.metric(Metric(0, "client-00", "s", 0, "accuracy", 0.25))
    manifest = {"baselines": {"accuracy": {"broken": float("nan"), "fine": 0.1}}}
    facts = Page(html.render(recorder.run(manifest=manifest))).facts()
    assert facts["panels"][0]["guides"] == [{"label": "fine", "value": 0.1, "bound": False}]


def test_reports_leave_torch_and_simpy_alone() -> None:
    code = (
        "import sys, reports.html; print(sorted({'torch', 'simpy', 'pwffsim.world', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""The report from made-up numbers: what stands in it, that all of it is escaped, and how it looks in a browser."""

from __future__ import annotations

import os
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from made_up import study

from pwffsim.drawing.charts import Bar, Series, Value, bars, curves
from pwffsim.drawing.plot import picture
from pwffsim.paper.document import Document, Section, Table
from pwffsim.paper.markdown import markdown
from pwffsim.paper.page import page
from pwffsim.paper.report import compose
from pwffsim.studies.outcome import Ending, Outcome
from pwffsim.studies.point import Point

HOSTILE = '<script>alert("x")</script> & "quoted" \' | `code` *star*'
ACCURACY = {"vanilla_fl": 0.5, "pwff": 0.55, "local_only": 0.45}
REWARD = {"sfl": 0.4, "pwff": 0.6, "shepherd": 0.2}


@pytest.fixture(scope="module")
def document() -> Document:
    """A study with one point that failed and says something unpleasant."""
    point = Point((("study", "methods"), ("method", HOSTILE)), Path("x.yaml"), (), 1)
    outcomes = [Outcome(point, "", Path(), Ending("failed", HOSTILE))]
    return compose(study(ACCURACY, REWARD), outcomes)


@pytest.fixture(scope="module")
def text(document) -> str:
    return page(document)


def test_the_page_has_every_section_and_both_savings(document, text):
    headings = [unescape(found) for found in re.findall(r"<h2>(.*?)</h2>", text)]
    assert headings == [section.title for section in document.sections]
    assert "43.2 [43.2, 43.2] %" in text and "90.1 [90.1, 90.1] %" in text


def test_the_page_asks_for_nothing_and_runs_nothing(text):
    assert "<script" not in text and not re.search(r"""(?:src|href)=|url\(|@import""", text)
    assert "default-src &#39;none&#39;" in text


def test_what_a_point_says_is_text(document, text):
    assert text.count("&lt;script&gt;") == 2
    line = next(line for line in markdown(document).splitlines() if "quoted" in line)
    assert "<script" not in line and len(re.findall(r"(?<!\\)\|", line)) == 4


def test_markdown_has_the_same_tables(document):
    lines = markdown(document).splitlines()
    rules = [line for line in lines if set(line) == {"|", "-"}]
    assert len(rules) == sum(len(section.tables) for section in document.sections)
    assert "![Fig. 4: accuracy, and delay per round](fig4.svg)" in lines


def test_all_rows_of_a_table_are_as_long_as_its_head(document):
    for table in (table for section in document.sections for table in section.tables):
        assert {len(row) for row in table.rows} <= {len(table.head)}, table.title


def test_pictures_are_whole_and_their_words_escaped():
    series = Series(HOSTILE, 9, [0.0, 1.0], [Value(0.1, 0.0, 0.2), Value(0.5, 0.4, 0.6)])
    plots = [curves(HOSTILE, "x", "y", [series]), bars("b", "J", [Bar(HOSTILE, 0, Value(-1.0, -2.0, 0.5))])]
    root = ET.fromstring(picture(plots, 2))
    words = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count(HOSTILE) == 3


def test_a_band_spans_its_interval_and_a_whisker_its_bars():
    """On an axis of known ends, the picture's heights are the numbers'."""
    flat = Series("a", 0, [0.0, 1.0], [Value(0.5, 0.25, 0.75)] * 2)
    drawn = curves("t", "x", "y", [flat])
    heights = sorted(
        {float(y) for y in re.findall(r",([\d.]+)", re.search(r'<polygon[^>]*points="([^"]*)"', drawn)[1])}
    )
    middle = {float(y) for y in re.findall(r",([\d.]+)", re.search(r'<polyline[^>]*points="([^"]*)"', drawn)[1])}
    assert len(heights) == 2 and middle == {round(sum(heights) / 2, 1)}


def test_a_single_seed_has_neither_band_nor_whisker():
    alone = Value(0.5, float("nan"), float("nan"))
    assert "<polygon" not in curves("t", "x", "y", [Series("a", 0, [0.0, 1.0], [alone, alone])])
    assert "whisker" not in bars("t", "y", [Bar("a", 0, alone)])


def test_nothing_to_draw_is_no_picture():
    assert curves("t", "x", "y", []) == bars("t", "y", []) == ""


webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium that logs its console and its network."""
    if not (BROWSER and DRIVER):
        pytest.skip("no Chromium with chromedriver on the PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1300,1600"]
    for argument in [*arguments, *(["--no-sandbox"] if os.geteuid() == 0 else [])]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_it_says_nothing_and_everything_is_drawn(browser, text, tmp_path, scheme):
    path = tmp_path / "paper.html"
    path.write_text(text, encoding="utf-8")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(path.as_uri())
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.styleSheets.length") == 1
    widths = browser.execute_script("return [...document.querySelectorAll('svg')].map(s => s.clientWidth)")
    assert len(widths) == text.count("<svg") > 4 and min(widths) > 200
    stroke = browser.execute_script("return getComputedStyle(document.querySelector('svg .line.s0')).stroke")
    assert stroke == {"light": "rgb(0, 114, 178)", "dark": "rgb(92, 179, 240)"}[scheme]
    wide = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0


def test_a_document_is_rendered_as_it_stands():
    table = Table("t", ("a",), (("refuted",), ("1.0",)))
    shown = page(Document("d", ("w",), (Section("s", (), (table,)),)))
    assert '<td class="refuted">refuted</td>' in shown and '<td class="number">1.0</td>' in shown

"""The page in a real browser: opened from a file, hovered, zoomed, selected, sorted, in light and dark."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_report_page import HOSTILE, hostile_run

from pwffsim.runs.load import Run
from reports import html, timeline

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium with chromedriver on the PATH")

GUTTER, TOP, WIDE_ROW, THIN_ROW, CLIENT_ROW = 148, 40, 28, 16, 26
"""Where the timeline's rows lie, in pixels; see layoutRows in assets/timeline_draw.js."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium that logs its console and its network."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000"]
    for argument in [*arguments, *(["--no-sandbox"] if os.geteuid() == 0 else [])]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of ten clients."""
    return html.write(run, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def network_page(network: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of four clients in two cells behind wires."""
    return html.write(network, tmp_path_factory.mktemp("network-page") / "report.html")


def drain(browser: Any) -> list[str]:
    """Console messages since the last call; the network log is emptied too."""
    browser.get_log("performance")
    return [entry["message"] for entry in browser.get_log("browser")]


def settle(browser: Any) -> None:
    """Waits until the page is drawn and the hash written."""
    script = "const done = arguments[0]; const look = () => document.documentElement.dataset.ready === 'yes' || "
    script += "!document.getElementById('failure').hidden ? setTimeout(() => requestAnimationFrame(done), 200) "
    browser.execute_async_script(script + ": setTimeout(look, 20); look();")


def open_page(browser: Any, path: Path, fragment: str = "") -> None:
    """Opens the page afresh, also when only the hash differs."""
    browser.get("about:blank")
    drain(browser)
    browser.get(path.as_uri() + fragment)
    settle(browser)


def requests(browser: Any) -> list[str]:
    """Addresses that were asked for since the page was opened."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def move_to(browser: Any, selector: str, x: float, y: float) -> Any:
    """Moves the pointer to a point of an element, measured from its upper left corner; returns the action chain."""
    found = browser.find_element("css selector", selector)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    size = found.size
    chain = webdriver.ActionChains(browser)
    chain.move_to_element_with_offset(found, round(x - size["width"] / 2), round(y - size["height"] / 2)).perform()
    return chain


def tip(browser: Any) -> str:
    """The tooltip's text; empty while it is hidden."""
    return browser.execute_script("const tip = document.getElementById('tip'); return tip.hidden ? '' : tip.innerText")


def place_of(browser: Any, client: int, share: float) -> tuple[float, float]:
    """The point of a client's row that lies at a share of the visible time."""
    width = browser.execute_script("return document.getElementById('timeline').clientWidth")
    return GUTTER + share * (width - GUTTER), TOP + 2 * WIDE_ROW + (client + 0.5) * CLIENT_ROW


def point_in_row(browser: Any, run: Run, actor: str, time_s: float) -> tuple[float, float]:
    """The point of an actor's row that lies at a time, in a run whose rows all have room."""
    width = browser.execute_script("return document.getElementById('timeline').clientWidth")
    first, last = window_of(browser)
    heights = {"server": WIDE_ROW, "cell": WIDE_ROW, "wire": THIN_ROW, "jammer": THIN_ROW, "client": CLIENT_ROW}
    y = TOP
    for name, role in ((name, timeline.roles(run, [])[name]) for name in timeline.actors(run, [])):
        if name == actor:
            return GUTTER + (time_s - first) / (last - first) * (width - GUTTER), y + heights[role] / 2
        y += heights[role]
    raise ValueError(actor)


def legend(browser: Any) -> set[str]:
    """Kinds in the timeline's legend."""
    return {found.text for found in browser.find_elements("css selector", "#legend .kind canvas + span")}


def colours_in(browser: Any, selector: str, name: str) -> int:
    """Pixels of a canvas that have exactly the style sheet's colour of this name."""
    script = """
      const [selector, name] = arguments;
      const probe = document.body.appendChild(document.createElement("span"));
      probe.style.color = `var(--${name})`;
      const [red, green, blue] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
      probe.remove();
      const canvas = document.querySelector(selector);
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      let found = 0;
      for (let at = 0; at < data.length; at += 4) {
        found += data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255;
      }
      return found;
    """
    return browser.execute_script(script, selector, name)


def window_of(browser: Any) -> tuple[float, float]:
    """The visible time as the hash has it."""
    fragment = browser.execute_script("return location.hash")
    pairs = dict(part.split("=") for part in fragment[1:].split("&") if part)
    first, last = pairs["t"].split(",")
    return float(first), float(last)


def test_it_opens_from_a_file_without_network_or_console_messages(browser: Any, page: Path) -> None:
    open_page(browser, page)
    asked = requests(browser)
    assert [address for address in asked if not address.startswith("about:")] == [page.as_uri()]
    assert drain(browser) == []
    assert browser.execute_script("return document.documentElement.dataset.ready") == "yes"
    assert browser.execute_script("return document.getElementById('failure').hidden")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_draw_all_kinds(browser: Any, page: Path, theme: str, tmp_path: Path) -> None:
    open_page(browser, page, f"#theme={theme}")
    assert browser.execute_script("return getComputedStyle(document.body).colorScheme") == theme
    for kind in ("compute", "upload"):
        assert colours_in(browser, "#timeline", f"kind-{kind}") > 500, kind
        assert colours_in(browser, "#bars canvas.plot", f"kind-{kind}") > 500, kind
    assert colours_in(browser, "#minimap", "kind-compute") > 500
    assert colours_in(browser, "#curves canvas.plot", "series-0") > 100
    assert browser.save_screenshot(str(tmp_path / f"{theme}.png"))


def test_the_system_chooses_the_theme_until_the_reader_does(browser: Any, page: Path) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    seen = {}
    for scheme in ("light", "dark"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        open_page(browser, page)
        seen[scheme] = browser.execute_script(ground)
    browser.find_element("id", "theme").click()
    toggled = browser.execute_script(ground)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert seen["light"] != seen["dark"]
    assert toggled == seen["light"]


def test_the_browser_reads_back_every_span_that_was_recorded(browser: Any, page: Path, run: Run) -> None:
    open_page(browser, page)
    browser.execute_script("""
      URL.createObjectURL = (blob) => { window.saved = blob; return ""; };
      HTMLAnchorElement.prototype.click = () => {};
      document.getElementById("spans-csv").click();
    """)
    text = browser.execute_async_script("const done = arguments[0]; window.saved.text().then(done)")
    found = list(csv.DictReader(io.StringIO(text)))
    names = timeline.actors(run, [])
    expected = run.spans.assign(row=timeline.codes(run.spans["actor"], names)).sort_values(
        ["row", "start_ns"], kind="stable"
    )
    for column in ("actor", "kind", "stage"):
        assert [row[column] for row in found] == expected[column].tolist()
    for column in ("round", "version", "bytes", "update"):
        assert [int(row[column]) for row in found] == expected[column].tolist()
    for column in ("start", "duration"):
        nanoseconds = [round(float(row[f"{column}_s"]) * 1e9) for row in found]
        assert nanoseconds == expected[f"{column}_ns"].tolist()
    energies = np.array([float(row["energy_j"]) for row in found])
    assert np.allclose(energies, expected["energy_nj"].to_numpy() * 1e-9, rtol=1e-5, atol=0)


def test_hovering_an_upload_tells_its_message_and_its_update(browser: Any, page: Path, run: Run) -> None:
    upload = run.spans[(run.spans["actor"] == "client-07") & (run.spans["kind"] == "upload")].iloc[2]
    start, end = upload["start_ns"] * 1e-9, (upload["start_ns"] + upload["duration_ns"]) * 1e-9
    open_page(browser, page, f"#t={start - 1},{end + 1}")
    move_to(browser, "#timeline", *place_of(browser, 7, 0.5))
    shown = tip(browser)
    message = run.messages[(run.messages["update"] == upload["update"]) & (run.messages["direction"] == "up")].iloc[0]
    assert shown.startswith("upload, client-07")
    assert f"{message['mean_snr_db']:.2f} dB" in shown
    assert f"{message['packets']} ({message['transmissions']})" in shown
    for fact in ("mean rate", "energy", "based on version", "used in version", "staleness", "weight", "applied"):
        assert fact in shown, fact
    move_to(browser, "h1", 2, 2)
    assert tip(browser) == ""


def test_hovering_the_server_tells_the_aggregation_and_the_cell_who_is_on_air(
    browser: Any, page: Path, run: Run
) -> None:
    aggregation = run.rounds.iloc[0]
    at = aggregation["time_ns"] * 1e-9
    open_page(browser, page, f"#t={at - 2},{at + 2}")
    x, _ = place_of(browser, 0, 0.5)
    move_to(browser, "#timeline", x, TOP + WIDE_ROW / 2)
    assert f"aggregation, version {aggregation['version']}" in tip(browser)
    assert "client-00" in tip(browser)
    move_to(browser, "#timeline", x - 3, TOP + 1.5 * WIDE_ROW)
    assert "clients on air" in tip(browser)


def test_wheel_drag_double_click_and_keys_move_the_window_and_the_hash(browser: Any, page: Path) -> None:
    open_page(browser, page)
    canvas = browser.find_element("id", "timeline")
    x, y = place_of(browser, 3, 0.5)
    move_to(browser, "#timeline", x, y)
    origin = webdriver.common.actions.wheel_input.ScrollOrigin.from_element(canvas)
    webdriver.ActionChains(browser).scroll_from_origin(origin, 0, -600).perform()
    settle(browser)
    wheeled = window_of(browser)
    move_to(browser, "#timeline", x, y).click_and_hold().move_by_offset(-200, 0).release().perform()
    settle(browser)
    dragged = window_of(browser)
    assert dragged[1] - dragged[0] == pytest.approx(wheeled[1] - wheeled[0], rel=1e-2)
    assert dragged[0] > wheeled[0]
    canvas.send_keys("w")
    settle(browser)
    closer = window_of(browser)
    assert closer[1] - closer[0] == pytest.approx((dragged[1] - dragged[0]) / 1.25, rel=1e-2)
    canvas.send_keys("a")
    settle(browser)
    assert window_of(browser)[0] < closer[0]
    move_to(browser, "#timeline", x, y).double_click().perform()
    settle(browser)
    assert "t=" not in browser.execute_script("return location.hash")


def test_a_click_selects_the_update_and_arrow_keys_walk_along_it(browser: Any, page: Path, run: Run) -> None:
    upload = run.spans[(run.spans["actor"] == "client-04") & (run.spans["kind"] == "upload")].iloc[1]
    start = upload["start_ns"] * 1e-9
    end = start + upload["duration_ns"] * 1e-9
    open_page(browser, page, f"#t={start - 2},{end + 2}")
    move_to(browser, "#timeline", *place_of(browser, 4, 0.5)).click().perform()
    settle(browser)
    chain = browser.find_element("id", "chain")
    assert f"Update {upload['update']} of client-04" in chain.text
    for step in ("download", "compute", "upload", "aggregated in version"):
        assert step in chain.text
    assert colours_in(browser, "#timeline", "accent") > 50
    fragment = browser.execute_script("return location.hash")
    assert "span=" in fragment
    browser.find_element("id", "timeline").send_keys(webdriver.Keys.ARROW_LEFT)
    settle(browser)
    chosen = browser.find_element("css selector", "#chain .chosen").text
    assert chosen.startswith("compute")
    open_page(browser, page, fragment)
    assert f"Update {upload['update']} of client-04" in browser.find_element("id", "chain").text
    browser.find_element("id", "timeline").send_keys(webdriver.Keys.ESCAPE)
    settle(browser)
    assert "span=" not in browser.execute_script("return location.hash")


def test_lost_and_late_updates_are_gone_through_one_by_one(browser: Any, page: Path, run: Run) -> None:
    odd = run.updates[run.updates["fate"].isin(["lost", "late"])]
    open_page(browser, page)
    seen = set()
    for _ in range(len(odd)):
        browser.find_element("id", "next-mark").click()
        text = browser.find_element("id", "chain").text
        seen.add(int(text.split()[1]))
    assert seen == set(odd["update"])


def test_the_legend_shows_one_kind_alone(browser: Any, page: Path) -> None:
    open_page(browser, page)
    before = colours_in(browser, "#timeline", "kind-compute")
    upload = browser.find_element("xpath", "//div[@id='legend']//button[contains(., 'upload')]")
    upload.click()
    settle(browser)
    assert upload.get_attribute("aria-pressed") == "true"
    assert colours_in(browser, "#timeline", "kind-compute") < before / 10
    upload.click()
    settle(browser)
    assert colours_in(browser, "#timeline", "kind-compute") == before


def test_the_legend_lists_only_what_occurs(
    browser: Any, page: Path, network_page: Path, run: Run, network: Run
) -> None:
    for path, recorded in ((page, run), (network_page, network)):
        open_page(browser, path)
        kinds = set(recorded.spans["kind"])
        fates = {f"update {fate}" for fate in ("lost", "late") if (recorded.updates["fate"] == fate).any()}
        assert legend(browser) == kinds | fates
    assert {"handover", "backhaul", "jam"} <= kinds


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_handovers_wires_and_jammers_are_drawn_in_both_themes(browser: Any, network_page: Path, theme: str) -> None:
    open_page(browser, network_page, f"#t=3,4.2&theme={theme}")
    assert drain(browser) == []
    for kind, least in (("handover", 100), ("backhaul", 100), ("upload", 1000)):
        assert colours_in(browser, "#timeline", f"kind-{kind}") > least, kind
    assert colours_in(browser, "#bars canvas.plot", "kind-backhaul") > 100
    open_page(browser, network_page, f"#t=0.9,1.6&theme={theme}")
    assert colours_in(browser, "#timeline", "kind-jam") > 100


def test_hovering_a_handover_tells_what_became_of_the_message(browser: Any, network_page: Path, network: Run) -> None:
    span = network.spans[(network.spans["actor"] == "client-02") & (network.spans["kind"] == "handover")].iloc[0]
    middle = span["start_s"] + span["duration_s"] / 2
    open_page(browser, network_page, f"#t={middle - 0.5},{middle + 0.5}")
    move_to(browser, "#timeline", *point_in_row(browser, network, "client-02", middle))
    shown = tip(browser)
    message = network.messages[(network.messages["update"] == span["update"]) & (network.messages["direction"] == "up")]
    assert shown.startswith("handover, client-02")
    for name, value in (
        ("ended in cell", message["cell"].item()),
        ("handovers", "1"),
        ("held on the way", "50.00 ms"),
        ("on air", "50.0\u202f% of the time"),
        ("mean SINR", "6.00 dB"),
    ):
        assert f"{name}\t{value}" in shown, shown


def test_hovering_wires_jammers_and_each_cell(browser: Any, network_page: Path, network: Run) -> None:
    open_page(browser, network_page, "#t=0,4.2")
    hop = network.spans[(network.spans["actor"] == "server>hub") & (network.spans["update"] == 2)].iloc[0]
    move_to(browser, "#timeline", *point_in_row(browser, network, "server>hub", hop["start_s"] + 0.02))
    assert tip(browser).startswith("backhaul, server>hub")
    assert "client\tclient-02" in tip(browser)
    assert "mean SINR" not in tip(browser)
    move_to(browser, "#timeline", *point_in_row(browser, network, "truck", 1.2))
    assert tip(browser).startswith("jam, truck")
    for cell, count in (("harbour", 1), ("market", 1)):
        move_to(browser, "#timeline", *point_in_row(browser, network, cell, 2.75))
        assert tip(browser).startswith(cell)
        assert f"clients on air\t{count}" in tip(browser)


def test_a_selected_update_is_followed_over_wires_and_cells(browser: Any, network_page: Path, network: Run) -> None:
    open_page(browser, network_page, "#t=0,4.2")
    move_to(browser, "#timeline", *point_in_row(browser, network, "client-03", 1.5)).click().perform()
    settle(browser)
    steps = [step.text for step in browser.find_elements("css selector", "#chain .steps li")]
    kinds = [step.rsplit(" ", 2)[0] for step in steps[:-1]]
    assert kinds == [
        "backhaul server>hub", "backhaul hub>market", "download", "download", "compute",
        "upload", "handover", "upload", "backhaul harbour>hub", "backhaul hub>server",
    ]  # fmt: skip
    assert steps[-1] == "aggregated in version 1"


def test_curves_and_bars_tell_values_and_lead_to_the_timeline(browser: Any, page: Path, run: Run) -> None:
    open_page(browser, page)
    last = run.metrics[run.metrics["name"] == "accuracy"].sort_values("time_ns").groupby("actor")["value"].last()
    width = browser.execute_script("return document.querySelector('#curves canvas.plot').clientWidth")
    chain = move_to(browser, "#curves canvas.plot", width - 16, 100)
    shown = tip(browser)
    assert f"{100 * last.mean():.1f}" in shown
    assert f"{100 * last.max():.1f}\u202f%, {last.idxmax()}" in shown
    assert "untuned base" in shown
    chain.click().perform()
    settle(browser)
    assert window_of(browser)[1] < run.summary["drained_s"]
    move_to(browser, "#bars canvas.plot", 60, 100)
    assert "straggler" in tip(browser) and "instruction, round 0" in tip(browser)


def test_a_click_on_a_heading_sorts_by_number(browser: Any, page: Path) -> None:
    open_page(browser, page)
    button = browser.find_element("xpath", "//table[@id='clients']//button[.='SNR, dB']")
    script = (
        "return [...document.querySelectorAll('#clients tbody tr')].map((row) => Number(row.cells[2].dataset.sort))"
    )
    for falling in (False, True):
        browser.execute_script("arguments[0].click()", button)
        values = browser.execute_script(script)
        assert values == sorted(values, reverse=falling)
    assert len(set(values)) == 10


def test_without_scripts_the_tables_are_there(browser: Any, page: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page.as_uri())
        rows = browser.find_elements("css selector", "noscript table tbody tr")
        assert len(rows) == 10
        assert rows[0].is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_hostile_names_are_shown_and_never_run(browser: Any, tmp_path: Path) -> None:
    open_page(browser, html.write(hostile_run(), tmp_path / "report.html"))
    assert drain(browser) == []
    assert browser.find_element("tag name", "h1").text == " ".join(HOSTILE.split())
    move_to(browser, "#timeline", *place_of(browser, 0, 0.5)).click().perform()
    assert HOSTILE in tip(browser)
    assert browser.execute_script("return document.images.length") == 0


def test_an_unfinished_and_an_empty_run_open_without_errors(browser: Any, tmp_path: Path) -> None:
    from pwffsim.runs.recorder import MemoryRecorder
    from pwffsim.runs.records import Span, SpanKind

    recorder = MemoryRecorder()
    empty = html.write(recorder.run(), tmp_path / "empty.html")
    recorder.span(Span("client-00", SpanKind.COMPUTE, 0, 10**9, "instruction", 0, update=0))
    started = html.write(recorder.run(manifest={"status": "running"}), tmp_path / "started.html")
    for path in (empty, started):
        open_page(browser, path)
        assert drain(browser) == []
        assert browser.execute_script("return document.documentElement.dataset.ready") == "yes"


def test_a_hundred_thousand_spans_open_zoom_and_stay_quiet(browser: Any, long_run: Run, tmp_path: Path) -> None:
    open_page(browser, html.write(long_run, tmp_path / "report.html"))
    ready = browser.execute_script("return performance.now()")
    spent = browser.execute_async_script("""
      const done = arguments[0], began = performance.now();
      const zoom = (left) => {
        if (!left) return done((performance.now() - began) / 10);
        document.getElementById("zoom-in").click();
        requestAnimationFrame(() => requestAnimationFrame(() => zoom(left - 1)));
      };
      zoom(10);
    """)
    print(f"{len(long_run.spans)} spans: drawn {ready:.0f} ms after opening, {spent:.0f} ms a zoom step")
    assert drain(browser) == []
    assert colours_in(browser, "#timeline", "kind-compute") > 500

"""A survey as pictures: one SVG, or a page with the tables beside it. Everything is in the one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from pwffsim.drawing.plot import HEIGHT, STYLE, WIDTH, Frame, picture, stairs
from pwffsim.survey.delays import closed_form
from pwffsim.survey.doubts import Doubt
from pwffsim.survey.rates import rate_curve
from pwffsim.survey.survey import ClientSurvey, LinkSurvey, Survey
from pwffsim.survey.tables import print_all

FloatArray = NDArray[np.float64]

_SHOWN = 3
_MEGA = 1e6
_MOST_CORNERS = 400
_PAGE_WIDTH = 140
_ROOM = 1.05
_BASE = 8.0
_CSS = """:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 20px 28px; max-width: 1180px; font: 14px/1.5 system-ui, sans-serif;
  background: light-dark(#fff, #12161b); color: light-dark(#191d22, #e8ebef); }
pre { font: 12px/1.35 ui-monospace, "DejaVu Sans Mono", monospace; overflow-x: auto; }
.plots { display: flex; flex-wrap: wrap; } .plots svg { max-width: 100%; height: auto; }
.doubt { padding: 6px 12px; margin: 6px 0;
  border-left: 4px solid #c77700; background: light-dark(#fdeccf, #40300f); }"""


def write(survey: Survey, found: Sequence[Doubt], path: Path) -> None:
    """Write a page (.html) or a picture (.svg), as the ending says."""
    text = page(survey, found) if path.suffix == ".html" else picture(list(plots(survey)), 2)
    path.write_text(text, encoding="utf-8")


def page(survey: Survey, found: Sequence[Doubt]) -> str:
    """A page that needs no other file."""
    title = escape(f"The radio of {survey.scene.scenario.name}")
    warnings = "".join(
        f'<p class="doubt"><b>{escape(d.kind)}</b> {escape(_whom(d))}: {escape(d.message)}</p>' for d in found
    )
    drawn = "".join(picture([plot], 1) for plot in plots(survey))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_CSS}{STYLE}</style></head>\n'
        f"<body><h1>{title}</h1>{warnings or '<p>Nothing implausible was found.</p>'}\n"
        f'<p>Lines: drawn. Dashed: closed form, where one applies.</p><div class="plots">{drawn}</div>\n'
        f"<pre>{escape(_tables(survey))}</pre></body></html>\n"
    )


def plots(survey: Survey) -> Iterator[str]:
    """Direction by direction: the budget as a waterfall, the rate, and each payload's delay, of up to three clients."""
    shown = _shown(survey)
    for direction in survey.scene.directions:
        if survey.budgets[direction] is not None:
            yield _waterfall(survey, direction, shown)
        yield _rates(direction, shown)
        for stages in _payloads(shown, direction):
            yield _delays(direction, stages, shown)


def _shown(survey: Survey) -> list[ClientSurvey]:
    """The clients of the lowest, the middle and the highest mean SNR."""
    ordered = sorted(survey.clients, key=lambda each: each.client.mean_snr_db)
    places = {0, (len(ordered) - 1) // 2, len(ordered) - 1}
    return [ordered[place] for place in sorted(places)][:_SHOWN]


def _rates(direction: str, shown: Sequence[ClientSurvey]) -> str:
    links = [each.links[direction] for each in shown]
    highest = max(float(link.blocks.carried_bps.max()) for link in links) / _MEGA
    frame = Frame(f"{direction}: rate", "Mb/s", "share of the time at most", 0.0, _ROOM * highest or 1.0)
    marks = [frame.line(*_thinned(*_drawn_rates(link)), f"s{k}") for k, link in enumerate(links)]
    for k, link in enumerate(links):
        if (curve := rate_curve(link.blocks)) is not None:
            marks.append(frame.line(curve[0] / _MEGA, curve[1], f"s{k} law"))
    return frame.drawn(*marks, frame.legend([each.client.name for each in shown]))


def _drawn_rates(link: LinkSurvey) -> tuple[FloatArray, FloatArray]:
    return stairs(link.blocks.carried_bps / _MEGA, link.blocks.weights)


def _delays(direction: str, stages: Sequence[str], shown: Sequence[ClientSurvey]) -> str:
    links = [(k, each.links[direction]) for k, each in enumerate(shown) if stages[0] in each.links[direction].stages]
    samples = [link.stages[stages[0]].done.durations_s for _, link in links]
    latest = max((float(np.quantile(s[np.isfinite(s)], 0.99)) for s in samples if np.isfinite(s).any()), default=1.0)
    action = "upload" if direction == "uplink" else "download"
    frame = Frame(f"{action}: {', '.join(stages)}", "seconds", "share that has ended", 0.0, 1.15 * latest or 1.0)
    marks = [frame.line(*stairs(s), f"s{k}") for (k, _), s in zip(links, samples, strict=True) if s.size]
    marks += [frame.line(*law, f"s{k} law") for k, link in links if (law := _delay_law(link, stages[0])) is not None]
    return frame.drawn(*marks, frame.legend([each.client.name for each in shown]))


def _delay_law(link: LinkSurvey, stage: str) -> tuple[FloatArray, FloatArray] | None:
    law = closed_form(link.blocks, link.stages[stage].delay.payload_bytes)
    if law is None:
        return None
    levels = np.linspace(0.005, 0.995, 100)
    return np.array([law.quantile_s(float(p)) for p in levels]), levels


def _waterfall(survey: Survey, direction: str, shown: Sequence[ClientSurvey]) -> str:
    """From what is radiated to what is left above the noise [dBm]."""
    budget = survey.budgets[direction]
    assert budget is not None, "a recorded link has no waterfall"
    received = [each.links[direction].budget.received_dbm or 0.0 for each in shown]
    levels = [budget.tx_power_dbm, budget.noise_dbm, *received]
    frame = Frame(f"{direction}: link budget", "", "dBm", 0.0, 1.0, min(levels) - _BASE, max(levels) + _BASE)
    width = (WIDTH - 130.0) / (1 + len(shown))
    marks = [frame.bar(80.0, 0.6 * width, frame.y_low, budget.tx_power_dbm, "f0")]
    marks += _under(frame, 80.0, width, "radiated", f"{budget.tx_power_dbm:.1f} dBm", "")
    for k, (each, level) in enumerate(zip(shown, received, strict=True)):
        left = 80.0 + (k + 1) * width
        marks.append(frame.bar(left, 0.25 * width, budget.tx_power_dbm, level, "f1"))
        marks.append(frame.bar(left + 0.35 * width, 0.25 * width, budget.noise_dbm, level, "f2"))
        lost, kept = f"loss {budget.tx_power_dbm - level:.1f} dB", f"SNR {level - budget.noise_dbm:.1f} dB"
        marks += _under(frame, left, width, each.client.name, lost, kept)
    marks.append(frame.line((0.0, 1.0), (budget.noise_dbm, budget.noise_dbm), "s1 law"))
    marks.append(frame.words(WIDTH - 20, frame.y(budget.noise_dbm) - 4, "noise", "muted", "end"))
    return frame.drawn(*marks, across=False)


def _under(frame: Frame, left: float, width: float, *lines: str) -> list[str]:
    """Lines of text under a bar."""
    return [frame.words(left + 0.3 * width, HEIGHT - 32 + 14 * k, line) for k, line in enumerate(lines)]


def _payloads(shown: Sequence[ClientSurvey], direction: str) -> list[list[str]]:
    """Stages, those of equal payloads together."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for stage in dict.fromkeys(stage for each in shown for stage in each.links[direction].stages):
        loads = [each.links[direction].stages.get(stage) for each in shown]
        groups.setdefault(tuple(0 if load is None else load.delay.payload_bytes for load in loads), []).append(stage)
    return list(groups.values())


def _thinned(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    keep = np.unique(np.linspace(0, x.size - 1, min(x.size, _MOST_CORNERS)).astype(int))
    return x[keep], y[keep]


def _tables(survey: Survey) -> str:
    text = StringIO()
    print_all(survey, Console(file=text, width=_PAGE_WIDTH, no_color=True))
    return text.getvalue()


def _whom(doubt: Doubt) -> str:
    return f"({', '.join(doubt.clients)})" if doubt.clients else ""

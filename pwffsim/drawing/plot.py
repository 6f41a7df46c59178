"""Plots as SVG: a frame with axes, and lines, bands, bars, whiskers and words in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

WIDTH, HEIGHT = 560, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 34, 46
_TICKS = 5
_STEPS = (1.0, 2.0, 5.0, 10.0)

COLOURS = (
    ("#0072b2", "#5cb3f0"),
    ("#c74e00", "#ff9354"),
    ("#00835f", "#35d3a4"),
    ("#a2478c", "#e39ace"),
    ("#8a6d00", "#e3c341"),
    ("#4a5fc1", "#9fb0ff"),
    ("#a4133c", "#ff8ba7"),
    ("#5c6b73", "#b4c2cc"),
)
"""Colour of each series on light and on dark ground; far apart in lightness too, where few are taken."""


def _variables(ground: int) -> str:
    return " ".join(f"--s{k}: {pair[ground]};" for k, pair in enumerate(COLOURS))


_SERIES = "\n".join(
    f"svg .s{k} {{ stroke: var(--s{k}); }} svg .f{k} {{ fill: var(--s{k}); }}" for k in range(len(COLOURS))
)

STYLE = f"""
svg {{ --text: #191d22; --muted: #5a636e; --grid: #dfe3e8; --ground: #ffffff;
  {_variables(0)} font: 12px system-ui, "Segoe UI", sans-serif; }}
@media (prefers-color-scheme: dark) {{
  svg {{ --text: #e8ebef; --muted: #a0aab6; --grid: #2a323b; --ground: #12161b; {_variables(1)} }}
}}
svg .ground {{ fill: var(--ground); }} svg text {{ fill: var(--text); }} svg .muted {{ fill: var(--muted); }}
svg .title {{ font-weight: 600; font-size: 13px; }}
svg .grid {{ stroke: var(--grid); }} svg .line {{ fill: none; stroke-width: 1.8; }}
svg .law {{ stroke-dasharray: 5 4; }}
svg .whisker {{ stroke: var(--text); stroke-width: 1.4; }}
{_SERIES}
svg .b {{ fill-opacity: 0.8; }} svg .pale {{ fill-opacity: 0.4; }} svg .band {{ fill-opacity: 0.14; }}
"""


@dataclass(frozen=True)
class Frame:
    """A plot's area and scales.

    Attributes:
        title, x_label, y_label: words.
        x_low, x_high, y_low, y_high: what the axes run between, low below high.
        margin: what is left free on the right, in pixels.
    """

    title: str
    x_label: str
    y_label: str
    x_low: float
    x_high: float
    y_low: float = 0.0
    y_high: float = 1.0
    margin: int = _RIGHT

    @property
    def right(self) -> int:
        """Where the area ends."""
        return WIDTH - self.margin

    def x(self, value: float) -> float:
        """Place of a value across."""
        return _LEFT + (value - self.x_low) / (self.x_high - self.x_low) * (self.right - _LEFT)

    def y(self, value: float) -> float:
        """Place of a value down."""
        return HEIGHT - _BOTTOM - (value - self.y_low) / (self.y_high - self.y_low) * (HEIGHT - _TOP - _BOTTOM)

    def drawn(self, *marks: str, across: bool = True) -> str:
        """The plot with its marks; ``across``: with ticks on the x axis."""
        grid = [self._level(tick) for tick in ticks(self.y_low, self.y_high)]
        grid += [self._column(tick) for tick in ticks(self.x_low, self.x_high)] if across else []
        words = (
            f'<text class="title" x="{_LEFT}" y="18">{escape(self.title)}</text>'
            + self.words(self.right, HEIGHT - 10, self.x_label, anchor="end")
            + f'<g transform="rotate(-90)">{self.words(-_TOP, 14, self.y_label, anchor="end")}</g>'
        )
        return f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>{"".join(grid)}{words}{"".join(marks)}'

    def line(self, x: Sequence[float] | FloatArray, y: Sequence[float] | FloatArray, style: str) -> str:
        """A line through points, cut to the frame across."""
        points = [(a, b) for a, b in zip(x, y, strict=True) if self.x_low <= a <= self.x_high]
        path = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
        return f'<polyline class="line {style}" points="{path}"/>'

    def bar(self, left: float, width: float, low: float, high: float, style: str) -> str:
        """A bar from one value to another."""
        top, bottom = self.y(max(low, high)), self.y(min(low, high))
        size = f'width="{width:.1f}" height="{max(bottom - top, 1.0):.1f}"'
        return f'<rect class="b {style}" x="{left:.1f}" y="{top:.1f}" {size}/>'

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], style: str) -> str:
        """The area between two lines."""
        there = [f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(x, high, strict=True)]
        back = [f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(x, low, strict=True)][::-1]
        return f'<polygon class="band {style}" points="{" ".join([*there, *back])}"/>'

    def whisker(self, at: float, low: float, high: float) -> str:
        """An interval as an upright line with feet, at a place in the picture."""
        top, bottom = self.y(high), self.y(low)
        feet = "".join(f"M{at - 4:.1f} {y:.1f}H{at + 4:.1f}" for y in (top, bottom))
        return f'<path class="whisker" d="M{at:.1f} {top:.1f}V{bottom:.1f}{feet}"/>'

    def words(self, x: float, y: float, text: str, style: str = "muted", anchor: str = "middle") -> str:
        """A text at a place in the picture."""
        return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'

    def legend(self, names: Sequence[str]) -> str:
        """Names in the colours of their series, on the right."""
        at = WIDTH - _RIGHT
        return "".join(self.words(at - 4, _TOP + 14 + 16 * k, name, f"f{k}", "end") for k, name in enumerate(names))

    def key(self, names: Sequence[str], styles: Sequence[str]) -> str:
        """Names beside a piece of their lines, in the margin on the right."""
        at = self.right + 10
        return "".join(
            f'<path class="line {style}" d="M{at} {_TOP + 12 + 17 * k}h18"/>'
            + self.words(at + 23, _TOP + 16 + 17 * k, name, "name", "start")
            for k, (name, style) in enumerate(zip(names, styles, strict=True))
        )

    def _level(self, value: float) -> str:
        y = self.y(value)
        line = f'<line class="grid" x1="{_LEFT}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        return line + self.words(_LEFT - 6, y + 4, f"{value:g}", anchor="end")

    def _column(self, value: float) -> str:
        x = self.x(value)
        line = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
        return line + self.words(x, HEIGHT - _BOTTOM + 16, f"{value:g}")


def picture(plots: Sequence[str], columns: int, style: str = STYLE) -> str:
    """Plots side by side as one SVG document; without a style where the page around it has that already."""
    rows = ceil(len(plots) / columns)
    size = f'width="{WIDTH * columns}" height="{HEIGHT * rows}" viewBox="0 0 {WIDTH * columns} {HEIGHT * rows}"'
    places = ((k % columns * WIDTH, k // columns * HEIGHT) for k in range(len(plots)))
    groups = (f'<g transform="translate({x},{y})">{plot}</g>' for (x, y), plot in zip(places, plots, strict=True))
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{_styled(style)}{"".join(groups)}</svg>\n'


def _styled(style: str) -> str:
    return f"<style>{style}</style>" if style else ""


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two values, about five."""
    raw = (high - low) / _TICKS
    decade = 10.0 ** floor(log10(raw))
    step = next(decade * factor for factor in _STEPS if decade * factor >= raw * (1 - 1e-9))
    first = ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, floor(high / step + 1e-9) + 1)]


def stairs(values: FloatArray, weights: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """The empirical distribution function as the corners of its stairs; infinite values count, and are not drawn."""
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(np.ones(values.size) if weights is None else weights[order])
    levels = np.concatenate(([0.0], shares / shares[-1]))
    finite = int(np.isfinite(values).sum())
    x = np.repeat(values[order][:finite], 2)
    return x, np.array([level for pair in pairwise(levels[: finite + 1]) for level in pair])

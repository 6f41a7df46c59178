"""Two charts of several series: curves with their intervals as bands, and bars with theirs as whiskers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from pwffsim.drawing.plot import COLOURS, HEIGHT, Frame

_KEY = 118
_ROOM = 0.06
_FOOT = HEIGHT - 28
_LEFT = 58
_THOUSAND = 1000.0


@dataclass(frozen=True)
class Value:
    """A mean and its interval, which is nan where there is none."""

    mean: float
    low: float
    high: float

    @property
    def extremes(self) -> list[float]:
        """What an axis must reach."""
        return [each for each in (self.mean, self.low, self.high) if not isnan(each)]


@dataclass(frozen=True)
class Series:
    """A named course.

    Attributes:
        name: in the key.
        colour: number of the colour, so that a name keeps its own in every chart; from 8 on, colours come again, with
            dashed lines and pale bars.
        x: where.
        values: what, at each place.
    """

    name: str
    colour: int
    x: Sequence[float]
    values: Sequence[Value]


@dataclass(frozen=True)
class Bar:
    """A named value; the colour as in `Series`."""

    name: str
    colour: int
    value: Value


def curves(title: str, x_label: str, y_label: str, series: Sequence[Series]) -> str:
    """Lines with bands; "" where there is nothing to draw."""
    drawn = [each for each in series if len(each.x)]
    if not drawn:
        return ""
    xs = [x for each in drawn for x in each.x]
    low, high = _range([value for each in drawn for value in each.values], False)
    frame = Frame(title, x_label, y_label, min(xs), max(*xs, min(xs) + 1), low, high, _KEY)
    bands = [_band(frame, each) for each in drawn]
    lines = [frame.line(each.x, [v.mean for v in each.values], _stroke(each.colour)) for each in drawn]
    return frame.drawn(*bands, *lines, frame.key([e.name for e in drawn], [_stroke(e.colour) for e in drawn]))


def bars(title: str, y_label: str, found: Sequence[Bar]) -> str:
    """Bars from 0 with whiskers; "" where there is nothing to draw."""
    if not found:
        return ""
    low, high = _range([each.value for each in found], True)
    frame = Frame(title, "", y_label, 0.0, 1.0, low, high)
    width = (frame.right - _LEFT) / len(found)
    marks = [mark for k, bar in enumerate(found) for mark in _bar(frame, bar, _LEFT + k * width, width, k)]
    return frame.drawn(*marks, across=False)


def _bar(frame: Frame, bar: Bar, left: float, width: float, place: int) -> list[str]:
    """A bar, its whisker, its number, and its name on one of two lines."""
    middle, value = left + width / 2, bar.value
    marks = [frame.bar(left + 0.16 * width, 0.68 * width, 0.0, value.mean, _fill(bar.colour))]
    if not isnan(value.low):
        marks.append(frame.whisker(middle, value.low, value.high))
    top = frame.y(max(0.0, *value.extremes)) - 5
    return [
        *marks,
        frame.words(middle, top, _short(value.mean)),
        frame.words(middle, _FOOT + 14 * (place % 2), bar.name, "name"),
    ]


def _band(frame: Frame, series: Series) -> str:
    """Where every value has an interval."""
    if any(isnan(value.low) for value in series.values):
        return ""
    lows, highs = [value.low for value in series.values], [value.high for value in series.values]
    return frame.band(series.x, lows, highs, f"f{series.colour % len(COLOURS)}")


def _fill(colour: int) -> str:
    return f"f{colour % len(COLOURS)}" + (" pale" if colour >= len(COLOURS) else "")


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= _THOUSAND else f"{value:.3g}"


def _stroke(colour: int) -> str:
    return f"s{colour % len(COLOURS)}" + (" law" if colour >= len(COLOURS) else "")


def _range(values: Sequence[Value], from_zero: bool) -> tuple[float, float]:
    """What an axis runs between, with some room, and 0 in it where bars stand on that."""
    reached = [each for value in values for each in value.extremes] + ([0.0] if from_zero else [])
    low, high = min(reached), max(reached)
    room = _ROOM * (high - low) or abs(high) or 1.0
    return (0.0 if from_zero and low == 0.0 else low - room), high + 1.6 * room

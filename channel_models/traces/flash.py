"""States of phones recorded for FLASH (Yang et al., WWW 2021): JSON, gzipped or not.

An object phone -> {``guid``, ``messages``, ``model``}; ``messages`` is lines ``YYYY-mm-dd HH:MM:SS <tab>event`` in the
phone's local time. Events: screen_on/off, screen_lock/unlock, battery_charged_on/off, the network (wifi, 2G to 5G,
Unknown) and the battery level ``NN.N%``. A state is what the last event said; before its first event it is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel_models.traces.files import TraceFile, shown
from channel_models.validation import non_negative

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NETWORKS = ("wifi", "2g", "3g", "4g", "5g", "unknown")

_SWITCHES: dict[str, tuple[str, bool]] = {
    "screen_on": ("screen_on", True),
    "screen_off": ("screen_on", False),
    "screen_lock": ("locked", True),
    "screen_unlock": ("locked", False),
    "battery_charged_on": ("charging", True),
    "battery_charged_off": ("charging", False),
}
_STAMP_FORMAT = "%Y-%m-%d %H:%M:%S"
_FULL_PERCENT = 100.0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a phone may train; None is "does not matter", and a state that is not known yet never fits.

    charging, screen_on, locked: as it must be. networks: those allowed, of wifi, 2g, 3g, 4g, 5g, unknown.
    least_battery_percent: 0 .. 100, None does not look. The default is charging on Wi-Fi with the screen off.
    Raises ValueError for another network and a percentage out of range.
    """

    charging: bool | None = True
    networks: tuple[str, ...] | None = ("wifi",)
    screen_on: bool | None = False
    locked: bool | None = None
    least_battery_percent: float | None = None

    def __post_init__(self) -> None:
        wrong = [name for name in self.networks or () if name not in NETWORKS]
        if wrong:
            raise ValueError(f"networks must be of {', '.join(NETWORKS)}, got {', '.join(wrong)}")
        if (
            self.least_battery_percent is not None
            and non_negative("least_battery_percent", self.least_battery_percent) > 100
        ):
            raise ValueError(f"least_battery_percent must be at most 100, got {self.least_battery_percent!r}")

    def wishes(self) -> dict[str, Callable[[Any], bool]]:
        """State -> whether a known value of it fits, for the states that matter."""
        switches = {"charging": self.charging, "screen_on": self.screen_on, "locked": self.locked}
        wishes: dict[str, Callable[[Any], bool]] = {
            state: _is(wanted) for state, wanted in switches.items() if wanted is not None
        }
        networks, least = self.networks, self.least_battery_percent
        if networks is not None:
            wishes["network"] = lambda name: name in networks
        if least is not None:
            wishes["battery_percent"] = lambda percent: percent >= least
        return wishes


FLASH_RULE = Rule(charging=True, networks=("wifi",), screen_on=None, locked=True)
"""The rule of FLASH itself: charging, on Wi-Fi and locked."""


@dataclass(frozen=True, eq=False)
class Phone:
    """One phone's log.

    name: its key in the file. model: the maker's code. started: local time of the first event, which is time 0.
    events: (seconds since start, state, value) in order; states are charging, screen_on, locked (bool), network (of
    NETWORKS) and battery_percent (0 .. 100).
    """

    name: str
    model: str
    started: datetime
    events: tuple[tuple[float, str, Any], ...]

    @property
    def duration_s(self) -> float:
        """Seconds from the first event to the last, where the log ends."""
        return self.events[-1][0]

    def available(self, rule: Rule) -> FloatArray:
        """Intervals [start, stop) in seconds, f64[m, 2], in order and apart, in which a rule holds."""
        fits = np.ones(len(self.events), dtype=bool)
        for state, fit in rule.wishes().items():
            fits &= self._latest(state, fit)
        return self._intervals(fits)

    def availability(self, rule: Rule) -> float:
        """Share of the log's time in which a rule holds; 0 for a log of no length."""
        total_s = float(np.sum(np.diff(self.available(rule), axis=1)))
        return total_s / self.duration_s if self.duration_s else 0.0

    def networks(self) -> tuple[tuple[float, float, str], ...]:
        """(start, stop, network) in order of time, from the first network event to the end."""
        found = {name: self._intervals(self._latest("network", _is(name))) for name in NETWORKS}
        return tuple(sorted((float(a), float(b), name) for name, spans in found.items() for a, b in spans))

    def battery(self) -> tuple[FloatArray, FloatArray]:
        """Times f64[m] in seconds and levels f64[m] in percent, as logged."""
        samples = [(time_s, value) for time_s, state, value in self.events if state == "battery_percent"]
        times_s, percent = np.array(samples, dtype=np.float64).reshape(-1, 2).T
        return times_s, percent

    def _latest(self, state: str, fit: Callable[[Any], bool]) -> BoolArray:
        """After each event: whether the state is known and fits."""
        fits, row = False, np.zeros(len(self.events), dtype=bool)
        for place, (_, what, value) in enumerate(self.events):
            fits = fit(value) if what == state else fits
            row[place] = fits
        return row

    def _intervals(self, fits: BoolArray) -> FloatArray:
        """Where it fits, events of one second counting together."""
        times_s = np.array([time_s for time_s, _, _ in self.events])
        settled = np.append(np.diff(times_s) > 0, False)
        edges_s = np.append(times_s[settled], times_s[-1])
        steps = np.diff(fits[settled].astype(np.int8), prepend=0, append=0)
        return np.column_stack((edges_s[steps > 0], edges_s[steps < 0]))


def phones(path: str | Path) -> tuple[Phone, ...]:
    """Read all phones of a file. Raises TraceError naming the phone, and the line of its messages or the event."""
    file = TraceFile(Path(path))
    document = file.document()
    if not isinstance(document, dict) or not document:
        raise file.refusal(None, "not an object of phones", "give FLASH's state traces, {id: {guid, messages, model}}")
    return tuple(_phone(file, name, entry) for name, entry in document.items())


def _phone(file: TraceFile, name: str, entry: object) -> Phone:
    if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key), str) for key in ("messages", "model")):
        problem = f"phone {shown(name)} has no messages and model"
        raise file.refusal(None, problem, "give FLASH's state traces, {id: {guid, messages, model}}")
    rows = enumerate(entry["messages"].split("\n"), start=1)
    log = [
        _event(file, f"phone {shown(name)}, line {line} of its messages", text) for line, text in rows if text.strip()
    ]
    if not log:
        raise file.refusal(None, f"phone {shown(name)} has no event", "remove the phone")
    started = log[0][0]
    events = tuple(((moment - started).total_seconds(), state, value) for moment, state, value in log)
    _check_order(file, name, events)
    return Phone(name, entry["model"], started, events)


def _event(file: TraceFile, place: str, text: str) -> tuple[datetime, str, Any]:
    stamp, _, word = text.partition("\t")
    try:
        moment = datetime.strptime(stamp.strip(), _STAMP_FORMAT)
    except ValueError as bad:
        problem = f"{place}: a line must be 'YYYY-mm-dd HH:MM:SS <tab>event', got {shown(text)}"
        raise file.refusal(None, problem, "correct or remove the line") from bad
    return (moment, *_state(file, place, word.strip().lower()))


def _state(file: TraceFile, place: str, word: str) -> tuple[str, Any]:
    """State and value that an event speaks of."""
    if word in _SWITCHES:
        return _SWITCHES[word]
    if word in NETWORKS:
        return "network", word
    if not word.endswith("%"):
        raise file.refusal(None, f"{place}: unknown event {shown(word)}", "correct or remove the line")
    percent = file.number(None, word[:-1], f"{place}: the battery level in percent", 0.0, _FULL_PERCENT)
    return "battery_percent", percent


def _check_order(file: TraceFile, name: str, events: tuple[tuple[float, str, Any], ...]) -> None:
    early = [at for at in range(1, len(events)) if events[at][0] < events[at - 1][0]]
    if early:
        problem = f"phone {shown(name)}, event {early[0] + 1} lies before the one above it"
        raise file.refusal(None, problem, "sort the messages by time")


def _is(wanted: object) -> Callable[[Any], bool]:
    return lambda value: bool(value == wanted)

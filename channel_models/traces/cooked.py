"""Two columns, seconds and a value: the "cooked" bandwidth recordings of the adaptive-streaming literature.

Of such files are the Norwegian HSDPA commute logs (Riiser et al., MMSys 2013) and the FCC's Measuring Broadband America
home lines, in the form that Pensieve (Mao et al., SIGCOMM 2017) gave them: ``seconds<tab>Mbit/s``, 1 Mbit = 10^6 bits
(the FCC files are whole bytes a second in that unit and in no binary one). One file is one direction.
"""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from channel_models.traces.files import TraceFile, shown
from channel_models.traces.rate_trace import AtEnd, RateTrace
from channel_models.traces.snr_trace import PLAUSIBLE_DB, Missing, SnrTrace

BITS_PER_MBIT = 1e6

FloatArray = NDArray[np.float64]
Holds = Literal["forward", "backward"]
Bounds = tuple[float, float]

_MISSING = "-"
_SECONDS = (0.0, 1e10)
_RATE_MBPS = (0.0, 1e9)


def rate_trace(
    path: str | Path, *, direction: str | None = None, at_end: AtEnd = "loop", holds: Holds = "forward"
) -> RateTrace:
    """The rate of a recording; its first stamp is time 0.

    holds: ``"forward"``: a value holds until the next stamp, the last one for as long as the one before it;
    ``"backward"``: a value is the mean since the stamp before (so Pensieve's player reads them), the first one is not
    used, and the last stamp ends the recording. direction is what the caller uses the file for, and changes nothing.
    Raises TraceError for a line that is not two numbers >= 0 with increasing seconds, and for fewer than two lines.
    """
    if holds not in get_args(Holds):
        raise ValueError(f"holds must be one of {', '.join(get_args(Holds))}, got {holds!r}")
    file = TraceFile(Path(path))
    times_s, rates_mbps = _columns(file, "rate in Mbit/s", _RATE_MBPS, missing=None)
    times_s, rates_mbps, duration_s = _held(times_s, rates_mbps, holds)
    if not np.any(rates_mbps > 0):
        raise file.refusal(None, "every rate is 0", "give a recording of a link that carries something")
    return RateTrace(times_s=times_s, rates_bps=rates_mbps * BITS_PER_MBIT, duration_s=duration_s, at_end=at_end)


def snr_trace(path: str | Path, *, missing: Missing = "refuse") -> SnrTrace:
    """The same form with an SNR in dB as second column, ``-`` where missing; a value holds until the next stamp."""
    file = TraceFile(Path(path))
    times_s, snr_db = _columns(file, "SNR in dB", PLAUSIBLE_DB, missing=missing)
    times_s, snr_db, duration_s = _held(times_s, snr_db, "forward")
    return SnrTrace(times_s=times_s, snr_db=snr_db, duration_s=duration_s, missing=missing)


def _held(times_s: FloatArray, values: FloatArray, holds: Holds) -> tuple[FloatArray, FloatArray, float]:
    """Where pieces begin, their values, and the end of the last one."""
    if holds == "backward":
        return times_s[:-1], values[1:], float(times_s[-1])
    return times_s, values, float(2 * times_s[-1] - times_s[-2])


def _columns(file: TraceFile, what: str, bounds: Bounds, missing: Missing | None) -> tuple[FloatArray, FloatArray]:
    """Seconds since the first line, and values (NaN where missing)."""
    times_s, values, line = array("d"), array("d"), 0
    for line, text in file.lines():
        time, value = _split(file, line, text, what)
        times_s.append(file.number(line, time, "seconds", *_SECONDS))
        if len(times_s) > 1 and not times_s[-1] > times_s[-2]:
            raise file.refusal(
                line, f"{times_s[-1]:g} s comes after {times_s[-2]:g} s", "sort the lines, each stamp once"
            )
        values.append(_value(file, line, value, what, bounds, missing))
    if line < 2:
        raise file.refusal(line, "one line tells no duration", "give at least two")
    return np.array(times_s) - times_s[0], np.array(values)


def _split(file: TraceFile, line: int, text: str, what: str) -> tuple[str, str]:
    columns = text.split()
    if len(columns) != 2:
        raise file.refusal(line, f"two columns wanted, seconds and {what}, got {shown(text)}", "correct the line")
    return columns[0], columns[1]


def _value(file: TraceFile, line: int, text: str, what: str, bounds: Bounds, missing: Missing | None) -> float:
    if text == _MISSING and missing == "hold":
        return float("nan")
    if text == _MISSING and missing == "refuse":
        raise file.refusal(line, f"the {what} is missing", "set missing to 'hold', or remove the line")
    return file.number(line, text, what, *bounds)

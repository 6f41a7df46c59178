"""Recordings: whether the files are there, can be read, and have what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature

from channel_models.traces import READERS
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.names import did_you_mean
from pwffsim.scenario.recordings import path_of, recordings
from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.schema.radio import TRACE_OPTIONS


@reads("radio.fading.*", "radio.loss.*")
def files_of_models_exist(scenario: Scenario) -> Iterator[Finding]:
    """Recordings that a model names are there."""
    for axis in ("fading", "loss"):
        section = getattr(scenario.radio, axis)
        for index, name in enumerate(getattr(section, "files", None) or ()):
            try:
                path_of(name)
            except FileNotFoundError as error:
                yield finding(str(error), ("radio", axis, "files", index), ("radio", axis))


@reads("radio.trace", "radio.trace.format", *(f"radio.trace.{option}" for option in TRACE_OPTIONS))
def options_fit_the_format(scenario: Scenario) -> Iterator[Finding]:
    """A format's own settings are given with that format."""
    trace = scenario.radio.trace
    if trace is None:
        return
    known = [option for option in TRACE_OPTIONS if option in signature(READERS[trace.format]).parameters]
    for option in sorted(set(trace.options) - set(known)):
        message = (
            f"has no effect with format {trace.format}, which takes {', '.join(known)}{did_you_mean(option, known)}"
        )
        yield finding(message, ("radio", "trace", option))


@reads("radio.trace.*")
def recordings_can_be_read(scenario: Scenario) -> Iterator[Finding]:
    """Every recording is there, whole, and long enough for the offset."""
    trace = scenario.radio.trace
    if trace is None or any(options_fit_the_format.find(scenario)):
        return
    for index, name in enumerate(trace.files):
        try:
            path_of(name)
        except FileNotFoundError as error:
            yield finding(str(error), ("radio", "trace", "files", index), ("radio", "trace", "files"))
            continue
        yield from _unreadable(scenario, index)


def _unreadable(scenario: Scenario, index: int) -> Iterator[Finding]:
    """What is wrong with the recording in one file."""
    trace = scenario.radio.trace
    assert trace is not None
    one = trace.model_copy(update={"files": (trace.files[index],)})
    for link in [link for link in ("uplink", "downlink") if getattr(trace, link)]:
        try:
            length_s = recordings(one, link).of(0).duration_s
        except ValueError as error:
            yield finding(str(error), ("radio", "trace", "files", index), ("radio", "trace", "files"))
            return
        latest_s = trace.offset_s + trace.spread_s
        if trace.at_end == "refuse" and latest_s >= length_s:
            file = trace.files[index]
            message = (
                f"a client starts up to {latest_s:g} s into {file}, which lasts {length_s:g} s; write at_end: loop"
            )
            yield finding(message, ("radio", "trace", "offset_s"), ("radio", "trace", "spread_s"))
            return


CHECKS = (files_of_models_exist, options_fit_the_format, recordings_can_be_read)

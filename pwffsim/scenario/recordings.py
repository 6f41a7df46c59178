"""The recordings that a trace section names: their paths, and the rates in them."""

from __future__ import annotations

import re
from os.path import expanduser, expandvars
from pathlib import Path

from channel_models.traces import ClientTraces, read
from pwffsim.scenario.schema import Trace


def path_of(name: str) -> Path:
    """The file that a scenario names, variables filled in, relative to the working directory.

    Raises:
        FileNotFoundError: for a variable that is not set, or a file that is not there.
    """
    filled = expanduser(expandvars(name))
    if unset := re.search(r"\$\{?(\w+)\}?", filled):
        raise FileNotFoundError(f"{name}: the environment variable {unset[1]} is not set; set it, or correct the path")
    if not Path(filled).is_file():
        raise FileNotFoundError(f"{filled}: no such file; correct the path")
    return Path(filled)


def recordings(trace: Trace, link: str) -> ClientTraces:
    """The recorded rates of the clients' "uplink" or "downlink", without any offset.

    Raises:
        FileNotFoundError: for a file that is not there.
        ValueError: for one that is not such a recording; the message names file and line.
    """
    paths = [path_of(name) for name in trace.files]
    return read(paths, trace.format, link, trace.at_end, **trace.options)  # type: ignore[arg-type]

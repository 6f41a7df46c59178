"""The back-end that a command's arguments ask for."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pwffsim.compute.backend import Backend


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Executor, workers, threads, device: where it computes, which never shows in a result but for the last two."""
    group = parser.add_argument_group("where it computes")
    group.add_argument("--workers", type=_count, default=1, metavar="N", help="a number, or auto for one a core (1)")
    group.add_argument("--executor", choices=("serial", "processes", "ray"), help="what the workers are (processes)")
    group.add_argument(
        "--threads", type=_threads, default=1, metavar="N", help="of each worker, or auto for the quickest number (1)"
    )
    group.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if there is one")


def backend_of(arguments: argparse.Namespace, width: int) -> Backend:
    """The back-end.

    Args:
        arguments: of the command.
        width: of the model, by which the quickest number of threads is found where that is asked for.

    Raises:
        BackendUnavailable: for settings that make no sense together.
    """
    from pwffsim.compute.backend import Backend

    threads = arguments.threads or _quickest_threads(arguments.workers, width)
    return Backend(arguments.executor, arguments.workers, threads, arguments.device)


def _quickest_threads(workers: int, width: int) -> int:
    """One or a worker's share of the cores, as measured now; the manifest says which."""
    from pwffsim.learning.runtime import quickest_threads

    share = cores() // workers
    return quickest_threads(share, width) if share > 1 else 1


def _threads(text: str) -> int:
    """A number of at least one; 0 for auto."""
    return 0 if text == "auto" else _count(text)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(text: str) -> int:
    """A number of at least one.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    number = cores() if text == "auto" else int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a number of at least 1")
    return number

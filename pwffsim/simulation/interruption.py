"""Ctrl-C and SIGTERM: noticed at once where that is safe, at the next step of learning where it was not, and not at all
while a run directory is being closed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM has come."""


_pending: list[type[KeyboardInterrupt]] = []
"""What has come: an exception that a signal handler raises inside a destructor is lost, this is not."""


def listen() -> None:
    """From now on both signals raise, here or at the next `check`."""
    _pending.clear()
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def check() -> None:
    """Raise what has come and was swallowed.

    Raises:
        KeyboardInterrupt, Terminated: when a signal has come.
    """
    if _pending:
        raise _pending[0]("interrupted")


def as_it_came(error: BaseException) -> BaseException:
    """The interrupt that has come, where a library has made another one of it, as Ray makes a KeyboardInterrupt of
    SIGTERM; any other error as it is."""
    return _pending[0]("interrupted") if _pending and isinstance(error, KeyboardInterrupt) else error


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold the signals off for a moment: what is begun here is finished."""
    if current_thread() is not main_thread():
        yield
        return
    former = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    kind = Terminated if number == signal.SIGTERM else KeyboardInterrupt
    _pending.append(kind)
    raise kind("interrupted")

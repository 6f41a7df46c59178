"""Exceptions that survive SimPy, which re-creates a failure as ``type(e)(*e.args)`` each time it hands it on."""

from __future__ import annotations


class SimFault(Exception):
    """Something is wrong with the simulation; made from one string. Subclasses keep this constructor."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ProcessFailed(SimFault):
    """A process raised something that SimPy could not re-create; the original is the ``__cause__``."""


def as_fault(exception: BaseException, where: str) -> BaseException:
    """``exception`` itself if SimPy can re-create it, else a ProcessFailed around it that names ``where``."""
    if type(exception).__init__ is SimFault.__init__ or not isinstance(exception, Exception):
        return exception
    fault = ProcessFailed(f"{where}: {type(exception).__name__}: {exception}")
    fault.__cause__ = exception
    return fault


def origin(fault: BaseException) -> BaseException:
    """The exception that was raised first, below SimPy's copies and our ProcessFailed wrappers."""
    while (cause := fault.__cause__) is not None:
        is_copy = type(cause) is type(fault) and cause.args == fault.args
        if not is_copy and not isinstance(fault, ProcessFailed):
            break
        fault = cause
    return fault

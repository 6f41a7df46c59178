"""A process's generator between SimPy and the model: bad yields and any exception are reported as what they are."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from simpy.events import Event

from pwffsim.kernel.faults import SimFault, as_fault
from pwffsim.kernel.schedule import OrderedEnvironment

ProcessGenerator = Generator[Event, Any, Any]


class Guarded(Generator[Event, Any, Any]):
    """Drives ``generator`` under the name ``name``."""

    def __init__(self, env: OrderedEnvironment, generator: ProcessGenerator, name: str) -> None:
        self._env = env
        self._generator = generator
        self.__name__ = name

    def send(self, value: Any) -> Event:
        """Resume with the value of the event that was waited for."""
        try:
            return self._checked(self._generator.send(value))
        except StopIteration:
            raise
        except Exception as exception:
            raise self._told(exception)  # noqa: B904  (the cause is part of it)

    def throw(self, exception: Any, value: Any = None, traceback: Any = None) -> Event:
        """Resume with the failure of the event that was waited for."""
        try:
            return self._checked(self._generator.throw(exception))
        except StopIteration:
            raise
        except Exception as raised:
            raise self._told(raised)  # noqa: B904  (the cause is part of it)

    def close(self) -> None:
        """End the generator."""
        self._generator.close()

    def _checked(self, target: Any) -> Event:
        if not isinstance(target, Event):
            raise SimFault(f"process {self.__name__!r} yielded {target!r}: yield an event, such as kernel.timeout(...)")
        if target.env is not self._env:
            raise SimFault(f"process {self.__name__!r} yielded an event of another kernel: {target!r}")
        return target

    def _told(self, exception: Exception) -> BaseException:
        note = f"in process {self.__name__!r} at {self._env.now} ns of simulated time"
        if note not in getattr(exception, "__notes__", ()):
            exception.add_note(note)
        return as_fault(exception, f"process {self.__name__!r}")

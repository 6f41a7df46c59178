"""What can go wrong with a run directory, each with its own name."""

from __future__ import annotations


class RunError(Exception):
    """Base of all errors about recorded runs."""


class RunExists(RunError):
    """The place where a run should be recorded already holds something; nothing was overwritten."""


class RunNotFound(RunError):
    """There is no run directory at this path."""


class RunDamaged(RunError):
    """A run directory is there but cannot be read as it was written."""


class RecordInvalid(RunError):
    """A record holds a value that its table cannot take; nothing of it was recorded."""


class LawBroken(RunError):
    """A recorded run breaks a conservation law; the message names the law, the actor and the records."""


class TornPart(UserWarning):
    """A part of an unfinished run could not be read and was left out."""

"""Exit codes of every command. Unknown non-zero codes mean failure."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the process says when it ends."""

    OK = 0
    """Done."""
    INTERNAL = 1
    """An error in pwffsim itself: please report it."""
    INVALID = 2
    """Wrong usage, an invalid scenario, missing or broken data, weights or run directories."""
    DIVERGED = 4
    """Training left the finite numbers; the run directory is marked and readable."""
    INCONSISTENT = 5
    """A conservation law was broken, or a fingerprint differs."""
    RESOURCE = 6
    """A disk or worker failed."""
    INTERRUPTED = 130
    """Ctrl-C; the run directory is marked and readable."""
    TERMINATED = 143
    """SIGTERM; likewise."""


_CODES: dict[str, Exit] = {
    "builtins.KeyboardInterrupt": Exit.INTERRUPTED,
    "pwffsim.simulation.interruption.Terminated": Exit.TERMINATED,
    "pwffsim.world.faults.Diverged": Exit.DIVERGED,
    "pwffsim.scenario.errors.ScenarioErrors": Exit.INVALID,
    "pwffsim.data.errors.DataError": Exit.INVALID,
    "pwffsim.learning.bases.BaseUnavailable": Exit.INVALID,
    "pwffsim.simulation.preparation.MemoryShortage": Exit.INVALID,
    "pwffsim.architecture.attention.UnsupportedPattern": Exit.INVALID,
    "pwffsim.architecture.families.UnsupportedModel": Exit.INVALID,
    "pwffsim.architecture.places.UnsupportedPlaces": Exit.INVALID,
    "pwffsim.compute.recipe.NotPlanned": Exit.INVALID,
    "pwffsim.compute.recipe.BackendUnavailable": Exit.INVALID,
    "pwffsim.compute.recipe.WorkerLost": Exit.RESOURCE,
    "pwffsim.studies.series.StudyBusy": Exit.INVALID,
    "pwffsim.paper.grid.NoPresets": Exit.INVALID,
    "pwffsim.runs.errors.LawBroken": Exit.INCONSISTENT,
    "pwffsim.runs.errors.RunError": Exit.INVALID,
    "channel_models.transfer.work.LinkStalled": Exit.INVALID,
    "channel_models.path_loss.OutOfRange": Exit.INVALID,
    "channel_models.traces.errors.TraceEnded": Exit.INVALID,
    "channel_models.traces.errors.TraceError": Exit.INVALID,
    "builtins.FileExistsError": Exit.INVALID,
    "builtins.OSError": Exit.RESOURCE,
}
"""Qualified name of an error -> exit code; names, so that nothing is imported to compare with."""


def code_of(error: BaseException) -> Exit | None:
    """The exit code of an error that a user can do something about, or of its cause; None for any other."""
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    known = next((_CODES[name] for name in names if name in _CODES), None)
    return known if known is not None or error.__cause__ is None else code_of(error.__cause__)

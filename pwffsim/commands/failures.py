"""Errors that a user can do something about become one message and an exit code; others keep their traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from pwffsim.exit_codes import Exit

_CODES: dict[str, Exit] = {
    "pwffsim.scenario.errors.ScenarioErrors": Exit.INVALID,
    "pwffsim.data.errors.DataError": Exit.INVALID,
    "pwffsim.learning.bases.BaseUnavailable": Exit.INVALID,
    "pwffsim.simulation.preparation.MemoryShortage": Exit.INVALID,
    "pwffsim.architecture.families.UnsupportedModel": Exit.INVALID,
    "pwffsim.runs.errors.LawBroken": Exit.INCONSISTENT,
    "pwffsim.runs.errors.RunError": Exit.INVALID,
    "channel_models.work.LinkStalled": Exit.INVALID,
    "pwffsim.compute.recipe.ComputeError": Exit.INTERNAL,
    "pwffsim.kernel.faults.SimFault": Exit.INTERNAL,
    "builtins.OSError": Exit.RESOURCE,
}
"""Qualified name of an error -> exit code; names, so that nothing is imported to compare with."""


def explained(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command; its known errors are printed as they stand and become exit codes."""
    try:
        return command(arguments)
    except KeyboardInterrupt:
        print("pwffsim: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except Exception as error:
        code = _code(error)
        if code is None:
            raise
        print(f"pwffsim: {error}", file=sys.stderr)
        return code


def _code(error: BaseException) -> Exit | None:
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    return next((_CODES[name] for name in names if name in _CODES), None)

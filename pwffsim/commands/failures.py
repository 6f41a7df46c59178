"""Errors that a user can do something about become one message and an exit code; others keep their traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from pwffsim.exit_codes import Exit, code_of


def explained(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command; its known errors are printed as they stand and become exit codes."""
    try:
        return command(arguments)
    except (Exception, KeyboardInterrupt) as error:
        code = code_of(error)
        if code is None:
            raise
        print(f"pwffsim: {'interrupted' if code is Exit.INTERRUPTED else error}", file=sys.stderr)
        return code

"""The command line: one module a command, imported when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from pwffsim import __version__

COMMANDS: dict[str, str] = {
    "run": "run a scenario and write a run directory with its report",
    "plan": "print a scenario's timeline, bytes and joules without training",
    "channel": "print a scenario's link budgets, rates, delays, losses and energy, with what is implausible",
    "validate": "check a scenario and say everything that is wrong with it",
    "schema": "print the JSON Schema of scenarios, for editors",
    "report": "write report.html for a run directory",
    "paper": "reproduce and audit the PWFF paper: its grid, figures, and a verdict on each claim",
    "pretrain": "pre-train a base model (the paper's centralised first phase)",
}
"""Name of a command -> what it does; the module ``pwffsim.commands.<name>`` carries it out."""

_EPILOG = "exit codes: 0 done; 1 internal error; 2 wrong usage, scenario, data or run; 4 training diverged; 5 a law \
was broken; 6 disk or worker failed; 130 and 143 interrupted, with a readable run directory"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command; the value is the process's exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="pwffsim", description=__doc__, epilog=_EPILOG)
    parser.description = "Federated fine-tuning of language models over wireless links, co-simulated."
    parser.add_argument("--version", action="version", version=f"pwffsim {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = words[0] if words and words[0] in COMMANDS else None
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:
            import_module(f"pwffsim.commands.{name}").add_arguments(command)
    return int(_carry_out(parser.parse_args(words)))


def _carry_out(arguments: argparse.Namespace) -> int:
    from pwffsim.commands.failures import explained

    module = import_module(f"pwffsim.commands.{arguments.command}")
    return explained(module.run, arguments)


if __name__ == "__main__":
    sys.exit(main())

"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pwffsim.scenario.errors import Loc, Problem
from pwffsim.scenario.locate import locate, problem_at, written
from pwffsim.scenario.schema import Scenario
from pwffsim.scenario.yaml_tree import Node


@dataclass(frozen=True)
class Finding:
    """Something that does not fit together.

    Attributes:
        message: what is wrong and the remedy.
        locs: the keys that could be changed to mend it, the likeliest first.
    """

    message: str
    locs: tuple[Loc, ...]

    def problem(self, root: Node) -> Problem:
        """The problem at the last of its keys that came from ``--set``, else at the first that is written."""
        present = [loc for loc in self.locs if written(root, loc)]
        changed = [loc for loc in present if locate(root, loc).source.order > 0]
        best = max(changed, key=lambda loc: locate(root, loc).order) if changed else (present or self.locs)[0]
        return problem_at(root, best, self.message)


def finding(message: str, *locs: Loc) -> Finding:
    """A finding at the first of `locs` that the user wrote."""
    return Finding(message, locs)


Find = Callable[[Scenario], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """A check and the values that it looks at; it is left out while one of them is wrong by itself.

    Attributes:
        find: what it does.
        reads: dotted keys; ``key.*`` for everything below a key as well.
    """

    find: Find
    reads: tuple[str, ...]

    def touches(self, wrong: Loc) -> bool:
        """Whether a value that the check looks at is gone with `wrong`, or lies around it."""
        return any(_touches(read, wrong) for read in self.reads)


def reads(*keys: str) -> Callable[[Find], Check]:
    """Declare which values of a scenario a check looks at."""
    return lambda find: Check(find, keys)


def _touches(read: str, wrong: Loc) -> bool:
    key = tuple(read.removesuffix(".*").split("."))
    below = read.endswith(".*") and wrong[: len(key)] == key
    return below or key[: len(wrong)] == wrong

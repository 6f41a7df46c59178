"""A study carried out: several points at once, none twice, failures listed, and at any moment to be taken up again.

One process a point, one thread each: N points side by side are quicker than one point on N workers, for nothing waits.
Points of one scenario and seed share training; while one of them is under way, others go first, so that what it stores
is found. What is stored changes when a point is done, never what comes of it.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pwffsim.runs.atomic import write_json
from pwffsim.runs.sources import MANIFEST
from pwffsim.scenario.errors import ScenarioErrors
from pwffsim.scenario.loader import load
from pwffsim.studies.attempt import Task
from pwffsim.studies.hands import Hand, heard
from pwffsim.studies.identity import identity
from pwffsim.studies.outcome import FINAL, WAITING, Ending, Outcome
from pwffsim.studies.point import Point

LISTING = "points.json"
_LOCK = ".lock"
_LOOK_EVERY_S = 0.5

Tell = Callable[[Sequence[Outcome]], None]
"""Shown where every point stands, whenever that has changed."""


class StudyBusy(ValueError):
    """Another process carries out a study in this folder."""


def carry_out(points: Sequence[Point], out: Path, workers: int, tell: Tell) -> tuple[Outcome, ...]:
    """Carry out what is not done yet.

    Args:
        points: of the study; several may ask for the same run, which is then made once.
        out: folder of the study: ``points/<digest>`` are run directories, ``store`` what they share, ``points.json``
            lists them.
        workers: points at once.
        tell: shows progress.

    Raises:
        StudyBusy: when another process is at work in the folder.
        KeyboardInterrupt: when it is interrupted; runs under way have then been closed, and the list is up to date.
    """
    out.mkdir(parents=True, exist_ok=True)
    with alone(out):
        board = _Board([_looked_up(point, out) for point in points], out, tell)
        _play(board, out / "store", workers)
        return tuple(board.outcomes)


class _Board:
    """Where every point stands: told, and on disk."""

    def __init__(self, outcomes: list[Outcome], out: Path, tell: Tell) -> None:
        self.outcomes = outcomes
        self._path = out / LISTING
        self._tell = tell
        self._show()

    def waiting(self) -> list[Outcome]:
        """One point of each digest that has no ending."""
        return list({each.digest: each for each in self.outcomes if each.ending.status == WAITING}.values())

    def enter(self, digest: str, ending: Ending) -> None:
        """Note how all points of a digest ended."""
        self.outcomes = [replace(each, ending=ending) if each.digest == digest else each for each in self.outcomes]
        self._show()

    def _show(self) -> None:
        write_json(self._path, [each.listing for each in self.outcomes])
        self._tell(self.outcomes)


def _looked_up(point: Point, out: Path) -> Outcome:
    """A point as it was left, or the reason why its scenario cannot be."""
    try:
        digest = identity(load(point.scenario, point.arguments), point.kind)
    except ScenarioErrors as error:
        return Outcome(point, "", out, Ending("failed", str(error)))
    path = out / "points" / digest
    ending = _former(path)
    return Outcome(point, digest, path, ending if ending.status in FINAL else Ending(WAITING))


def _former(path: Path) -> Ending:
    manifest = path / MANIFEST
    if not manifest.is_file():
        return Ending(WAITING)
    found = json.loads(manifest.read_bytes())
    return Ending(str(found.get("status")), str(found.get("error") or ""))


def _play(board: _Board, store: Path, workers: int) -> None:
    waiting, hands = board.waiting(), dict[Hand, Outcome]()
    try:
        while waiting or hands:
            while waiting and len(hands) < workers:
                chosen = next_of(waiting, list(hands.values()))
                waiting.remove(chosen)
                hands[Hand(Task(chosen.point, chosen.path, store))] = chosen
            for hand in heard(list(hands), _LOOK_EVERY_S):
                board.enter(hands[hand].digest, hand.ending())
                del hands[hand]
    finally:
        _stop(list(hands))


def next_of(waiting: Sequence[Outcome], under_way: Sequence[Outcome]) -> Outcome:
    """The first that shares no training with those under way; the first, where all do."""
    busy = {each.point.kinship for each in under_way}
    return next((each for each in waiting if each.point.kinship not in busy), waiting[0])


def _stop(hands: Sequence[Hand]) -> None:
    for hand in hands:
        hand.tell_to_stop()
    for hand in hands:
        hand.see_off()


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with the process however that ends."""
    with (out / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StudyBusy(f"{out}: another study is under way there; wait for it, or give another folder") from None
        yield

"""A world whose clients never meet: rounds are played one after another, each over all clients at once, and written
down in batches."""

from __future__ import annotations

from itertools import islice

from pwffsim.world.abreast.cast import Cast
from pwffsim.world.abreast.journal import Book, Journal
from pwffsim.world.abreast.outcome import Server
from pwffsim.world.abreast.play import Play
from pwffsim.world.abreast.telling import Teller
from pwffsim.world.abreast.terms import NotAbreastError, refusal
from pwffsim.world.blueprint import Blueprint
from pwffsim.world.world import stages

TASKS_A_BATCH = 2**13


class AbreastWorld:
    """Server and clients, without events.

    Args:
        blueprint: shapes and settings.
        book: where records go.
        batch: how many tasks, a round of a client each, are written down together, as far as that is whole rounds;
            nothing depends on it but time and memory.

    Raises:
        NotAbreastError: for a world whose clients meet.
    """

    def __init__(self, blueprint: Blueprint, book: Book, batch: int = TASKS_A_BATCH) -> None:
        if (why := refusal(blueprint)) is not None:
            raise NotAbreastError(why)
        cast, parts = Cast(blueprint), stages(blueprint)
        self._journal = Journal(book, cast.names, tuple(stage.name for stage in parts))
        self._play = Play(blueprint, cast, parts, self._journal.payload)
        self._teller = Teller(cast, self._play, self._journal)
        self._server = Server(blueprint.scenario.aggregation, cast, self._journal)
        self._rounds = max(1, batch // cast.numbers.size)

    def run(self) -> None:
        """Play the scenario out.

        Raises:
            NotAbreastError: where a transfer stalls, takes no time, or leaves gaps in a download: events tell what
                comes of it.
        """
        played = self._play.rounds()
        while rounds := list(islice(played, self._rounds)):
            self._teller.tell(rounds)
            self._server.tell(rounds)
            self._journal.close()
        self._teller.close()
        self._server.close(self._play.now_ns)
        self._journal.close()

"""The air of a cell: whoever is on it shares it by the cell's rule."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from channel_models.sharing.policy import Allocation, Sharing, User
from channel_models.transfer.profile import block_of
from pwffsim.kernel.clock import Kernel, seconds
from pwffsim.kernel.order import Order
from pwffsim.kernel.race import race
from pwffsim.kernel.resource import Acquire, Medium
from pwffsim.runs.records import SpanKind
from pwffsim.world.radio.rider import Rider

Leave = Callable[[int], "int | None"]
"""When a rider must leave the air, if that is not after a given time."""

_LOOKAHEAD_NS = 30 * 10**9
"""How far ahead at a time a rider looks for the time to leave."""

Population = Callable[[Rider], Sequence[User]]
"""Everybody who might be on the air beside a rider."""


def never(until_ns: int) -> int | None:
    """A rider that stays to the end."""
    return None


class Air:
    """One band in one direction.

    Args:
        kernel: the clock.
        sharing: the rule.
        population: who a static division is made for.
        name: in messages.
        kind: what being on air is called, UPLOAD or DOWNLOAD.
    """

    def __init__(self, kernel: Kernel, sharing: Sharing, population: Population, name: str, kind: SpanKind) -> None:
        self._kernel = kernel
        self._kind = kind
        self._sharing = sharing
        self._population = population
        self._band = Medium(kernel, name) if sharing.exclusive else None
        self._riders: dict[int, Rider] = {}

    def ride(self, rider: Rider, leave: Leave = never) -> Generator[Any, Any, bool]:
        """Queue if need be, then be on air, until all is sent (True) or it is time to leave (False)."""
        if not (yield from self._admitted(rider, leave)):
            return False
        began_ns = self._kernel.now_ns
        self._board(rider)
        done = yield from self._stay(rider, leave)
        self._get_off(rider)
        rider.note(self._kind, began_ns)
        return done

    def _admitted(self, rider: Rider, leave: Leave) -> Generator[Any, Any, bool]:
        if self._band is None:
            return True
        asked_ns = self._kernel.now_ns
        grant = self._band.acquire(rider.client)
        if leave is never:
            yield grant
            winner = "grant"
        else:
            called_away = self._kernel.process(self._time_to_leave(grant, leave), f"client {rider.client} in a queue")
            winner, _ = yield race(self._kernel, grant=grant, leave=called_away)
        rider.note(SpanKind.QUEUE, asked_ns)
        return winner == "grant"

    def _time_to_leave(self, grant: Acquire, leave: Leave) -> Generator[Any, Any, None]:
        """Ends when a rider must leave the queue, or some time after it was served."""
        leave_ns = None
        while leave_ns is None and not grant.triggered:
            horizon_ns = self._kernel.now_ns + _LOOKAHEAD_NS
            leave_ns = leave(horizon_ns)
            yield self._kernel.at(horizon_ns if leave_ns is None else leave_ns)

    def _stay(self, rider: Rider, leave: Leave) -> Generator[Any, Any, bool]:
        done: bool | None = None
        while done is None:
            stop_ns, outcome = self._next_stop(rider, leave)
            stop = self._kernel.at(stop_ns, order=Order.DELIVERY, actor=rider.client)
            winner, _ = yield race(self._kernel, stop=stop, changed=rider.changed)
            done = outcome if winner == "stop" else None
        return done

    def _next_stop(self, rider: Rider, leave: Leave) -> tuple[int, bool | None]:
        """A time, and what it then comes to: all is sent (True), the rider must leave (False), or neither yet."""
        if leave is never:
            return rider.end_ns, True
        horizon_ns = self._kernel.now_ns + _LOOKAHEAD_NS
        leave_ns = leave(horizon_ns)
        until_ns = horizon_ns if leave_ns is None else leave_ns
        end_ns = rider.end_by(until_ns)
        if end_ns is not None:
            return end_ns, True
        return until_ns, None if leave_ns is None else False

    def _board(self, rider: Rider) -> None:
        self._riders[rider.client] = rider
        self._share_out(rider)

    def _get_off(self, rider: Rider) -> None:
        del self._riders[rider.client]
        if self._band is not None:
            self._band.release(rider.client)
        if self._sharing.dynamic and self._riders:
            self._share_out(None)

    def _share_out(self, newcomer: Rider | None) -> None:
        """Give the newcomer its share; where shares depend on who is there, give everybody theirs anew."""
        riders = [*self._riders.values()] if newcomer is None or self._sharing.dynamic else [newcomer]
        shares = self._allocations(riders)
        for rider in riders:
            rider.take(shares[rider.client])
            if rider is not newcomer:
                rider.told()

    def _allocations(self, riders: Sequence[Rider]) -> dict[int, Allocation]:
        active = {rider.client: rider.user for rider in sorted(riders, key=lambda rider: rider.client)}
        known = {user.client: user for user in self._population(riders[0])} if self._sharing.by_population else {}
        population = sorted((known | active).values(), key=lambda user: user.client)
        block = block_of(riders[0].link.profile, seconds(self._kernel.now_ns))
        return self._sharing.allocate([*active.values()], population, block)

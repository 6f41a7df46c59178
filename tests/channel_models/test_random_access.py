from __future__ import annotations

from math import e

import numpy as np
import pytest

from channel_models.randomness import stream
from channel_models.sharing import User
from channel_models.sharing.slotted_aloha import SlottedAloha, collision_probability, throughput


def users(count: int) -> list[User]:
    return [
        User(client=i, mean_snr=1.0, bits=1.0, tx_power_w=1.0, gain=lambda first, count, band=0: np.ones(count))
        for i in range(count)
    ]


def test_throughput_golden() -> None:
    # N p (1-p)^(N-1)
    assert throughput(10, 0.1) == pytest.approx(0.387420489, rel=1e-9)


def test_throughput_against_slots_drawn_one_by_one() -> None:
    # class B: share of slots with exactly one of ten senders
    single = (stream(1, "test/slots").random((100_000, 10)) < 0.1).sum(axis=1) == 1
    assert abs(single.mean() - throughput(10, 0.1)) <= 4.4 * single.std() / np.sqrt(single.size)


def test_the_allocation_carries_the_throughput() -> None:
    everybody = users(10)
    parts = SlottedAloha(attempt_probability=0.1).allocate(everybody, everybody, 0)
    assert sum(part.airtime * (1.0 - part.collision) for part in parts.values()) == pytest.approx(0.387420489, rel=1e-9)
    assert parts[3].collision == pytest.approx(1.0 - 0.9**9, rel=1e-12)


def test_left_out_the_attempt_probability_is_the_best_one() -> None:
    everybody = users(7)
    part = SlottedAloha().allocate(everybody, everybody, 0)[0]
    assert part.airtime == 1.0 / 7.0
    grid = [throughput(7, p) for p in np.linspace(0.01, 0.99, 99)]
    assert 7 * part.airtime * (1.0 - part.collision) >= max(grid)
    assert throughput(10**6, 1e-6) == pytest.approx(1.0 / e, rel=1e-6)


def test_collisions_depend_on_who_is_active() -> None:
    everybody = users(3)
    rule = SlottedAloha(attempt_probability=0.5)
    assert [rule.allocate(everybody[:n], everybody, 0)[0].collision for n in (1, 2, 3)] == [0.0, 0.5, 0.75]
    assert rule.allocate([], everybody, 0) == {}


@pytest.mark.parametrize("attempt", [0.0, 1.0, -0.1, 1.1])
def test_a_probability_that_never_gets_through_is_refused(attempt: float) -> None:
    with pytest.raises(ValueError, match="attempt_probability"):
        SlottedAloha(attempt_probability=attempt)


def test_limits_of_the_collision_probability() -> None:
    assert (collision_probability(1, 1.0), collision_probability(2, 1.0)) == (0.0, 1.0)
    with pytest.raises(ValueError, match="users"):
        collision_probability(0, 0.1)


@pytest.mark.parametrize(
    ("users", "attempt", "hopeless"), [(100, 0.5, True), (10, 0.5, False), (100, None, False), (1, 0.9, False)]
)
def test_what_gets_nothing_through_is_said_to_be_hopeless(users: int, attempt: float | None, hopeless: bool) -> None:
    """p (1-p)^(n-1) < 1e-6: 100 users at p = 0.5 get 8e-31 of the slots each, 10 get 1e-3."""
    told = SlottedAloha(attempt_probability=attempt).hopeless(users)
    assert (told is not None) == hopeless
    assert not hopeless or "about 0.01" in str(told)

from __future__ import annotations

import numpy as np
import pytest

from channel_models.randomness import stream
from channel_models.sharing import User
from channel_models.sharing.ergodic import best_of_rate
from channel_models.sharing.ofdma_pf import OfdmaProportionalFair
from channel_models.sharing.policy import gain_of_link

SNR = 10.0**0.5
CHUNK = 4096


def exponential_gain(link: int, first_block: int, count: int) -> np.ndarray:
    first, last = first_block // CHUNK, (first_block + count - 1) // CHUNK
    chunks = [stream(3, "test/gain", link, chunk).standard_exponential(CHUNK) for chunk in range(first, last + 1)]
    return np.concatenate(chunks)[first_block - first * CHUNK :][:count]


def users(mean_snrs: list[float]) -> list[User]:
    return [
        User(client=i, mean_snr=snr, bits=1.0, tx_power_w=1.0, gain=gain_of_link(exponential_gain, i))
        for i, snr in enumerate(mean_snrs)
    ]


def rates(rule: OfdmaProportionalFair, everybody: list[User], first: int, count: int) -> np.ndarray:
    """airtime log2(1 + snr) by user and block, as a link would count it with Shannon's rate map."""
    parts = rule.allocate(everybody, everybody, 0)
    return np.array(
        [
            parts[user.client].airtime_of(first, count) * np.log2(1.0 + parts[user.client].snr_of(user, first, count))
            for user in everybody
        ]
    )


def same_recursion_in_replicas(beta: float, blocks: int) -> np.ndarray:
    """Proportional fairness of ten users, written for 200 independent replicas at once: mean rate of each block."""
    generator, row = stream(4, "test/replicas"), np.arange(200)
    average = np.full((200, 10), np.log2(1.0 + SNR) / 10)
    means = []
    for _ in range(blocks):
        rate = np.log2(1.0 + SNR * generator.standard_exponential((200, 10)))
        owner = np.argmax(rate / average, axis=1)
        average *= beta
        average[row, owner] += (1.0 - beta) * rate[row, owner]
        means.append(rate[row, owner].mean())
    return np.array(means[blocks // 4 :])


@pytest.mark.parametrize("beta", [0.9, 0.99])
def test_a_finite_window_costs_rate(beta: float) -> None:
    """Class B. Long runs give 2.8056(6), 3.2023(5), 3.2555(3) b/s/Hz at beta 0.9, 0.99, 0.999 of ten users at 5 dB;
    Sionna's scheduler measured 3.202 at 0.99. All are below the best of ten, 3.2613, which they near with the window.
    """
    ours = rates(OfdmaProportionalFair(window_beta=beta), users([SNR] * 10), 0, 20_000).sum(axis=0)[2_000:]
    replicas = same_recursion_in_replicas(beta, 2_000)
    # The owner's rate is correlated over the window: batch means of 100 blocks carry the standard error.
    batch = ours.reshape(-1, 100).mean(axis=1)
    error = np.hypot(batch.std() / np.sqrt(batch.size), replicas.std() / np.sqrt(replicas.size))
    assert abs(ours.mean() - replicas.mean()) <= 4.4 * error
    expected = {0.9: 2.8056, 0.99: 3.202}[beta]
    assert abs(ours.mean() - expected) <= 4.4 * batch.std() / np.sqrt(batch.size)
    assert ours.mean() < best_of_rate(SNR, 10)


def test_a_long_window_serves_the_best_of_equal_users() -> None:
    """Class B: with beta -> 1 the averages of equal users stay equal, and the greatest gain has the band."""
    ours = rates(OfdmaProportionalFair(window_beta=1.0 - 1e-9), users([SNR] * 5), 0, 20_000).sum(axis=0)
    assert abs(ours.mean() - best_of_rate(SNR, 5)) <= 4.4 * ours.std() / np.sqrt(ours.size)


def test_shares_add_up_and_fairness_is_of_time() -> None:
    """Users of very unequal SNR have nearly equal shares: r/T compares each with its own average."""
    everybody = users([0.1, 1.0, 100.0])
    parts = OfdmaProportionalFair(resource_blocks=4).allocate(everybody, everybody, 0)
    shares = np.array([parts[i].airtime_of(0, 5_000) for i in range(3)])
    assert shares.sum(axis=0) == pytest.approx(np.ones(5_000), abs=1e-12)
    assert np.all(np.isin(shares * 4, range(5)))
    assert np.all(shares.mean(axis=1) > 0.2)


def test_blocks_can_be_asked_for_in_any_order() -> None:
    everybody = users([0.5, 2.0, 5.0])
    rule = OfdmaProportionalFair(resource_blocks=3)
    parts, again = (rule.allocate(everybody, everybody, 40) for _ in range(2))
    late, early = parts[1].airtime_of(900, 50), parts[1].airtime_of(40, 860)
    assert np.array_equal(np.concatenate((early, late)), again[1].airtime_of(40, 910))
    assert np.array_equal(parts[2].snr_of(everybody[2], 500, 9), again[2].snr_of(everybody[2], 500, 9))
    with pytest.raises(ValueError, match="first_block"):
        parts[1].airtime_of(39, 1)


def test_one_user_of_one_band_is_private_and_of_many_bands_gains_nothing_lost() -> None:
    only = users([SNR])
    parts = OfdmaProportionalFair().allocate(only, only, 0)
    assert parts[0].snr_of(only[0], 10, 20) == pytest.approx(SNR * exponential_gain(0, 10, 20), rel=1e-12)
    four = rates(OfdmaProportionalFair(resource_blocks=4), only, 0, 50)[0]
    bands = [np.log2(1.0 + SNR * only[0].gain(0, 50, band)) for band in range(4)]
    assert four == pytest.approx(np.mean(bands, axis=0), rel=1e-12)


def test_another_client_does_not_change_a_clients_gains() -> None:
    few, many = users([SNR] * 2), users([SNR] * 9)
    assert np.array_equal(few[1].gain(7, 30, 2), many[1].gain(7, 30, 2))
    assert not np.array_equal(few[1].gain(7, 30, 2), few[1].gain(7, 30, 1))


@pytest.mark.parametrize(
    ("change", "message"), [({"resource_blocks": 0}, "resource_blocks"), ({"window_beta": 1.0}, "window_beta")]
)
def test_bad_parameters_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OfdmaProportionalFair(**change)

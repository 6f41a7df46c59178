"""Over-the-air aggregation as a way of sharing: what each client sends, radiates and leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log10, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.aircomp import aligned_power, latency_s, truncation_probability
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.sharing import SHARING, User
from channel_models.sharing.over_the_air import OverTheAir
from channel_models.sharing.policy import gain_of_link

BAND_HZ = 1e5
SNR = 10.0**0.5


def faded(clients: int, snr: float = SNR, seed: int = 3, coherence_s: float = 1e-3) -> list[User]:
    fading = BlockRayleigh(seed=seed, coherence_s=coherence_s)
    return [
        User(client=i, mean_snr=snr, bits=0, tx_power_w=2.0, gain=gain_of_link(fading.gain, i)) for i in range(clients)
    ]


def given_gains(gains: Sequence[float], snr: float = SNR, client: int = 0) -> User:
    def gain(first_block: int, count: int, subband: int = 0, /) -> np.ndarray:
        return np.asarray(gains, dtype=float)[first_block : first_block + count]

    return User(client=client, mean_snr=snr, bits=0, tx_power_w=2.0, gain=gain)


def test_it_alone_superposes() -> None:
    assert {name for name, rule in SHARING.items() if rule.superposes} == {"over_the_air"}
    assert SHARING["over_the_air"]().dynamic and not SHARING["over_the_air"]().exclusive


def test_a_part_by_hand() -> None:
    # 13 entries, 2 a symbol, 4 symbols a second from 0.5 s on, blocks of 1 s: entries 0-3 in block 0, 4-11 in block 1,
    # 12 in block 2; seconds = entries/(2B), power = rho0/(sigma^2 snr g) of full power
    rule = OverTheAir(gain_threshold=0.2)
    weak, strong = given_gains([0.1, 0.5, 0.25]), given_gains([2.0, 0.19, 0.1], snr=3 * SNR, client=1)
    first, second = rule.superpose([weak, strong], 4 * 13, 0.5, 4.0, 1.0)
    share = aligned_power(SNR, 0.2) / SNR  # 1/E1(0.2)
    assert share == pytest.approx(1 / 1.222650544, rel=1e-9)
    assert first.lost_ranges == ((0, 16),) and second.lost_ranges == ((16, 52),)
    assert (first.lost_bytes, second.lost_bytes) == (16, 36)
    assert first.on_air_s == pytest.approx(9 / 8, rel=1e-12)
    assert second.on_air_s == pytest.approx(4 / 8, rel=1e-12)
    assert first.radiated_j == pytest.approx(2.0 * share * (8 / 8 / 0.5 + 1 / 8 / 0.25), rel=1e-12)
    assert second.radiated_j == pytest.approx(2.0 * share / 3 * (4 / 8 / 2.0), rel=1e-12)
    for part in (first, second):
        assert (part.start_s, part.finish_s, part.first_pass_s) == (0.5, 0.5 + 13 / 8, 0.5 + 13 / 8)
        assert (part.packets, part.transmissions, part.passes, part.complete) == (1, 1, 1, False)
        assert part.mean_snr_db == pytest.approx(10 * log10(SNR * share), rel=1e-12)
        assert part.bits_on_air == 8 * part.delivered_bytes


def test_all_take_d_over_two_b_however_many_they_are() -> None:
    for clients in (1, 7):
        for part in OverTheAir().superpose(faded(clients), 4 * 33_333, 0.0, BAND_HZ, 1e-3):
            assert part.duration_s == pytest.approx(latency_s(33_333, BAND_HZ), rel=1e-12)
            assert part.on_air_s + part.lost_bytes / 4 / (2 * BAND_HZ) == pytest.approx(part.duration_s, rel=1e-9)


@pytest.mark.parametrize("threshold", [0.01, 0.1, 0.5])
def test_silence_and_power_follow_their_laws(threshold: float) -> None:
    # class B over independent (client, block): P(silent) = 1 - e^(-g_th), E[radiated] = P T for the weakest mean SNR
    blocks, block_s = 500, 1e-3
    entries = int(2 * BAND_HZ * block_s) * blocks
    parts = OverTheAir(gain_threshold=threshold).superpose(faded(60), 4 * entries, 0.0, BAND_HZ, block_s)
    silent = np.array([part.lost_bytes / part.payload_bytes for part in parts])
    power_w = np.array([part.radiated_j / part.duration_s for part in parts])
    assert abs(silent.mean() - truncation_probability(threshold)) <= 4.4 * silent.std(ddof=1) / sqrt(silent.size)
    assert abs(power_w.mean() - 2.0) <= 4.4 * power_w.std(ddof=1) / sqrt(power_w.size)


def test_the_weakest_mean_snr_sets_the_level_and_the_others_save_power() -> None:
    near = faded(2)[1]
    alone = OverTheAir().superpose([near], 4000, 0.0, BAND_HZ, 1e-3)[0]
    far = User(client=0, mean_snr=SNR / 4, bits=0, tx_power_w=2.0, gain=faded(1)[0].gain)
    with_far = OverTheAir().superpose([far, near], 4000, 0.0, BAND_HZ, 1e-3)[1]
    assert with_far.mean_snr_db == pytest.approx(alone.mean_snr_db - 10 * log10(4), rel=1e-12)
    assert with_far.radiated_j == pytest.approx(alone.radiated_j / 4, rel=1e-12)
    assert with_far.lost_ranges == alone.lost_ranges


def test_a_channel_that_stays_is_heard_whole_or_not_at_all() -> None:
    users = [given_gains([2.0]), given_gains([0.05], client=1)]
    heard, silent = OverTheAir().superpose(users, 4000, 0.0, BAND_HZ, inf)
    assert heard.complete and heard.lost_ranges == ()
    assert (silent.delivered_bytes, silent.lost_ranges) == (0, ((0, 4000),))
    assert (silent.on_air_s, silent.radiated_j, silent.bits_on_air) == (0.0, 0.0, 0)


def test_an_allocation_says_the_same() -> None:
    # class B: the mean power on air times the share of blocks on air is P E[1/g; g >= g_th] / E1(g_th) = P
    rule, users = OverTheAir(gain_threshold=0.2), [*faded(1, 2 * SNR), *faded(2)[1:]]
    parts = rule.allocate(users, users, 0)
    for user in users:
        part, on_air = parts[user.client], parts[user.client].airtime_of(0, 20_000)
        inverse = on_air / user.gain(0, 20_000)
        expected = SNR / user.mean_snr
        assert part.power * exp(-0.2) == pytest.approx(expected, rel=1e-12)
        spent = part.snr * inverse
        assert abs(spent.mean() - expected) <= 4.4 * spent.std() / sqrt(spent.size)
        assert part.snr_of(user, 0, 3) == pytest.approx([rule.aligned_snr(users)] * 3, rel=1e-12)
        assert np.array_equal(on_air > 0, user.gain(0, 20_000) >= 0.2)
    assert rule.allocate([], users, 0) == {}


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 3000),
    st.floats(1e3, 1e6),
    st.floats(1e-4, 1.0),
    st.floats(0.0, 50.0),
    st.floats(0.01, 2.0),
    st.integers(0, 99),
)
def test_a_part_adds_up(
    entries: int, band_hz: float, block_s: float, start_s: float, threshold: float, seed: int
) -> None:
    users = faded(2, seed=seed)
    for part in OverTheAir(gain_threshold=threshold).superpose(users, 4 * entries, start_s, band_hz, block_s):
        edges = [edge for cut in part.lost_ranges for edge in cut]
        assert edges == sorted(set(edges)) and all(0 <= edge <= 4 * entries and edge % 4 == 0 for edge in edges)
        assert part.delivered_bytes + part.lost_bytes == part.payload_bytes == 4 * entries
        assert part.on_air_s == pytest.approx(part.delivered_bytes / 4 / (2 * band_hz), rel=1e-9, abs=1e-15)
        peak_w = 2.0 * aligned_power(1.0, threshold) / threshold
        assert part.radiated_j <= peak_w * part.on_air_s * (1 + 1e-9)
        assert part.complete == (part.lost_bytes == 0)


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ValueError, match="payload_bytes must be whole entries of 4 bytes, got 10"):
        OverTheAir().superpose(faded(1), 10, 0.0, BAND_HZ, 1e-3)
    with pytest.raises(ValueError, match="payload_bytes must be an integer of at least 1"):
        OverTheAir().superpose(faded(1), 0, 0.0, BAND_HZ, 1e-3)
    with pytest.raises(ValueError, match="gain_threshold must be above 0"):
        OverTheAir(gain_threshold=0.0)

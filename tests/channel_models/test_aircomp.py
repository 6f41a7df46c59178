from __future__ import annotations

from math import log10, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.aircomp import (
    aligned_power,
    blocks_of_entries,
    common_snr,
    latency_s,
    mean_squared_error,
    noise_deviation,
    noisy_mean,
    participants,
    truncation_probability,
)
from channel_models.randomness import stream

SNR = 10.0**0.5


@pytest.mark.parametrize(
    ("threshold", "silent", "integral", "snr_db"),
    [
        (0.01, 0.00995017, 4.037929577, -1.0616),
        (0.1, 0.09516258, 1.822923958, 2.3923),
        (0.2, 0.18126925, 1.222650544, 4.1270),
        (0.5, 0.39346934, 0.559773595, 7.5199),
    ],
)
def test_truncated_inversion_golden(threshold: float, silent: float, integral: float, snr_db: float) -> None:
    # 1 - e^(-g_th); rho0 = P/E1(g_th); 10 log10(snr/E1)
    assert truncation_probability(threshold) == pytest.approx(silent, abs=5e-9)
    assert 1.0 / aligned_power(1.0, threshold) == pytest.approx(integral, rel=1e-9)
    assert 10.0 * log10(aligned_power(SNR, threshold)) == pytest.approx(snr_db, abs=5e-5)


def test_inversion_spends_the_mean_power() -> None:
    # class B: E[rho0/g; g >= g_th] = P; share of silence 1 - e^(-g_th)
    gain = stream(1, "test/inversion").standard_exponential(200_000)
    sent = participants(gain, 0.2)
    spent = np.where(sent, aligned_power(3.0, 0.2) / gain, 0.0)
    assert abs(spent.mean() - 3.0) <= 4.4 * spent.std() / sqrt(spent.size)
    assert abs((~sent).mean() - truncation_probability(0.2)) <= 4.4 * sent.std() / sqrt(sent.size)


def test_error_of_the_mean_golden() -> None:
    # sigma^2/(rho0 |A|^2), |A| = 9, g_th = 0.1
    snr = aligned_power(SNR, 0.1)
    assert mean_squared_error(snr, 9) == pytest.approx(7.11678e-3, rel=1e-6)
    assert float(noise_deviation(snr, 9)) == pytest.approx(sqrt(mean_squared_error(snr, 9)), rel=1e-12)
    assert noise_deviation(snr, [3, 9], 0.5) == pytest.approx(np.array([1.5, 0.5]) * noise_deviation(snr, 9), rel=1e-12)


def test_latency_golden() -> None:
    # d/(2 B)
    assert latency_s(581_000, 1e6) == pytest.approx(0.2905, rel=1e-12)
    assert latency_s(5_300_000, 1e6) == pytest.approx(2.65, rel=1e-12)
    assert 108.3466183 / latency_s(581_000, 1e6) == pytest.approx(373.0, abs=0.5)


def test_the_weakest_decides_the_common_level() -> None:
    assert common_snr([SNR, 1.0, 10.0], 0.1) == aligned_power(1.0, 0.1)


def test_the_mean_arrives_with_the_noise_announced() -> None:
    # class B: mean square of the error = var(entries) sigma^2/(rho0 |A|^2); silent clients are not in the mean
    values = stream(2, "test/values").standard_normal((4, 50_000)) * 0.03
    sends = np.ones(values.shape, dtype=bool)
    sends[3] = False
    error = noisy_mean(values, sends, 2.0, seed=1, round_index=0) - values[:3].mean(axis=0)
    square = np.square(error / np.sqrt(np.mean(np.square(values))))
    assert abs(square.mean() - mean_squared_error(2.0, 3)) <= 4.4 * square.std() / sqrt(square.size)


def test_entries_that_nobody_sends_are_missing() -> None:
    received = noisy_mean([[1.0, 2.0]], [[True, False]], 1e12, seed=1, round_index=0)
    assert received[0] == pytest.approx(1.0, abs=1e-4)
    assert np.isnan(received[1])
    with pytest.raises(ValueError, match="senders"):
        noise_deviation(1.0, [1, 0])


def test_noise_is_pure_in_seed_and_round() -> None:
    arguments = (np.ones((2, 5)), np.ones((2, 5), dtype=bool), 1.0)
    first, again, other = (noisy_mean(*arguments, seed=1, round_index=r) for r in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_entries_by_block_by_hand() -> None:
    # 2 entries a symbol, 4 symbols a second from 0.5 s on, blocks of 1 s: symbols 0-1 in block 0, 2-5 in 1, 6 in 2
    blocks, edges = blocks_of_entries(13, 4.0, 1.0, start_s=0.5)
    assert blocks.tolist() == [0, 1, 2]
    assert edges.tolist() == [0, 4, 12, 13]
    assert blocks_of_entries(13, 4.0, float("inf"))[1].tolist() == [0, 13]


@settings(deadline=None)
@given(st.integers(1, 5000), st.floats(1.0, 1e6), st.floats(1e-4, 10.0), st.floats(0.0, 100.0))
def test_every_entry_has_one_block(entries: int, band_hz: float, coherence_s: float, start_s: float) -> None:
    blocks, edges = blocks_of_entries(entries, band_hz, coherence_s, start_s)
    assert (edges[0], edges[-1]) == (0, entries)
    assert np.all(np.diff(edges) > 0)
    assert np.all(np.diff(blocks) > 0)
    assert len(edges) == len(blocks) + 1


def test_impossible_aggregation_is_refused() -> None:
    with pytest.raises(ValueError, match="gain_threshold"):
        aligned_power(1.0, 0.0)
    with pytest.raises(ValueError, match="gain_threshold"):
        participants([1.0], -0.1)
    with pytest.raises(ValueError, match="senders"):
        mean_squared_error(1.0, 0)
    with pytest.raises(ValueError, match=r"clients, entries"):
        noisy_mean([1.0], [True], 1.0, seed=1, round_index=0)

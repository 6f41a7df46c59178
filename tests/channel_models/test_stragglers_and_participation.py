from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.participation import (
    all_received_probability,
    expected_received,
    none_received_probability,
    received,
    renormalised_weights,
    unbiased_weights,
    upload_loss,
)
from channel_models.randomness import stream
from channel_models.stragglers import (
    ShiftedExponential,
    harmonic,
    maximum_mean_s,
    normal_maximum,
    normal_maximum_mean_s,
)

SNR = 10.0**0.5
BITS = 18.592e6
BAND_HZ = 1e6


# Stragglers


def test_harmonic_golden() -> None:
    # H_10 = 1 + 1/2 + ... + 1/10
    assert harmonic(10) == pytest.approx(2.928968254, rel=1e-9)
    assert (harmonic(0), harmonic(1)) == (0.0, 1.0)


def test_shifted_exponential_barrier() -> None:
    # class A: a + H_N/mu; class B: the mean of drawn maxima
    worker = ShiftedExponential(shift_s=2.0, rate_hz=0.5)
    assert worker.maximum_mean_s(10) == pytest.approx(2.0 + 2.928968254 / 0.5, rel=1e-9)
    assert worker.maximum_mean_s(1) == pytest.approx(worker.mean_s, rel=1e-15)
    last = np.array([worker.draw_s(7, round_index, 10).max() for round_index in range(20_000)])
    assert abs(last.mean() - worker.maximum_mean_s(10)) <= 4.4 * last.std() / sqrt(last.size)


def test_shifted_exponential_order_statistics() -> None:
    # class B: k-th of N has mean a + (H_N - H_{N-k})/mu
    worker = ShiftedExponential(shift_s=1.0, rate_hz=2.0)
    seventh = np.sort([worker.draw_s(8, round_index, 10) for round_index in range(20_000)], axis=1)[:, 6]
    assert abs(seventh.mean() - worker.order_mean_s(7, 10)) <= 4.4 * seventh.std() / sqrt(seventh.size)
    with pytest.raises(ValueError, match="rank"):
        worker.order_mean_s(11, 10)


def test_shifted_exponential_law() -> None:
    # class C: KS against 1 - e^(-mu (t - a))
    worker = ShiftedExponential(shift_s=1.0, rate_hz=2.0)
    sample = np.sort(worker.draw_s(9, 0, 100_000))
    ranks = np.arange(sample.size + 1) / sample.size
    cdf = worker.cdf(sample)
    assert max(np.max(cdf - ranks[:-1]), np.max(ranks[1:] - cdf)) < 1.95 / sqrt(sample.size)
    assert worker.cdf(0.5) == 0.0
    assert float(worker.cdf(worker.quantile_s(0.3))) == pytest.approx(0.3, rel=1e-12)


def test_one_worker_more_changes_nobodys_time() -> None:
    worker = ShiftedExponential(shift_s=0.0, rate_hz=1.0)
    assert np.array_equal(worker.draw_s(1, 4, 12)[:10], worker.draw_s(1, 4, 10))


def test_normal_maximum_golden() -> None:
    # int x dPhi(x)^10
    assert normal_maximum(10) == pytest.approx(1.53875, abs=5e-6)
    assert normal_maximum(1) == pytest.approx(0.0, abs=1e-12)
    # E[max of 2] = 1/sqrt(pi), E[max of 3] = 3/(2 sqrt(pi))
    assert normal_maximum(2) == pytest.approx(1.0 / sqrt(np.pi), rel=1e-12)
    assert normal_maximum(3) == pytest.approx(1.5 / sqrt(np.pi), rel=1e-12)


def test_synchronous_round_of_ten_over_many_blocks() -> None:
    # mean S/C + (Tc/2) CV^2, variance S Tc CV^2 / C; normal: mean + 1.53875 sd = 11.488 s. The law is a little skew:
    # class B against 11.499 +- 0.003 s, drawn block by block (Tc = 50 ms, Rayleigh at 5 dB, Shannon)
    rate_bps, cv2, block_s = 1715974.18507, 0.324613985, 0.05
    mean_s = BITS / rate_bps + block_s / 2.0 * cv2
    deviation_s = sqrt(BITS * block_s * cv2 / rate_bps)
    assert normal_maximum_mean_s(mean_s, deviation_s, 10) == pytest.approx(11.488, abs=5e-4)
    gain = stream(2, "test/rounds").standard_exponential((500, 10, 320))
    work = np.cumsum(np.log2(1.0 + SNR * gain) * BAND_HZ * block_s, axis=2)
    last = np.argmax(work >= BITS, axis=2)
    assert np.all(work[:, :, -1] >= BITS)
    inside = (work - BITS)[np.arange(500)[:, None], np.arange(10), last] / np.diff(work, axis=2, prepend=0.0)[
        np.arange(500)[:, None], np.arange(10), last
    ]
    rounds_s = ((last + 1 - inside) * block_s).max(axis=1)
    error_s = sqrt(rounds_s.var() / rounds_s.size + 0.003**2)
    assert abs(rounds_s.mean() - 11.499) <= 4.4 * error_s


def test_mean_maximum_by_integration() -> None:
    # int 1 - (1 - e^-t)^N dt = H_N
    assert maximum_mean_s(lambda t: exp(-t), 10) == pytest.approx(harmonic(10), rel=1e-8)


def test_no_mean_maximum_where_the_mean_is_infinite() -> None:
    # P(T > t) = 1 - exp(-(2^(S/(B t)) - 1)/g), Pareto tail of index 1
    def survival(time_s: float) -> float:
        exponent = BITS / (BAND_HZ * max(time_s, 1e-9))
        return 1.0 if exponent > 1000.0 else float(-np.expm1(-np.expm1(exponent * np.log(2.0)) / SNR))

    with pytest.raises(ValueError, match="does not converge"):
        maximum_mean_s(survival, 10)


@pytest.mark.parametrize("change", [{"shift_s": -1.0}, {"rate_hz": 0.0}])
def test_unphysical_workers_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        ShiftedExponential(**({"shift_s": 0.0, "rate_hz": 1.0} | change))


# Participation


def test_participation_golden() -> None:
    # sum(1-q), prod q, prod(1-q) for ten clients of q = 1 - e^(-m/g) = 0.272329493, m = 0.023 dB
    loss = np.full(10, -np.expm1(-(10.0**0.0023) / SNR))
    assert loss[0] == pytest.approx(0.272329493, rel=1e-8)
    assert expected_received(loss) == pytest.approx(7.27671, abs=5e-6)
    assert none_received_probability(loss) == pytest.approx(2.24361e-6, abs=5e-12)
    assert all_received_probability(loss) == pytest.approx(0.0416244, abs=5e-8)


def test_a_small_packet_loss_is_a_large_upload_loss() -> None:
    # (1 - p^M)^n: with 1592 packets a loss of 0.1 % leaves 20 % of the uploads
    assert 1.0 - upload_loss(1e-3, 1592) == pytest.approx(0.2033561, abs=5e-8)
    assert 1.0 - upload_loss(1e-3, 14521) == pytest.approx(4.9029e-7, abs=5e-12)
    assert 1.0 - upload_loss(1e-3, 1592, attempts=2) == pytest.approx((1.0 - 1e-6) ** 1592, rel=1e-12)
    assert (upload_loss(1.0, 3), upload_loss(0.0, 3)) == (1.0, 0.0)


def test_inverse_probability_weights_keep_the_mean_and_renormalised_ones_do_not() -> None:
    # class B: E[sum_k w_k x_k] = sum_k p_k x_k
    weights, loss, x = np.array([0.5, 0.3, 0.2]), np.array([0.05, 0.4, 0.7]), np.array([1.0, 4.0, 10.0])
    target = float(weights @ x)
    arrived = [received(loss, 3, round_index) for round_index in range(20_000)]
    unbiased = np.array([unbiased_weights(weights, loss, here) @ x for here in arrived])
    assert abs(unbiased.mean() - target) <= 4.4 * unbiased.std() / sqrt(unbiased.size)
    renormalised = np.array([renormalised_weights(weights, here) @ x for here in arrived if here.any()])
    assert abs(renormalised.mean() - target) > 20.0 * renormalised.std() / sqrt(renormalised.size)


def test_the_first_round_is_lost_as_often_as_any() -> None:
    loss = np.full(100_000, 0.272329)
    for round_index in (0, 1, 2):
        arrived = received(loss, 5, round_index)
        assert abs(arrived.mean() - 0.727671) <= 4.4 * arrived.std() / sqrt(arrived.size)


def test_one_client_more_changes_nobodys_luck() -> None:
    assert np.array_equal(received(np.full(12, 0.5), 1, 3)[:10], received(np.full(10, 0.5), 1, 3))


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_certain_losses_are_certain(loss: list[float]) -> None:
    arrived = received(loss, 4, 0)
    assert not np.any(arrived & (np.array(loss) == 1.0))
    assert np.all(arrived | (np.array(loss) > 0.0))


def test_impossible_participation_is_refused() -> None:
    with pytest.raises(ValueError, match="loss"):
        expected_received([0.5, 1.5])
    with pytest.raises(ValueError, match="below 1"):
        unbiased_weights([0.5, 0.5], [1.0, 0.1], [False, True])
    with pytest.raises(ValueError, match="equally many"):
        unbiased_weights([1.0], [0.1, 0.1], [True, True])
    with pytest.raises(ValueError, match="nobody"):
        renormalised_weights([0.5, 0.5], [False, False])
    with pytest.raises(ValueError, match="packets"):
        upload_loss(0.1, 0)

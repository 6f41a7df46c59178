from __future__ import annotations

from collections.abc import Sequence
from math import log, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.randomness import draws, stream
from channel_models.sharing import SHARING, Allocation, Sharing, User
from channel_models.sharing.energy_efficient import (
    EnergyEfficient,
    bits_per_joule,
    efficient_power_w,
    least_energy_j_per_bit,
)
from channel_models.sharing.ergodic import best_of_rate, broadcast_rate, rateless_rate, rayleigh_rate, unicast_rate
from channel_models.sharing.fdma import Fdma
from channel_models.sharing.makespan_bandwidth import (
    MakespanBandwidth,
    bandwidth_for_rate_hz,
    makespan_fractions,
    makespan_s,
    wideband_limit_bps,
)
from channel_models.sharing.policy import gain_of_link
from channel_models.sharing.private import Private
from channel_models.sharing.processor_sharing import ProcessorSharing, finish_times_s
from channel_models.sharing.tdma import Tdma

SNR = 10.0**0.5
BITS = 18.592e6  # 581,000 numbers of 4 bytes
BAND_HZ = 1e6
NAMES = (
    "energy_efficient",
    "fdma",
    "makespan_bandwidth",
    "ofdma_pf",
    "private",
    "processor_sharing",
    "slotted_aloha",
    "tdma",
)


def exponential_gain(link: int, first_block: int, count: int) -> np.ndarray:
    field = draws(11, "test/gain")
    return np.array([field.at(link, block).standard_exponential() for block in range(first_block, first_block + count)])


def users(count: int, snr: float = SNR, tx_power_w: float = 1.0) -> list[User]:
    return [
        User(client=i, mean_snr=snr, bits=BITS, tx_power_w=tx_power_w, gain=gain_of_link(exponential_gain, i))
        for i in range(count)
    ]


def ergodic_delay_s(part: Allocation) -> float:
    """Payload over the ergodic Rayleigh rate of an allocation with a constant airtime."""
    assert not callable(part.airtime)
    return BITS / (BAND_HZ * part.bandwidth * part.airtime * rayleigh_rate(SNR * part.snr))


def test_every_way_of_sharing_is_found_by_name() -> None:
    assert set(SHARING) >= set(NAMES)
    assert {name for name in NAMES if SHARING[name].exclusive} == {"tdma"}
    assert {name for name in NAMES if SHARING[name].dynamic} == {"ofdma_pf", "processor_sharing", "slotted_aloha"}


@pytest.mark.parametrize(
    ("rule", "delay_s"),
    [
        # S / C, C = B e^(1/g) E1(1/g) / ln 2
        (Private(), 10.83466183),
        # SE(snr)/N with the noise of the whole band: N S / C
        (Fdma(pin="snr"), 108.3466183),
        # power per hertz pinned: the same SNR at a tenth of the power
        (Fdma(pin="psd"), 108.3466183),
        # power pinned: N S / C(N snr), here at 15 dB in each tenth of the band (rate 4.330200334 b/s/Hz)
        (Fdma(pin="power"), 185.92 / 4.330200334),
        # a tenth of the time each
        (ProcessorSharing(), 108.3466183),
    ],
)
def test_ten_users_of_one_megahertz_differ_tenfold_by_how_they_share(rule: Sharing, delay_s: float) -> None:
    everybody = users(10)
    parts = rule.allocate(everybody, everybody, 0)
    assert list(parts) == list(range(10))
    assert [ergodic_delay_s(part) for part in parts.values()] == pytest.approx([delay_s] * 10, rel=1e-9)


def test_the_round_numbers_of_the_same_table() -> None:
    assert ergodic_delay_s(Fdma().part(10)) == pytest.approx(185.92 / 4.330200334, rel=1e-9)
    assert ergodic_delay_s(Fdma().part(10)) == pytest.approx(42.94, abs=5e-3)
    only = users(1)
    assert ergodic_delay_s(Tdma().allocate(only, users(10), 0)[0]) * 10 == pytest.approx(108.3, abs=0.05)


def test_fdma_with_power_pinned_golden() -> None:
    # N users, AWGN: N (1/N) log2(1 + N g) = log2(1 + 10 g) b/s/Hz in sum
    parts = Fdma().allocate(users(10), users(10), 0).values()
    total = sum(part.bandwidth * log2(1.0 + SNR * part.snr) for part in parts)
    assert total == pytest.approx(5.027807673, rel=1e-9)


@pytest.mark.parametrize("pin", ["power", "psd"])
@pytest.mark.parametrize("count", [1, 2, 10])
def test_snr_follows_power_over_bandwidth(pin: str, count: int) -> None:
    part = Fdma(pin=pin).part(count)
    assert part.snr == pytest.approx(part.implied_snr, rel=1e-15)
    assert part.power == (1.0 if pin == "power" else pytest.approx(1.0 / count))


def test_snr_pinned_while_the_band_is_divided_shows_as_a_contradiction() -> None:
    """The mistake costs 108.3/42.94 = 2.5 in delay at the same radiated power: it must be chosen, and be visible."""
    part = Fdma(pin="snr").part(10)
    assert (part.snr, part.power) == (1.0, 1.0)
    assert part.implied_snr == pytest.approx(10.0)
    assert ergodic_delay_s(part) / ergodic_delay_s(Fdma().part(10)) == pytest.approx(2.5234, abs=1e-4)
    assert Fdma().pin == "power"


def test_power_is_never_divided_silently() -> None:
    """Only what says so radiates less than full power: the energy of a second on air is P x power."""
    everybody = users(10)
    full = {"private", "processor_sharing", "slotted_aloha", "makespan_bandwidth", "ofdma_pf", "fdma"}
    for name in full:
        assert {part.power for part in SHARING[name]().allocate(everybody, everybody, 0).values()} == {1.0}
    assert Fdma(pin="psd").part(10).power == pytest.approx(0.1)


@pytest.mark.parametrize("name", NAMES)
def test_one_user_has_the_medium_to_itself(name: str) -> None:
    only = users(1)
    part = SHARING[name]().allocate(only, only, 0)[0]
    # The one that chooses its power does so alone too; every other equals a private link.
    expected = 0.1600400402 if name == "energy_efficient" else 1.0
    assert part.airtime_of(0, 3) == pytest.approx(np.ones(3))
    assert part.snr_of(only[0], 0, 3) == pytest.approx(expected * SNR * exponential_gain(0, 0, 3), rel=1e-9)
    assert (part.bandwidth, part.collision) == (1.0, 0.0)
    assert part.power == pytest.approx(expected, rel=1e-9)


def test_tdma_refuses_two_on_air() -> None:
    with pytest.raises(ValueError, match=r"tdma.*\[0, 1\]"):
        Tdma().allocate(users(2), users(2), 0)


@pytest.mark.parametrize("rule", [Fdma(), MakespanBandwidth()])
def test_a_static_division_refuses_strangers(rule: Sharing) -> None:
    with pytest.raises(ValueError, match=r"clients \[2\]"):
        rule.allocate(users(3), users(2), 0)


@pytest.mark.parametrize("rule", [Fdma(pin="power"), MakespanBandwidth()])
def test_a_static_division_does_not_depend_on_who_is_active(rule: Sharing) -> None:
    everybody = users(4)
    whole = rule.allocate(everybody, everybody, 0)
    assert rule.allocate(everybody[2:3], everybody, 7) == {2: whole[2]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bandwidth": 0.0}, "bandwidth"),
        ({"bandwidth": 1.5}, "bandwidth"),
        ({"snr": 0.0}, "snr"),
        ({"power": -1.0}, "power"),
        ({"airtime": 0.0}, "airtime"),
        ({"airtime": float("nan")}, "airtime"),
        ({"collision": 1.5}, "collision"),
    ],
)
def test_shares_out_of_range_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Allocation(**change)


@pytest.mark.parametrize("change", [{"mean_snr": 0.0}, {"bits": -1.0}, {"tx_power_w": 0.0}, {"client": -1}])
def test_unphysical_users_are_refused(change: dict[str, float]) -> None:
    given = {"client": 0, "mean_snr": SNR, "bits": 1.0, "tx_power_w": 1.0} | change
    with pytest.raises(ValueError, match=next(iter(change))):
        User(**given, gain=gain_of_link(exponential_gain, 0))


def test_an_unknown_pin_is_refused() -> None:
    with pytest.raises(ValueError, match="pin"):
        Fdma(pin="amplitude")


# Sub-bands


def test_subbands_of_a_link_are_other_links_far_away() -> None:
    gain = gain_of_link(lambda link, first, count: np.full(count, float(link)), 5)
    assert gain(0, 1)[0] == 5.0
    assert gain(0, 1, 3)[0] == 5.0 + 3 * 2**40
    with pytest.raises(ValueError, match="link"):
        gain_of_link(exponential_gain, 2**40)
    with pytest.raises(ValueError, match="subband"):
        gain(0, 1, -1)


# Bandwidths of least makespan


@pytest.mark.parametrize(("rate_bps", "bandwidth_hz"), [(1e6, 274122.3459), (2e6, 941825.7957), (4e6, 10767345.23)])
def test_bandwidth_for_a_rate_golden(rate_bps: float, bandwidth_hz: float) -> None:
    # u = R ln 2 / s, y = -W_{-1}(-u e^-u)/u, b = s/(y - 1), s = 3.16228e6 Hz
    assert bandwidth_for_rate_hz(rate_bps, SNR * BAND_HZ) == pytest.approx(bandwidth_hz, rel=1e-9)


def test_wideband_limit_golden() -> None:
    # s / ln 2
    assert wideband_limit_bps(SNR * BAND_HZ) == pytest.approx(4562202.298, rel=1e-9)


@settings(deadline=None)
@given(st.floats(1e-9, 0.999999), st.floats(1e-3, 1e12))
def test_the_bandwidth_found_carries_the_rate(load: float, snr_hz: float) -> None:
    rate = load * snr_hz / log(2.0)
    band = float(bandwidth_for_rate_hz(rate, snr_hz))
    assert band * np.log1p(snr_hz / band) / log(2.0) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("rate_bps", [0.0, -1.0, 4.6e6, float("nan")])
def test_a_rate_beyond_the_wideband_limit_is_refused(rate_bps: float) -> None:
    with pytest.raises(ValueError, match="rate_bps"):
        bandwidth_for_rate_hz(rate_bps, SNR * BAND_HZ)


def test_makespan_golden() -> None:
    # ten clients at -5, -3, ... 13 dB: T with sum_i b_i(S/T) = B; S max_i N/log2(1 + N g_i); S sum_i 1/log2(1 + g_i)
    snr = 10.0 ** (np.arange(-5.0, 14.0, 2.0) / 10.0)
    assert makespan_s(snr, [BITS] * 10, BAND_HZ) == pytest.approx(56.700841, rel=1e-8)
    assert BITS / BAND_HZ * np.max(10.0 / np.log2(1.0 + 10.0 * snr)) == pytest.approx(90.367659, rel=1e-8)
    assert BITS / BAND_HZ * np.sum(1.0 / np.log2(1.0 + snr)) == pytest.approx(159.505040, rel=1e-8)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-20.0, 40.0), st.floats(1.0, 1e9)), min_size=1, max_size=12))
def test_all_finish_together_and_the_band_is_used_up(members: list[tuple[float, float]]) -> None:
    snr = 10.0 ** (np.array([snr_db for snr_db, _ in members]) / 10.0)
    bits = np.array([size for _, size in members])
    fractions = makespan_fractions(snr, bits)
    finish = bits / (BAND_HZ * fractions * np.log1p(snr / fractions) / log(2.0))
    assert np.sum(fractions) == pytest.approx(1.0, rel=1e-12)
    assert finish == pytest.approx(np.full(bits.shape, makespan_s(snr, bits, BAND_HZ)), rel=1e-9)
    equal = bits * len(bits) / (BAND_HZ * np.log1p(len(bits) * snr) / log(2.0))
    assert np.max(finish) <= np.max(equal) * (1.0 + 1e-9)


def test_makespan_allocation_keeps_the_power() -> None:
    everybody = [
        User(client=i, mean_snr=snr, bits=BITS, tx_power_w=1.0, gain=gain_of_link(exponential_gain, i))
        for i, snr in enumerate((0.5, 2.0, 8.0))
    ]
    parts = MakespanBandwidth().allocate(everybody, everybody, 0)
    assert parts[0].bandwidth > parts[1].bandwidth > parts[2].bandwidth
    assert [part.snr for part in parts.values()] == pytest.approx([part.implied_snr for part in parts.values()])


def test_a_population_with_nothing_to_send_is_refused() -> None:
    idle = User(client=3, mean_snr=SNR, bits=0.0, tx_power_w=1.0, gain=gain_of_link(exponential_gain, 3))
    with pytest.raises(ValueError, match=r"\[3\]"):
        MakespanBandwidth().allocate(users(1), [*users(1), idle], 0)
    with pytest.raises(ValueError, match="mean_snr"):
        makespan_fractions([0.0], [1.0])


# Energy-efficient power


def test_energy_efficient_power_golden() -> None:
    # p* = (e^(W0((Pc eta g - 1)/e) + 1) - 1)/g; B log2(1 + g p)/(p/eta + Pc)
    best_w = efficient_power_w(SNR, 0.1, 0.35)
    assert best_w == pytest.approx(0.1600400402, rel=1e-9)
    assert bits_per_joule(best_w, SNR, BAND_HZ, 0.1, 0.35) == pytest.approx(1.060208685e6, rel=1e-9)
    assert bits_per_joule(1.0, SNR, BAND_HZ, 0.1, 0.35) == pytest.approx(0.6957300705e6, rel=1e-9)


def test_least_energy_golden() -> None:
    # N0 ln 2 / g [J/b], s = g/N0 = 3.16228e6 Hz at 1 W
    assert least_energy_j_per_bit(SNR * BAND_HZ) == pytest.approx(2.191924e-7, rel=1e-6)
    assert least_energy_j_per_bit(SNR * BAND_HZ) * BITS == pytest.approx(4.075224811, rel=1e-9)


@settings(deadline=None)
@given(st.floats(1e-3, 1e6), st.floats(1e-3, 10.0), st.floats(0.05, 1.0), st.floats(0.2, 5.0))
def test_no_other_power_is_more_efficient(snr: float, circuit_w: float, efficiency: float, factor: float) -> None:
    best_w = efficient_power_w(snr, circuit_w, efficiency)
    best = bits_per_joule(best_w, snr, BAND_HZ, circuit_w, efficiency)
    assert bits_per_joule(best_w * factor, snr, BAND_HZ, circuit_w, efficiency) <= best * (1.0 + 1e-9)


def test_energy_efficient_allocation_scales_snr_with_power_and_knows_full_power() -> None:
    part = EnergyEfficient().allocate(users(1), users(1), 0)[0]
    assert part.power == pytest.approx(0.1600400402, rel=1e-9)
    assert part.snr == pytest.approx(part.implied_snr, rel=1e-15)
    # At 0.1 W full power and the same SNR per watt, p* = 0.16 W is out of reach.
    weak = users(1, snr=SNR * 0.1, tx_power_w=0.1)
    assert EnergyEfficient().allocate(weak, weak, 0)[0].power == 1.0


@pytest.mark.parametrize(
    ("change", "message"), [({"circuit_power_w": 0.0}, "circuit_power_w"), ({"amplifier_efficiency": 1.1}, "amplifier")]
)
def test_without_circuit_power_there_is_no_best_power(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EnergyEfficient(**change)
    with pytest.raises(ValueError, match=message):
        efficient_power_w(SNR, **({"circuit_power_w": 0.1} | change))


# Processor sharing


def test_a_share_changes_while_a_transfer_runs() -> None:
    """Two equal jobs, the second begins half-way: 1.5 s each. A share frozen at the start would give 1 s and 2 s."""
    arrivals = np.array([0.0, 0.5])
    assert finish_times_s(arrivals, [1.0, 1.0]) - arrivals == pytest.approx([1.5, 1.5], rel=1e-12)
    both = users(2)
    rule = ProcessorSharing()
    assert [part.airtime for part in rule.allocate(both, both, 0).values()] == [0.5, 0.5]
    assert rule.allocate(both[:1], both, 0)[0].airtime == 1.0
    assert rule.dynamic


jobs = st.lists(st.tuples(st.floats(0.0, 10.0), st.floats(0.0, 5.0)), min_size=1, max_size=8)


@settings(deadline=None)
@given(jobs)
def test_every_job_has_its_service(members: list[tuple[float, float]]) -> None:
    """The integral of 1/n(t) between arrival and end is each job's own length, n(t) counted from the ends found."""
    arrival, alone = (np.array(column) for column in zip(*members, strict=True))
    finish = finish_times_s(arrival, alone)
    cuts = np.unique(np.concatenate((arrival, finish)))
    present = (arrival[:, None] <= cuts[:-1]) & (cuts[1:] <= finish[:, None])
    share = present / np.maximum(present.sum(axis=0), 1)
    assert (share * np.diff(cuts)).sum(axis=1) == pytest.approx(alone, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=8))
def test_jobs_that_begin_together_end_with_all_the_work(alone: list[float]) -> None:
    finish = finish_times_s(np.full(len(alone), 3.0), alone)
    assert np.max(finish) == pytest.approx(3.0 + sum(alone), rel=1e-12)


def test_one_job_is_alone_and_bad_jobs_are_refused() -> None:
    assert finish_times_s(2.0, 5.0) == pytest.approx([7.0])
    bad: Sequence[tuple[list[float], list[float]]] = [([0.0], [1.0, 2.0]), ([0.0], [-1.0]), ([float("nan")], [1.0])]
    for arrivals, alone in bad:
        with pytest.raises(ValueError, match="arrivals_s"):
            finish_times_s(arrivals, alone)


# Downlink


def test_downlink_golden() -> None:
    # broadcast at the worst of N: ergodic rate at g/N; unicast: C/N
    everybody = [SNR] * 10
    assert broadcast_rate(everybody) * BAND_HZ == pytest.approx(362149.7989, rel=1e-9)
    assert unicast_rate(everybody) * BAND_HZ == pytest.approx(171597.418507, rel=1e-9)
    assert rateless_rate(everybody) * BAND_HZ == pytest.approx(1715974.18507, rel=1e-9)


def test_the_worst_of_unequal_users_decides_the_broadcast() -> None:
    # class B: mean over blocks of log2(1 + min_i g_i x_i)
    snr = np.array([1.0, 3.0, 10.0])
    x = stream(5, "test/broadcast").standard_exponential((100_000, 3))
    sample = np.log2(1.0 + np.min(snr * x, axis=1))
    assert abs(sample.mean() - broadcast_rate(snr)) <= 4.4 * sample.std() / np.sqrt(sample.size)
    assert unicast_rate(snr) < broadcast_rate(snr) < rateless_rate(snr)
    with pytest.raises(ValueError, match="mean_snr"):
        broadcast_rate([1.0, -1.0])


# The best of N users


@pytest.mark.parametrize(
    ("count", "rate"),
    [(2, 2.275349603), (5, 2.894641928), (10, 3.261298641), (20, 3.560460792), (100, 4.085521686)],
)
def test_best_of_users_golden(count: int, rate: float) -> None:
    # sum_k C(N,k) (-1)^(k+1) e^(k/g) E1(k/g) / ln 2 = (1/ln 2) int (1 - (1 - e^-x)^N) g/(1 + g x) dx
    assert best_of_rate(SNR, count) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("snr", [1e-3, 0.1, SNR, 1e3, 1e6])
def test_the_best_of_one_is_the_ergodic_rate(snr: float) -> None:
    # e^(1/g) E1(1/g)/ln 2
    assert best_of_rate(snr, 1) == pytest.approx(rayleigh_rate(snr), rel=1e-12)


def test_the_best_of_a_few_against_the_alternating_sum() -> None:
    from math import comb

    terms = [comb(6, k) * (-1) ** (k + 1) * rayleigh_rate(SNR / k) for k in range(1, 7)]
    assert best_of_rate(SNR, 6) == pytest.approx(sum(terms), rel=1e-11)

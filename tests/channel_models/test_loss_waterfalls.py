"""Loss that falls with the SNR: uncoded packets, the learning literature's formula in both readings, BLER tables."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_models.fading import Fading
from channel_models.fading.nakagami import BlockNakagami
from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.fading.rician import BlockRician
from channel_models.loss import Reception
from channel_models.loss.bler_table import NO_ERROR_SEEN, BlerTable
from channel_models.loss.chen import ChenLoss
from channel_models.loss.waterfall import WaterfallLoss
from channel_models.rates.mcs_ladder import McsLadder

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=34)
LAWS = [RAYLEIGH, BlockRician(seed=34), BlockNakagami(m=2.0, seed=34), NoFading()]
PACKET = 12_000.0


def met(snr: np.ndarray, efficiency: np.ndarray | float = 0.4902, bits: np.ndarray | float = PACKET) -> Reception:
    return Reception(snr, SNR, efficiency, bits)


def test_bit_error_rate_golden() -> None:
    # Q(sqrt(2 g)), and (1 - sqrt(g/(1 + g)))/2 averaged over Rayleigh fading.
    assert float(WaterfallLoss().bit_error_rate(SNR)) == pytest.approx(0.005953867148, rel=1e-9)
    assert WaterfallLoss().rayleigh_bit_error_rate(SNR) == pytest.approx(0.064182685, abs=5e-10)
    mean = RAYLEIGH.expectation(lambda gain: WaterfallLoss().bit_error_rate(SNR * gain))
    assert mean == pytest.approx(WaterfallLoss().rayleigh_bit_error_rate(SNR), rel=1e-9)


def test_waterfall_golden() -> None:
    # w0 = integral of the PER over the SNR; 1 - exp(-w0/g) and the exact mean over Rayleigh fading, at 5 and 25 dB.
    waterfall = WaterfallLoss()
    assert waterfall.threshold_snr(PACKET) == pytest.approx(7.635628, abs=5e-7)
    assert 10 * np.log10(waterfall.threshold_snr(PACKET)) == pytest.approx(8.828, abs=5e-4)
    assert waterfall.mean_error_rate(SNR, RAYLEIGH) == pytest.approx(0.904629, abs=5e-7)
    assert waterfall.rayleigh_bound(SNR) == pytest.approx(0.910597, abs=5e-7)
    assert waterfall.mean_error_rate(10**2.5, RAYLEIGH) == pytest.approx(0.0238496, abs=5e-8)
    assert waterfall.rayleigh_bound(10**2.5) == pytest.approx(0.0238568, abs=5e-8)


@settings(deadline=None, max_examples=25)
@given(mean_db=st.floats(-5, 40), bits=st.floats(100, 1e7))
def test_the_threshold_form_is_a_bound(mean_db: float, bits: float) -> None:
    mean_snr = 10 ** (mean_db / 10)
    exact = WaterfallLoss().mean_error_rate(mean_snr, RAYLEIGH, bits)
    assert exact <= WaterfallLoss().rayleigh_bound(mean_snr, bits) * (1 + 1e-9)


def test_packets_fail_by_their_own_length() -> None:
    # 1 - (1 - BER)^n, also where it is below the rounding of 1.
    rates = WaterfallLoss().packet_error_rate(met(np.array([SNR, SNR, 30.0]), bits=np.array([1.0, 2.0, 1000.0])))
    ber = 0.005953867147778662
    assert rates[:2] == pytest.approx([ber, 2 * ber - ber**2], rel=1e-12)
    assert rates[2] == pytest.approx(1000 * float(WaterfallLoss().bit_error_rate(30.0)), rel=1e-9)
    assert 0 < rates[2] < 1e-10


def test_coding_gain_is_a_shift() -> None:
    coded = WaterfallLoss(coding_gain_db=3.0)
    assert coded.bit_error_rate(SNR) == pytest.approx(WaterfallLoss().bit_error_rate(SNR * 10**0.3), rel=1e-12)
    assert coded.threshold_snr() == pytest.approx(WaterfallLoss().threshold_snr() / 10**0.3, rel=1e-9)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("loss", [WaterfallLoss(), ChenLoss(reading="instantaneous")], ids=lambda loss: loss.name)
def test_means_meet_sample_means(loss: WaterfallLoss | ChenLoss, law: Fading) -> None:
    rates = loss.packet_error_rate(met(SNR * law.gain(0, 0, 200_000)))
    assert abs(rates.mean() - loss.mean_error_rate(SNR, law)) <= 4.4 * rates.std() / sqrt(rates.size) + 1e-12


@pytest.mark.parametrize(
    ("threshold_db", "once", "twice"),
    [
        (0.023, 0.272329493, 0.4503146531),
        (10 * np.log10(0.023), 0.007246853, 0.0348530105),
        (10 * np.log10(1.08), 0.289315001, 0.4664674085),
    ],
)
def test_both_readings_golden(threshold_db: float, once: float, twice: float) -> None:
    # 1 - exp(-a), a = m/g, which is an average already; averaged again, 1 - 2 sqrt(a) K1(2 sqrt(a)).
    averaged = ChenLoss(threshold_db=threshold_db)
    instantaneous = ChenLoss(threshold_db=threshold_db, reading="instantaneous")
    assert averaged.mean_error_rate(SNR, RAYLEIGH) == pytest.approx(once, abs=6e-10)
    assert instantaneous.mean_error_rate(SNR, RAYLEIGH) == pytest.approx(twice, abs=6e-11)
    assert instantaneous.rayleigh_mean(SNR) == pytest.approx(instantaneous.mean_error_rate(SNR, RAYLEIGH), rel=1e-9)


def test_the_threshold_is_in_decibels() -> None:
    # 0.023 dB is 1.005309994; read as linear it would make the loss 38 times too small.
    assert ChenLoss().threshold_snr == pytest.approx(1.005309994, rel=1e-9)
    assert ChenLoss().mean_error_rate(SNR, RAYLEIGH) / 0.007246853 == pytest.approx(37.58, abs=0.01)


def test_an_average_is_not_averaged_again() -> None:
    snr = SNR * RAYLEIGH.gain(0, 0, 1000)
    assert set(ChenLoss().packet_error_rate(met(snr)).tolist()) == {ChenLoss().mean_error_rate(SNR, RAYLEIGH)}
    moving = Reception(snr[:2], np.array([SNR, 10 * SNR]), 1.0, 1.0)
    assert np.diff(ChenLoss().packet_error_rate(moving))[0] < 0


@pytest.mark.parametrize("law", LAWS[1:], ids=lambda law: law.name)
def test_the_average_is_that_of_rayleigh_fading_only(law: Fading) -> None:
    with pytest.raises(ValueError, match=f"average over Rayleigh fading, not over '{law.name}'"):
        ChenLoss().mean_error_rate(SNR, law)


def test_a_reading_must_be_named() -> None:
    with pytest.raises(ValueError, match="reading must be one of averaged, instantaneous"):
        ChenLoss(reading="mean")


def test_schemes_meet_their_target_at_the_ladder_s_thresholds() -> None:
    # The ladder's thresholds were read off these points, at BLER 0.1 and three decimals of a dB.
    ladder = McsLadder()
    for threshold, scheme in zip(ladder.thresholds_snr, ladder.efficiencies, strict=True):
        assert float(BlerTable().block_error_rate(threshold, scheme)) == pytest.approx(0.1, rel=0.005)


def test_interpolation_is_straight_in_the_logarithm_and_clamped() -> None:
    # MCS 3: 0.94 at -45/14 dB, none seen (1e-6) at -20/14 dB; half way between, the geometric mean.
    table = BlerTable()
    snr_db = np.array([-50.0, -5.0, -45 / 14, -32.5 / 14, -20 / 14, 50.0])
    expected = [1.0, 1.0, 0.94, sqrt(0.94e-6), 1e-6, 1e-6]
    assert table.block_error_rate(10 ** (snr_db / 10), 0.4902) == pytest.approx(expected, rel=1e-9)
    assert table.block_error_rate([0.0], 0.4902).tolist() == [1.0]
    assert NO_ERROR_SEEN == 1e-6


def test_packets_of_several_code_blocks() -> None:
    # 1 - (1 - BLER)^n with n = ceil(bits/8448): 12,000 bits are two blocks, 8448 are one.
    snr = np.full(3, 10 ** (-2.5 / 10))
    bler = float(BlerTable().block_error_rate(snr[0], 0.4902))
    rates = BlerTable().packet_error_rate(met(snr, bits=np.array([8448.0, 8449.0, 30_000.0])))
    assert rates == pytest.approx([bler, 1 - (1 - bler) ** 2, 1 - (1 - bler) ** 4], rel=1e-9)


def test_packets_fail_by_the_scheme_they_were_sent_with() -> None:
    snr = np.full(4, 10 ** (4.0 / 10))
    schemes = np.array([0.4902, 1.3262, 5.3320, 0.0])
    rates = BlerTable().packet_error_rate(met(snr, schemes, 1000.0))
    assert rates == pytest.approx([1e-6, 1e-6, 1.0, 1.0], rel=1e-9)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no scheme of 2\.05737 b/s/Hz, only 0\.4902, 0\.7402"):
        BlerTable().packet_error_rate(met(np.ones(2), np.array([0.4902, 2.0573732])))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_table_means_meet_sample_means(law: Fading) -> None:
    snr = SNR * law.gain(0, 0, 200_000)
    adaptive = BlerTable().packet_error_rate(met(snr, McsLadder().spectral_efficiency(snr)))
    fixed = BlerTable().packet_error_rate(met(snr, 1.0273))
    for rates, mean in (
        (adaptive, BlerTable().mean_error_rate(SNR, law)),
        (fixed, BlerTable().scheme_error_rate(1.0273, SNR, law)),
    ):
        assert abs(rates.mean() - mean) <= 4.4 * rates.std() / sqrt(rates.size) + 1e-12


HEADER = "efficiency_b_per_s_hz,snr_db,bler\n"


def written(folder: Path, text: str) -> str:
    path = folder / "bler.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_table_of_one_s_own(tmp_path: Path) -> None:
    table = BlerTable(table=written(tmp_path, HEADER + "2,10,0.0\n2,6,1\n0.5,0,0.01\n0.5,-1,1.0\n"))
    assert table.efficiencies == (0.5, 2.0)
    snr = 10 ** (np.array([-0.5, 8.0]) / 10)
    assert float(table.block_error_rate(snr[0], 0.5)) == pytest.approx(0.1, rel=1e-9)
    assert float(table.block_error_rate(snr[1], 2.0)) == pytest.approx(1e-3, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("snr,bler\n1,2\n", "line 1: the header must be efficiency_b_per_s_hz,snr_db,bler"),
        ("", "line 1: the header must be"),
        (HEADER, "no rows below the header"),
        (HEADER + "1,2,0.5\n1,x,0.4\n", "line 3: three numbers expected, got '1,x,0.4'"),
        (HEADER + "1,2\n", "line 2: three numbers expected"),
        (HEADER + "1,2,1.5\n", "line 2: .*the BLER in 0 .. 1"),
        (HEADER + "0,2,0.5\n", "line 2: the efficiency must be above 0"),
        (HEADER + "1,nan,0.5\n", "line 2: .*the SNR finite in dB"),
        (HEADER + "1,2,0.5\n1,2,0.4\n", "line 3: a second BLER at 2 dB for 1 b/s/Hz"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BlerTable(table=written(tmp_path, text))


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        BlerTable(table=str(tmp_path / "absent.csv"))

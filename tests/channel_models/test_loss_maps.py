from __future__ import annotations

from math import nan

import numpy as np
import pytest

from channel_models.fading.none import NoFading
from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss import LOSS_MAPS, LossMap, Reception
from channel_models.loss.constant import ConstantLoss
from channel_models.loss.gilbert_elliott import GilbertElliottLoss
from channel_models.loss.none import NoLoss
from channel_models.loss.outage import OutageLoss
from channel_models.randomness import stream

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=21, coherence_s=0.05)
SNRS = np.array([[0.5, 1.0], [1.5, 0.999]])
MAPS = [model() for model in LOSS_MAPS.values()]


def reception(snr: np.ndarray | list[float], efficiency: float = 1.0273, bits: float = 12_000.0) -> Reception:
    return Reception(np.asarray(snr, dtype=np.float64), SNR, efficiency, bits)


def test_maps_by_block() -> None:
    met = reception(SNRS)
    assert NoLoss().packet_error_rate(met).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert ConstantLoss(error_rate=0.1).packet_error_rate(met).tolist() == [[0.1, 0.1], [0.1, 0.1]]
    # At the threshold, 0 dB or 1, the packet still gets through.
    assert OutageLoss(threshold_db=0.0).packet_error_rate(met).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_means_over_fading() -> None:
    assert NoLoss().mean_error_rate(SNR, RAYLEIGH) == 0.0
    assert ConstantLoss(error_rate=0.3).mean_error_rate(SNR, RAYLEIGH) == 0.3
    assert OutageLoss(threshold_db=0.0).mean_error_rate(SNR, NoFading()) == 0.0
    assert OutageLoss(threshold_db=6.0).mean_error_rate(SNR, NoFading()) == 1.0


@pytest.mark.parametrize(
    ("threshold_db", "outage"),
    [(-10, 0.031128005660), (-5, 0.095162581964), (0, 0.271106585890), (5, 0.632120558829), (10, 0.957670780377)],
)
def test_outage_golden(threshold_db: float, outage: float) -> None:
    # 1 - exp(-threshold/g): the power gain is exponential; were its square root, P(snr < 0 dB) would be 0.0951.
    assert OutageLoss(threshold_db=threshold_db).mean_error_rate(SNR, RAYLEIGH) == pytest.approx(outage, abs=6e-13)


def test_outage_mean_meets_the_sample_mean() -> None:
    step = OutageLoss(threshold_db=0.0)
    losses = step.packet_error_rate(reception(SNR * RAYLEIGH.gain(0, 0, 200_000)))
    mean = step.mean_error_rate(SNR, RAYLEIGH)
    assert abs(losses.mean() - mean) <= 4.4 * np.sqrt(mean * (1 - mean) / losses.size)


def test_thresholds_are_not_cut_to_whole_decibels() -> None:
    # int(-4.6) = -4: a packet at -4.3 dB would be lost.
    assert OutageLoss(threshold_db=-4.6).packet_error_rate(reception([10**-0.43])).tolist() == [0.0]


def test_lossless_is_known_in_advance() -> None:
    flags = [
        NoLoss().lossless,
        ConstantLoss(error_rate=0.0).lossless,
        ConstantLoss(error_rate=0.1).lossless,
        OutageLoss(threshold_db=0.0).lossless,
        GilbertElliottLoss(loss_bad=0.0).lossless,
        GilbertElliottLoss().lossless,
    ]
    assert flags == [True, True, False, False, True, False]


def test_registry_names() -> None:
    names = {"none", "constant", "outage", "waterfall", "chen", "gilbert_elliott", "bler_table"}
    assert names <= set(LOSS_MAPS)


@pytest.mark.parametrize("loss", MAPS, ids=lambda loss: loss.name)
def test_every_map_gives_probabilities_in_the_shape_of_the_snr(loss: LossMap) -> None:
    snr = np.concatenate(([0.0], np.geomspace(1e-9, 1e9, 19))).reshape(4, 5)
    rate = loss.packet_error_rate(reception(snr))
    assert rate.shape == snr.shape
    assert rate.dtype == np.float64
    assert np.all((rate >= 0) & (rate <= 1))
    # Whatever follows the SNR falls with it, from certain loss at none to none at a great deal.
    if loss.by_block:
        falling = rate.ravel()
        assert np.all(np.diff(falling) <= 1e-15)
        assert falling[0] == 1.0
        assert falling[-1] < 1e-5


@pytest.mark.parametrize("loss", MAPS, ids=lambda loss: loss.name)
def test_a_process_answers_the_same_when_asked_again(loss: LossMap) -> None:
    process = loss.process(stream(1, "loss", 0))
    first = process.error_rate(3, reception(SNRS.ravel()))
    process.error_rate(500, reception(SNRS.ravel()))
    assert process.error_rate(3, reception(SNRS.ravel())).tolist() == first.tolist()


@pytest.mark.parametrize("rate", [-0.1, 1.1, nan])
def test_error_rate_is_a_probability(rate: float) -> None:
    with pytest.raises(ValueError, match="error_rate must be"):
        ConstantLoss(error_rate=rate)


@pytest.mark.parametrize("threshold_db", [401.0, -401.0, float("inf"), nan])
def test_threshold_is_a_level_in_decibels(threshold_db: float) -> None:
    with pytest.raises(ValueError, match="threshold_db must be"):
        OutageLoss(threshold_db=threshold_db)

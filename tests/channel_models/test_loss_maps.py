from __future__ import annotations

import numpy as np
import pytest

from channel_models.fading import BlockRayleigh, NoFading
from channel_models.loss import LOSS_MAPS, ConstantLoss, NoLoss, OutageLoss

SNR = 10**0.5
RAYLEIGH = BlockRayleigh(seed=21, coherence_s=0.05)
SNRS = np.array([[0.5, 1.0], [1.5, 0.999]])


def test_maps_by_block() -> None:
    assert NoLoss().packet_error_rate(SNRS).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert ConstantLoss(0.1).packet_error_rate(SNRS).tolist() == [[0.1, 0.1], [0.1, 0.1]]
    # At the threshold the packet still gets through.
    assert OutageLoss(1.0).packet_error_rate(SNRS).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert OutageLoss(1.0).packet_error_rate(0.5) == 1.0


def test_means_over_fading() -> None:
    assert NoLoss().mean_error_rate(SNR, RAYLEIGH) == 0.0
    assert ConstantLoss(0.3).mean_error_rate(SNR, RAYLEIGH) == 0.3
    assert OutageLoss(1.0).mean_error_rate(SNR, RAYLEIGH) == pytest.approx(0.271106585890, abs=6e-13)
    assert OutageLoss(1.0).mean_error_rate(SNR, NoFading()) == 0.0
    assert OutageLoss(4.0).mean_error_rate(SNR, NoFading()) == 1.0


def test_outage_mean_meets_the_sample_mean() -> None:
    losses = OutageLoss(1.0).packet_error_rate(SNR * RAYLEIGH.gain(0, 0, 200_000))
    mean = OutageLoss(1.0).mean_error_rate(SNR, RAYLEIGH)
    assert abs(losses.mean() - mean) <= 4.4 * np.sqrt(mean * (1 - mean) / losses.size)


def test_lossless_is_known_in_advance() -> None:
    flags = [
        NoLoss().lossless,
        ConstantLoss(0.0).lossless,
        ConstantLoss(0.1).lossless,
        OutageLoss(1.0).lossless,
    ]
    assert flags == [True, True, False, False]


def test_registry_names() -> None:
    assert {"none": NoLoss, "constant": ConstantLoss, "outage": OutageLoss} == LOSS_MAPS


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_error_rate_is_a_probability(rate: float) -> None:
    with pytest.raises(ValueError, match=r"error_rate must lie in \[0, 1\]"):
        ConstantLoss(rate)


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("inf"), float("nan")])
def test_threshold_is_a_positive_ratio(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold_snr"):
        OutageLoss(threshold)

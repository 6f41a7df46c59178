"""An outside witness: the system-level models of Sionna (NVIDIA, Apache-2.0), where sionna-no-rt is installed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.bler_table import BlerTable
from channel_models.rates.eesm import effective_snr, rayleigh_effective_snr
from channel_models.rates.mcs_ladder import NR_EFFICIENCIES, NR_MCS, NR_THRESHOLDS_DB
from channel_models.sharing.ofdma_pf import OfdmaProportionalFair
from channel_models.sharing.policy import User, gain_of_link

pytest.importorskip("sionna")
torch = pytest.importorskip("torch")

from sionna import sys as sionna_sys  # noqa: E402
from sionna.phy.nr.utils import MCSDecoderNR  # noqa: E402

SNR = 10**0.5
CODE_BLOCK_BITS = 2000
STEP_DB = 25 / 14
TABLE = Path(sionna_sys.__file__).parent / "bler_tables" / "PUSCH_table1.json"


def doubles(values: object) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float64)


@pytest.fixture(scope="module")
def abstraction() -> object:
    """Table 1 of the uplink alone, on a grid that has the simulated SNRs on it, with a hundred steps in between."""
    return sionna_sys.PHYAbstraction(
        load_bler_tables_from=str(TABLE),
        snr_db_interp_min_max_delta=(-5.0, 20.0 + STEP_DB / 200, STEP_DB / 100),
        cbs_interp_min_max_delta=(1000, 2001, 500),
        precision="double",
        device="cpu",
    )


def sionna_bler(abstraction: object, mcs: int, snr_db: np.ndarray) -> np.ndarray:
    return abstraction.get_bler(mcs, 1, 0, CODE_BLOCK_BITS, doubles(10 ** (snr_db / 10))).numpy()


@pytest.mark.parametrize("beta_of_mcs", [(0, 1.6), (10, 3.97), (20, 14.96)], ids=lambda pair: f"mcs{pair[0]}")
def test_effective_snr(beta_of_mcs: tuple[int, float]) -> None:
    mcs, beta = beta_of_mcs
    eesm = sionna_sys.EESM(precision="double", device="cpu")
    snr = SNR * BlockRayleigh(seed=1).gain(0, 0, 14 * 600).reshape(14, 600)
    theirs = eesm(doubles(snr)[:, :, None, None], torch.tensor([mcs]), mcs_table_index=1)
    # The calibrated betas of their table are single precision.
    assert float(effective_snr(snr.ravel(), beta)) == pytest.approx(float(theirs[0]), rel=1e-6)
    assert float(theirs[0]) == pytest.approx(rayleigh_effective_snr(SNR, beta), rel=0.05)


def test_schemes_have_the_standard_s_efficiencies() -> None:
    decoder = MCSDecoderNR(precision="double", device="cpu")
    mcs = torch.tensor(NR_MCS)
    zeros = torch.zeros_like(mcs)
    order, rate = decoder(mcs, zeros + 1, zeros, check_index_validity=True, transform_precoding=zeros.bool())
    assert (order * rate).numpy() == pytest.approx(NR_EFFICIENCIES, abs=5.1e-5)


@pytest.mark.parametrize("number", range(len(NR_MCS)), ids=lambda number: f"mcs{NR_MCS[number]}")
def test_block_error_rates(abstraction: object, number: int) -> None:
    scheme, mcs = NR_EFFICIENCIES[number], NR_MCS[number]
    grid_db = -5.0 + STEP_DB * np.arange(15)
    ours = BlerTable().block_error_rate(10 ** (grid_db / 10), scheme)
    # At the SNRs that were simulated ours is what they saw (single precision), or what counts as no error seen.
    seen = json.loads(TABLE.read_text())["category"]["0"]["index"]["1"]["MCS"][str(mcs)]
    assert seen["SNR_db"] == pytest.approx(grid_db.tolist(), abs=1e-6)
    assert ours == pytest.approx(seen["CBS"][str(CODE_BLOCK_BITS)]["BLER"], rel=1e-6, abs=1.1e-6)
    # In between they interpolate by splines, whose logarithm is nearly straight as well.
    fine_db = np.linspace(-5.0, 20.0, 1401)
    inner = BlerTable().block_error_rate(10 ** (fine_db / 10), scheme)
    assert inner == pytest.approx(sionna_bler(abstraction, mcs, fine_db), abs=0.08)


@pytest.mark.parametrize("number", range(len(NR_MCS)), ids=lambda number: f"mcs{NR_MCS[number]}")
def test_thresholds(abstraction: object, number: int) -> None:
    # The SNR from which their BLER is 0.1 at most is ours to less than a tenth of a dB.
    fine_db = np.linspace(-5.0, 20.0, 1401)
    above = fine_db[sionna_bler(abstraction, NR_MCS[number], fine_db) > 0.1]
    assert above[-1] == pytest.approx(NR_THRESHOLDS_DB[number], abs=0.08)


def test_packets_of_several_code_blocks(abstraction: object) -> None:
    # MCS 13 where its code blocks fail with 0.6275; a transport block of more than 8448 bits is cut into several.
    resources, order, snr = 6000, 4, 10 ** (80 / 14 / 10)
    _, _, _, theirs, bler = abstraction(
        torch.tensor([13]),
        sinr_eff=doubles([snr]),
        num_allocated_re=torch.tensor([resources]),
        mcs_table_index=1,
        mcs_category=0,
        check_mcs_index_validity=False,
    )
    bits = resources * order * 490 / 1024
    assert float(BlerTable().block_error_rate(snr, 1.9141)) == pytest.approx(float(bler[0]), abs=2e-6)
    assert float(BlerTable().error_rate(snr, 1.9141, bits)) == pytest.approx(float(theirs[0]), abs=2e-6)
    assert float(theirs[0]) > float(bler[0])


def test_proportional_fair() -> None:
    users, subbands, slots, beta = 4, 3, 300, 0.95
    fading = BlockRayleigh(seed=2)
    population = [
        User(
            client=client,
            mean_snr=SNR * (1 + client),
            bits=1e6,
            tx_power_w=1.0,
            gain=gain_of_link(fading.gain, client),
        )
        for client in range(users)
    ]
    rule = OfdmaProportionalFair(resource_blocks=subbands, window_beta=beta)
    allocation = rule.allocate(population, population, 0)
    ours = np.array([allocation[client].airtime_of(0, slots) for client in range(users)])
    theirs = sionna_shares(population, subbands, slots, beta)
    assert ours.sum(axis=0) == pytest.approx(np.ones(slots))
    # The same decisions in every slot, but for ties that rounding breaks.
    assert np.mean(np.any(np.abs(ours - theirs) > 1e-9, axis=0)) <= 0.01


def sionna_shares(users: list[User], subbands: int, slots: int, beta: float) -> np.ndarray:
    """Share of sub-bands f64[users, slots] that their scheduler gives; their average is set to begin as ours does."""
    scheduler = sionna_sys.PFSchedulerSUMIMO(len(users), subbands, 1, beta=beta, precision="double", device="cpu")
    gains = np.array([[user.gain(0, slots, band) for band in range(subbands)] for user in users])
    mean_snr = np.array([user.mean_snr for user in users])
    rates = np.log2(1 + mean_snr[:, None, None] * gains)
    scheduler._rate_achieved_past.copy_(doubles(np.log2(1 + mean_snr) / len(users)))
    shares, got = np.empty((len(users), slots)), np.log2(1 + mean_snr) / len(users)
    for slot in range(slots):
        mine = scheduler(doubles(got), doubles(rates[:, :, slot].T[None]))[0, :, :, 0].numpy()
        shares[:, slot] = mine.mean(axis=0)
        got = (mine * rates[:, :, slot].T).mean(axis=0)
    return shares

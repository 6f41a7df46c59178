"""One uplink round of very many clients, fluid and packet-exact: seconds and peak memory.

    python -m benchmarks.million_clients [--clients N] [--processes 2] [--fidelity fluid packet]

Each client sends 2,324,000 bytes (581,000 float32 values, 1592 packets) over its own 1 MHz Rayleigh link at 0 to 20 dB,
blocks of 50 ms, a packet error rate of 0.1, selective repeat; every finish is that of ``Link.transfer``. Processes take
slices of the clients; peak memory is the sum of theirs.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.transfer.cohort import Cohort
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile

PAYLOAD_BYTES = 2_324_000


def finishes(fidelity: str, first: int, stop: int) -> tuple[np.ndarray, float]:
    """Finishes of the clients first .. stop - 1, and the peak memory of this process in MB."""
    numbers = np.arange(first, stop)
    mean_snr = 10.0 ** (2.0 * np.modf(numbers * 0.6180339887498949)[0])
    fading, rate = BlockRayleigh(seed=1, coherence_s=0.05), Shannon()
    profile = LinkProfile(0, fading, rate, 1e6, 1.0)
    scheme, loss = SelectiveRepeat(retransmissions=100), ConstantLoss(error_rate=0.1)
    pattern = Link(0, profile, rate, 1.0, 1, loss_map=loss, scheme=scheme, fidelity=fidelity)
    told = Cohort(pattern, numbers, mean_snr).finish_s(0.0, PAYLOAD_BYTES, 0)
    return told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(fidelity: str, clients: int, processes: int) -> dict[str, float | int | str]:
    """One round, timed from outside with the start of the processes."""
    cuts = np.linspace(0, clients, processes + 1).astype(int).tolist()
    begun = time.perf_counter()
    with ProcessPoolExecutor(processes) as pool:
        parts = list(pool.map(finishes, [fidelity] * processes, cuts[:-1], cuts[1:]))
    seconds = time.perf_counter() - begun
    finish_s = np.concatenate([part for part, _ in parts])
    return {
        "fidelity": fidelity,
        "clients": clients,
        "processes": processes,
        "seconds": round(seconds, 2),
        "peak_mb": round(sum(peak for _, peak in parts)),
        "mean_finish_s": float(finish_s.mean()),
        "last_finish_s": float(finish_s.max()),
    }


def main() -> None:
    """Print a line of JSON a round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[100_000])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--fidelity", nargs="+", default=["fluid", "packet"])
    asked = parser.parse_args()
    for clients in asked.clients:
        for fidelity in asked.fidelity:
            print(json.dumps(measure(fidelity, clients, asked.processes)), flush=True)


if __name__ == "__main__":
    main()

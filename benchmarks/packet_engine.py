"""Our packet-exact transfer against per-packet SimPy loops: one upload of 1592 packets, the same law, side by side.

    python -m benchmarks.packet_engine [--uploads N]

``ours`` is ``Link.transfer`` of one link after another; ``cohort`` the same uploads at once, equal to the bit.
The loops know the channel as block rates computed beforehand, draw one number a packet, and wait one timeout a packet:
``numpy`` draws scalars from a NumPy generator, ``stdlib`` from the standard library, with everything bound to locals.
``draws`` is the floor: the random numbers of an upload alone, in two calls of NumPy.
"""

from __future__ import annotations

import argparse
import json
import random  # noqa: TID251 - the quickest loop that can be written draws from the standard library
import time
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from channel_models.fading.rayleigh import BlockRayleigh
from channel_models.loss.constant import ConstantLoss
from channel_models.randomness import stream
from channel_models.rates.shannon import Shannon
from channel_models.retransmission.selective_repeat import SelectiveRepeat
from channel_models.transfer.cohort import Cohort
from channel_models.transfer.link import Link
from channel_models.transfer.profile import LinkProfile

PAYLOAD_BYTES, BANDWIDTH_HZ, MEAN_SNR, ERROR_RATE, BLOCK_S = 2_324_000, 1e6, 10**0.5, 0.1, 0.05
FADING = BlockRayleigh(seed=1, coherence_s=BLOCK_S)
SCHEME = SelectiveRepeat(retransmissions=100)


def ours(link_id: int) -> float:
    """Seconds of one upload, everything included: the link, its blocks, its losses, the delivery."""
    profile = LinkProfile(link_id, FADING, Shannon(), BANDWIDTH_HZ, MEAN_SNR)
    loss = ConstantLoss(error_rate=ERROR_RATE)
    return (
        Link(link_id, profile, Shannon(), 1.0, 1, loss_map=loss, scheme=SCHEME)
        .transfer(0.0, PAYLOAD_BYTES, 0)
        .duration_s
    )


def ours_together(links: NDArray[np.int64]) -> list[float]:
    """The same uploads as one cohort: equal to the bit, without an object a link."""
    profile = LinkProfile(0, FADING, Shannon(), BANDWIDTH_HZ, MEAN_SNR)
    loss = ConstantLoss(error_rate=ERROR_RATE)
    pattern = Link(0, profile, Shannon(), 1.0, 1, loss_map=loss, scheme=SCHEME)
    return Cohort(pattern, links, np.full(links.size, MEAN_SNR)).finish_s(0.0, PAYLOAD_BYTES, 0).tolist()


def simpy_loop(link_id: int, draw: Callable[[], float]) -> float:
    """Seconds of one upload, a timeout a packet."""
    env = simpy.Environment()
    env.run(env.process(_upload(env, block_rates_bps(link_id), draw)))
    return float(env.now)


def block_rates_bps(link_id: int) -> list[float]:
    """Rates of 1024 blocks (51 s), far more than an upload takes."""
    return (BANDWIDTH_HZ * np.log2(1.0 + MEAN_SNR * FADING.gain(link_id, 0, 1024))).tolist()


def _upload(env: simpy.Environment, rates_bps: list[float], draw: Callable[[], float]) -> Generator[Any, Any, None]:
    sizes = [12_000.0] * 1591 + [8.0 * (PAYLOAD_BYTES - 1591 * 1460 + 40)]
    timeout, pending, block, now_s, edge_s = env.timeout, sizes, 0, 0.0, BLOCK_S
    rate_bps = rates_bps[0]
    while pending:
        lost = []
        for size in pending:
            left, begun_s = size, now_s
            while now_s + left / rate_bps > edge_s:
                left -= rate_bps * (edge_s - now_s)
                now_s, block = edge_s, block + 1
                edge_s, rate_bps = edge_s + BLOCK_S, rates_bps[block]
            now_s += left / rate_bps
            yield timeout(now_s - begun_s)
            if draw() < ERROR_RATE:
                lost.append(size)
        pending = lost


def draws(link_id: int) -> float:
    """The numbers that an upload cannot do without: 250 block gains and 1770 fates of packets."""
    generator = stream(1, "benchmarks.draws", link_id)
    return float(generator.exponential(size=250).sum() + generator.random(1770).sum())


def timed(uploads: Callable[[NDArray[np.int64]], list[float]], links: range) -> tuple[float, list[float]]:
    """Microseconds an upload (the median of five parts), and what the uploads took in simulated seconds."""
    durations_s, spent_us = list[float](), list[float]()
    for part in np.array_split(np.array(links), 5):
        begun = time.perf_counter()
        durations_s += uploads(part)
        spent_us.append(1e6 * (time.perf_counter() - begun) / part.size)
    return float(np.median(spent_us)), durations_s


def one_by_one(upload: Callable[[int], float]) -> Callable[[NDArray[np.int64]], list[float]]:
    """Uploads of links, one after another."""
    return lambda links: [upload(link) for link in links.tolist()]


def main() -> None:
    """Print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=1000)
    count = parser.parse_args().uploads
    numpy_draw, stdlib_draw = np.random.default_rng(2).random, random.Random(3).random
    ours(0), simpy_loop(0, stdlib_draw), ours_together(np.arange(100))
    ours_us, our_law = timed(one_by_one(ours), range(count))
    stdlib_us, stdlib_law = timed(one_by_one(lambda link: simpy_loop(link, stdlib_draw)), range(count, 2 * count))
    numpy_us, numpy_law = timed(one_by_one(lambda link: simpy_loop(link, numpy_draw)), range(2 * count, 3 * count))
    cohort_us, cohort_law = timed(ours_together, range(count))
    draws_us, _ = timed(one_by_one(draws), range(count))
    assert cohort_law == our_law
    told = {
        "uploads": count,
        "draws_us": draws_us,
        "cohort_us": cohort_us,
        "ours_us": ours_us,
        "simpy_stdlib_us": stdlib_us,
        "simpy_numpy_us": numpy_us,
    }
    told |= {"ratio_stdlib": stdlib_us / ours_us, "ratio_numpy": numpy_us / ours_us}
    told |= {"cohort_ratio_stdlib": stdlib_us / cohort_us, "cohort_ratio_numpy": numpy_us / cohort_us}
    told |= {"ks_p_stdlib": ks_2samp(our_law, stdlib_law).pvalue, "ks_p_numpy": ks_2samp(our_law, numpy_law).pvalue}
    print(json.dumps({key: round(float(value), 4) for key, value in told.items()}))


if __name__ == "__main__":
    main()

"""Numbers of a study that nobody ran: each method's means, with noise that seeds share and noise of its own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pwffsim.paper.configurations import METHODS
from pwffsim.paper.measured import ALIGNMENT, INSTRUCTION, Measured, measured
from pwffsim.studies.numbers import NO_ROUND

SEEDS = (1, 2, 3, 4, 5)
ADAPTERS, LORA = 580_968, {"paper_consistent": 442_368, "paper_literal": 5_308_416}
SENT = {
    "pwff": ("adapters",), "fedada": ("adapters",), "sfl": ("adapters",), "pwff_equal": ("adapters",),
    "vanilla_fl": ("adapters", "lora"), "pfl": ("adapters", "lora"),
    "fedlora": ("lora",), "shepherd": ("lora",), "dual": ("lora",), "local_only": (), "centralised": (),
}  # fmt: skip
"""What a method uploads in stages 1 and 3."""

Rows = list[tuple[str, str, str, str, int, str, int, str, float]]


def study(accuracy: Mapping[str, float], reward: Mapping[str, float], own_noise: float = 0.001) -> Measured:
    """A study with these means at the end; all other methods have the first of them."""
    noise = np.random.default_rng(0)
    return measured(frame([*_learnt(accuracy, reward, own_noise, noise), *_planned(noise)]))


def frame(rows: Rows) -> pd.DataFrame:
    columns = ["study", "preset", "method", "variant", "seed", "stage", "round", "quantity", "value"]
    return pd.DataFrame(rows, columns=columns)


def _learnt(
    accuracy: Mapping[str, float], reward: Mapping[str, float], own_noise: float, noise: np.random.Generator
) -> Rows:
    rows: Rows = []
    for preset in ("tiny_consistent", "tiny_literal"):
        for seed in SEEDS:
            shared = noise.normal(0.0, 0.2)
            for method in METHODS:
                for stage, quantity, means in (
                    (INSTRUCTION, "accuracy", accuracy), (INSTRUCTION, "global_accuracy", accuracy),
                    (ALIGNMENT, "examined_sum", reward), (ALIGNMENT, "examined_weighted", reward),
                    (ALIGNMENT, "kl", reward),
                ):  # fmt: skip
                    end = means.get(method, next(iter(means.values()))) + shared + noise.normal(0.0, own_noise)
                    course = ((0, 0.1), (1, 0.7), (2, 1.0))
                    rows += [("methods", preset, method, "", seed, stage, r, quantity, w * end) for r, w in course]
    return rows


def _planned(noise: np.random.Generator) -> Rows:
    rows: Rows = []
    for preset, lora in LORA.items():
        for seed in SEEDS:
            rate = 1.716e6 * (1 + noise.normal(0.0, 0.002))
            for method, groups in SENT.items():
                counts = {group: ADAPTERS if group == "adapters" else lora for group in groups}
                rows += _uploads(preset, method, seed, counts, rate)
    return rows


def _uploads(preset: str, method: str, seed: int, counts: Mapping[str, int], rate: float) -> Rows:
    size = 4 * sum(counts.values())
    if not size:
        return [("sizes", preset, method, "", seed, INSTRUCTION, NO_ROUND, "round_delay_mean_s", 0.0)]
    delay = 8 * size / rate
    values = {
        "upload_bytes": size, "upload_airtime_s": delay, "upload_energy_j": delay, "energy_tx_j": 500 * delay,
        **{f"upload_{group}_bytes": 4.0 * count for group, count in counts.items()},
    }  # fmt: skip
    totals = [
        ("sizes", preset, method, "", seed, stage, NO_ROUND, name, float(value))
        for stage in (INSTRUCTION, ALIGNMENT)
        for name, value in values.items()
    ]
    rounds = [("sizes", preset, method, "", seed, INSTRUCTION, r, "round_airtime_s", 10 * delay) for r in (1, 2)]
    return [*totals, *rounds]

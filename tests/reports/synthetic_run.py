"""A made-up run for the report's tests: lawful records of clients over three stages, without learning or radio."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pwffsim.runs.directory import RunDirectory, create
from pwffsim.runs.laws import check
from pwffsim.runs.load import Run, load
from pwffsim.runs.recorder import Recorder
from pwffsim.runs.records import Aggregation, Direction, Fate, Message, Metric, Span, SpanKind, UpdateFate
from pwffsim.runs.summary import summarise

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NS = 1_000_000_000
AIR_W, RECEIVE_W, COMPUTE_W = 1.0, 0.2, 4.0
RADIO = {
    "amplifier_efficiency": 1.0,
    "circuit_power_w": 0.0,
    "receive_power_w": RECEIVE_W,
    "tail_power_w": 0.0,
    "tail_s": 0.0,
    "idle_power_w": 0.0,
    "idle_s": "inf",
    "sleep_power_w": 0.0,
}
STAGES = {"instruction": (12, 80_000), "reward": (6, 33_000), "alignment": (8, 80_000)}
ASSUMPTIONS = (
    ("Radio", "sharing", "private band each", None),
    ("Radio", "bandwidth", 1e6, "Hz"),
    ("Radio", "transmit power", 1.0, "W"),
    ("Radio", "fading", "Rayleigh, block", None),
    ("Radio", "coherence time", 0.05, "s"),
    ("Radio", "rate map", "B log2(1 + SNR)", None),
    ("Packets", "payload", 1460, "B"),
    ("Packets", "retransmissions", 4, "at most"),
    ("Packets", "residual loss", "discard the update", None),
    ("Devices", "phone", 1.0, "GFLOP/s"),
    ("Devices", "tablet", 4.0, "GFLOP/s"),
    ("Model", "base weights", "tiny, pre-trained by the project", None),
)
HASH = "3f9a1c0de4b85562a7d1c9037e1fb2a6c4d5e6f708192a3b4c5d6e7f80910aa1"


@dataclass
class World:
    """Where the made-up run has got to."""

    recorder: Recorder
    rng: np.random.Generator
    clients: int
    repeats: int = 1
    now_ns: int = 0
    update: int = 0
    version: int = 0
    free_ns: list[int] = field(default_factory=list)

    def span(self, actor: str, kind: SpanKind, start: int, length: int, power_w: float, **facts: Any) -> int:
        """Records a span and returns its energy in nJ."""
        energy = round(power_w * length)
        self.recorder.span(Span(actor, kind, start, length, energy_nj=energy, **facts))
        return energy


def name(client: int) -> str:
    """The actor name of a client."""
    return f"client-{client:02d}"


def snr_of(client: int, clients: int) -> float:
    """Mean SNR of a client, dB: from 12 for the first down to -3 for one beyond the last."""
    return 12.0 - 15.0 * client / clients


def message(
    world: World, client: int, way: Direction, start: int, end: int, facts: dict[str, Any], **numbers: Any
) -> None:
    """Records a message of one tensor."""
    ends = (name(client), "server") if way == Direction.UP else ("server", name(client))
    size = numbers["payload_bytes"]
    lost = numbers["lost_bytes"]
    rest = {"complete": lost == 0, "delivered_bytes": size - lost, "tensors": (("h.0.adapter.down.weight", size),)}
    times = {"sent_ns": start, "received_ns": end, "held_ns": 0, "on_air_ns": end - start, "full_power_ns": end - start}
    where = {"cell": "cell", "handovers": 0}
    world.recorder.message(
        Message(source=ends[0], target=ends[1], direction=way, **times, **where, **rest, **facts, **numbers)
    )


def take_part(world: World, client: int, stage: str, number: int, size: int, age: int) -> tuple[int, int, bool]:
    """One client's download, computing and upload from now on, based on a version that is so many versions old;
    returns update, end and whether all arrived."""
    rng, update, at = world.rng, world.update, world.now_ns
    world.update += 1
    facts: dict[str, Any] = {"stage": stage, "round": number, "version": world.version - age, "update": update}
    actor, slow, snr_db = name(client), 4.0 if client % 2 else 1.0, snr_of(client, world.clients)
    rate = 1e6 * math.log2(1 + 10 ** (snr_db / 10)) * rng.uniform(0.7, 1.0)
    packets = -(-size // 1460)
    down = round(size * 8 / 4e6 * NS * rng.uniform(0.9, 1.1))
    energy = world.span(actor, SpanKind.DOWNLOAD, at, down, RECEIVE_W, bytes=size, **facts)
    shared = {"packets": packets, "payload_bytes": size}
    message(world, client, Direction.DOWN, at, at + down, facts, transmissions=packets, lost_bytes=0, energy_nj=energy,
            mean_snr_db=20.0, mean_rate_bps=4e6, **shared)  # fmt: skip
    at += down
    work = round(slow * 0.9 * NS * rng.uniform(0.98, 1.02))
    world.span(actor, SpanKind.COMPUTE, at, work, COMPUTE_W, **facts)
    at += work
    if stage == "alignment":
        wait = round(rng.exponential(0.3) * NS)
        world.span(actor, SpanKind.QUEUE, at, wait, 0.0, **facts)
        at += wait
    air = round(size * 8 / rate * NS)
    repeats = int(rng.poisson(packets * 0.02 * (1 + 10 * client / world.clients)))
    again = round(air * repeats / packets)
    lost = int(min(size, 1460 * rng.poisson(5))) if rng.random() < 0.04 else 0
    energy = world.span(actor, SpanKind.UPLOAD, at, air, AIR_W, bytes=size, **facts)
    if again:
        energy += world.span(actor, SpanKind.RETRANSMIT, at + air, again, AIR_W, bytes=1460 * repeats, **facts)
    message(world, client, Direction.UP, at, at + air + again, facts, transmissions=packets + repeats, lost_bytes=lost,
            energy_nj=energy, mean_snr_db=snr_db, mean_rate_bps=rate, **shared)  # fmt: skip
    return update, at + air + again, lost == 0


def one_round(world: World, stage: str, number: int, size: int) -> None:
    """Everybody takes part; lost updates are not used, in every fifth round the last to arrive is too late."""
    ages = world.rng.integers(0, 3 if stage == "reward" else 1, world.clients).tolist()
    parts = {client: take_part(world, client, stage, number, size, ages[client]) for client in range(world.clients)}
    whole = {client: part for client, part in parts.items() if part[2]}
    order = sorted(whole, key=lambda client: whole[client][1])
    late = order[-1:] if number % 5 == 4 and len(order) > 1 else []
    used = sorted(set(order) - set(late))
    applied_ns = max(whole[client][1] for client in used)
    for client, (update, _, complete) in parts.items():
        fate = Fate.LOST if not complete else Fate.LATE if client in late else Fate.APPLIED
        world.recorder.fate(UpdateFate(update, name(client), stage, number, world.version - ages[client], fate))
    staleness = tuple(ages[client] for client in used)
    world.version += 1
    world.recorder.aggregation(
        Aggregation(applied_ns, stage, number, world.version, tuple(whole[client][0] for client in used),
                    tuple(map(name, used)), tuple(1 / len(used) for _ in used), staleness, f"{world.version:032x}")
    )  # fmt: skip
    end = max(part[1] for part in parts.values())
    for client, (_, own_end, _) in parts.items():
        world.span(name(client), SpanKind.IDLE, own_end, end - own_end, 0.0, stage=stage, round=number)
    world.now_ns = end
    measure(world, stage, number, applied_ns)


def measure(world: World, stage: str, number: int, time_ns: int) -> None:
    """Made-up metrics with the names that the simulator uses."""
    rounds = STAGES[stage][0] * world.repeats
    share, rng = (number + 1) / rounds, world.rng
    for client in range(world.clients):
        values = {"train_loss": 3 - 2 * share}
        if stage == "instruction":
            values |= {"accuracy": 0.31 + 0.4 * (1 - math.exp(-3 * share)) + 0.012 * client, "loss": 3.1 - 1.9 * share}
        if stage == "reward":
            values |= {"helpfulness_accuracy": 0.5 + 0.3 * share, "harmlessness_accuracy": 0.5 + 0.22 * share}
        if stage == "alignment":
            values |= {"reward_helpfulness": -0.2 + 1.1 * share, "reward_harmlessness": -0.4 + 0.8 * share}
            values |= {"reward_weighted": -0.3 + share * (1 + 0.05 * client), "kl": 2.5 * share, "surprise": 2 - share}
        for metric, value in values.items():
            noisy = value + 0.02 * rng.standard_normal()
            world.recorder.metric(Metric(time_ns, name(client), stage, number, metric, float(noisy)))
    if stage == "instruction":
        world.recorder.metric(Metric(time_ns, "server", stage, number, "global_accuracy", 0.3 + 0.35 * share))


def manifest_fields(clients: int) -> dict[str, Any]:
    """What the simulator adds to the manifest for the report."""
    return {
        "assumptions": [
            {"group": title, "name": label, "value": value, "unit": unit} for title, label, value, unit in ASSUMPTIONS
        ],
        "clients": [described(client, clients) for client in range(clients)],
        "baselines": {
            "accuracy": {"untuned base": 0.284, "unigram": 0.113, "majority": 0.096},
            "helpfulness_accuracy": {"chance": 0.5},
            "harmlessness_accuracy": {"chance": 0.5},
        },
        "data_report": {"corpus": "embedded", "pairs": {"kept": 960, "dropped": {"chosen equals rejected": 3}}},
        "channels": clients,
        "power_w": {"uplink": AIR_W, "compute": dict.fromkeys(map(name, range(clients)), COMPUTE_W), "radio": RADIO},
        "retransmissions": 4,
        "residual_loss": "discard",
        "seeds": {"root": 7},
    }


def described(client: int, clients: int) -> dict[str, Any]:
    """What the manifest says of a client."""
    tier, weight = "phone" if client % 2 else "tablet", client / max(1, clients - 1)
    facts = {"name": name(client), "tier": tier, "mean_snr_db": snr_of(client, clients)}
    return {**facts, "preference_weight": round(weight, 3), "samples": 160 - client % 90}


def scenario(title: str) -> dict[str, Any]:
    """A resolved scenario, as far as the report looks at it."""
    stages: dict[str, dict[str, Any]] = {stage: {"rounds": rounds} for stage, (rounds, _) in STAGES.items()}
    stages["alignment"]["kl_bound"] = 8.0
    return {"name": title, "seed": 7, "method": "pwff", "stages": stages}


def record(directory: RunDirectory, clients: int, repeats: int) -> Recorder:
    """Records all stages, each with ``repeats`` times its usual rounds."""
    recorder = Recorder(directory.path)
    world = World(recorder, np.random.default_rng(5), clients, repeats)
    for stage, (rounds, size) in STAGES.items():
        for number in range(rounds * repeats):
            one_round(world, stage, number, size)
    recorder.close()
    return recorder


def build(
    folder: Path,
    moment: datetime = MOMENT,
    title: str = "quickstart",
    clients: int = 10,
    repeats: int = 1,
    status: str = "done",
    checked: bool = True,
) -> Run:
    """A whole run directory below ``folder``; its records obey the laws."""
    directory = create(folder / "run", title, HASH, moment)
    directory.scenario(f"name: {title!r}\n".encode(), scenario(title))
    directory.manifest("running", **manifest_fields(clients))
    recorder = record(directory, clients, repeats)
    run = load(directory.path)
    laws = check(run) if checked else {}
    directory.summary(summarise(run))
    finished = moment + timedelta(seconds=83.5)
    directory.manifest(status, now_utc=finished, invariants=laws, fingerprints=recorder.fingerprints)
    return load(directory.path)

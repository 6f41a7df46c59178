"""Worlds without learning: a dry compute back-end, a four-block GPT-2's shapes, shards of stated sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pwffsim.architecture.families import architecture_of
from pwffsim.compute.dry import DryCompute
from pwffsim.federation.methods import METHODS
from pwffsim.runs.laws import check
from pwffsim.runs.load import Run
from pwffsim.runs.recorder import MemoryRecorder
from pwffsim.scenario.presets import resolve
from pwffsim.scenario.schema import Scenario
from pwffsim.simulation.run import physics
from pwffsim.world.blueprint import Blueprint, Shard
from pwffsim.world.profiles import profiles
from pwffsim.world.world import World

CONFIG = {"model_type": "gpt2", "n_layer": 4, "n_embd": 128, "n_head": 4, "vocab_size": 1000, "n_positions": 256}

ADAPTER_BYTES = 4 * 12 * (2 * 128 * 10 + 10 + 128)
"""4 blocks x 3 sites of bottleneck 10 at width 128, fp32."""

CALM = {"fading": {"model": "none"}, "packets": "fluid", "downlink": {"ideal": True}, "mean_snr_db": 5.0}
"""A radio without chance."""


def losing(error_rate: float, retransmissions: int = 0, **packets: int) -> dict[str, Any]:
    """Radio settings: packets of which a share is lost, each repeated so often at most."""
    return {
        "packets": packets,
        "loss": {"model": "constant", "error_rate": error_rate},
        "retransmission": {"model": "selective_repeat", "retransmissions": retransmissions},
    }


def blueprint_of(settings: dict[str, Any], rows: Sequence[int] = (), config: dict[str, Any] = CONFIG) -> Blueprint:
    scenario = resolve(Scenario.model_validate({"name": "test", **settings}))
    cast = profiles(scenario)
    counts = list(rows) or [100] * len(cast)
    pooled = METHODS[scenario.method].pooled
    examined = scenario.evaluation.examiner and scenario.stages.alignment is not None
    return Blueprint(
        scenario=scenario,
        profiles=cast,
        policy=architecture_of(config),
        encoder=None,
        base={"base": "test"},
        reward_base=None,
        data={},
        shards=tuple(Shard(count, count, _digests(f"client {i}")) for i, count in enumerate(counts)),
        test_digest="test",
        pool=Shard(sum(counts), sum(counts), _digests("everybody")) if pooled else None,
        unseen=Shard(0, 0, _digests("nobody")) if examined else None,
    )


def play(settings: dict[str, Any], rows: Sequence[int] = (), config: dict[str, Any] = CONFIG) -> Run:
    """Run a world dry; every conservation law is checked."""
    return play_world(settings, rows, config)[0]


def play_world(
    settings: dict[str, Any], rows: Sequence[int] = (), config: dict[str, Any] = CONFIG
) -> tuple[Run, MemoryRecorder]:
    blueprint, recorder = blueprint_of(settings, rows, config), MemoryRecorder()
    World(blueprint, DryCompute(), recorder).run()
    run = recorder.run(physics(blueprint))
    check(run)
    return run, recorder


def _digests(owner: object) -> dict[str, str]:
    return {kind: f"{kind} of {owner}" for kind in ("instructions", "preferences", "prompts")}

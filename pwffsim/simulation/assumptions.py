"""The assumption block: everything in a scenario that changes a delay or a joule, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from channel_models.link_budget import SolvedBudget
from pwffsim.architecture.tensors import total_bytes, total_elements
from pwffsim.scenario.budgets import downlink_budget, uplink_budget
from pwffsim.scenario.schema import Packets, Scenario
from pwffsim.simulation.preparation import Prepared
from pwffsim.world.world import stages

Assumption = dict[str, Any]


def assumptions(prepared: Prepared) -> list[Assumption]:
    """Group, name, value, unit and note of each assumption."""
    scenario = prepared.blueprint.scenario
    return [*_radio(scenario), *_devices(scenario), *_coordination(scenario), *_payloads(prepared), *_model(prepared)]


def _row(group: str, name: str, value: object, unit: str = "", note: str = "") -> Assumption:
    return {"group": group, "name": name, "value": value, "unit": unit, "note": note}


def _radio(scenario: Scenario) -> Iterator[Assumption]:
    radio = scenario.radio
    assert radio.fading is not None, "a resolved scenario has a fading model"
    up, down = uplink_budget(radio), downlink_budget(radio)
    yield _row("radio", "preset", radio.preset)
    yield _row("radio", "sharing of the uplink", radio.sharing, note="private: each client has the whole bandwidth")
    yield _row("radio", "rate map", "Shannon, B log2(1 + SNR)", note="ideal adaptation to each block's gain")
    yield _row("radio", "fading", radio.fading.model)
    if radio.fading.model != "none":
        yield _row("radio", "coherence time", radio.fading.coherence_s, "s", "gain constant within a block")
    yield from _packets(radio.packets)
    yield _row("radio", "residual loss", radio.residual_loss, note="what an update with missing packets is worth")
    yield from _budget("uplink", up)
    yield _row("uplink", "spread of clients' mean SNR", radio.snr_spread_db, "dB", "uniform, plus or minus")
    if down is None:
        yield _row("downlink", "downlink", "ideal", note="downloads take no time and no energy")
    else:
        yield from _budget("downlink", down)
        yield _row("downlink", "sharing", "private", note="unicast; packets are repeated until delivered")
        yield _row("downlink", "energy", "not counted", note="the server is on the mains; receiving costs nothing")


def _packets(packets: Packets | str | None) -> Iterator[Assumption]:
    if not isinstance(packets, Packets):
        yield _row("radio", "packets", "fluid", note="bits without headers or loss")
        return
    yield _row("radio", "packet payload", packets.payload_bytes, "B")
    yield _row("radio", "packet headers", packets.header_bytes, "B")
    yield _row("radio", "packet loss", packets.loss)
    if packets.loss == "constant":
        yield _row("radio", "packet error rate", packets.error_rate)
    if packets.loss == "outage":
        yield _row("radio", "outage threshold", packets.outage_snr_db, "dB", "on the block in which a packet ends")
    yield _row("radio", "retransmission", "selective repeat", note="feedback is immediate and free")
    yield _row("radio", "retransmissions at most", packets.retransmissions, note="of each packet of an upload")


def _budget(group: str, budget: SolvedBudget) -> Iterator[Assumption]:
    yield _row(group, "bandwidth", budget.bandwidth_hz, "Hz")
    for name, unit in (("tx_power_w", "W"), ("noise_figure_db", "dB"), ("path_loss_db", "dB"), ("mean_snr_db", "dB")):
        note = "derived from the other three" if budget.derived == name else ""
        yield _row(group, name.rsplit("_", 1)[0].replace("_", " "), round(getattr(budget, name), 6), unit, note)


def _devices(scenario: Scenario) -> Iterator[Assumption]:
    for tier in scenario.devices.tiers:
        note = f"{tier.compute_power_w:g} W, {tier.memory_mb:g} MB, {tier.lora_modules_per_block} LoRA modules a block"
        yield _row("devices", f"tier {tier.name}", tier.gflops, "GFLOP/s", note)
    yield _row(
        "devices", "work of a step", "declared FLOPs", note="batches padded to max_length; see architecture.work"
    )
    yield _row("devices", "generated tokens", scenario.devices.count_generated, note="declared maximum or really made")
    yield _row("devices", "idle and receive power", 0, "W", "not modelled")


def _coordination(scenario: Scenario) -> Iterator[Assumption]:
    mode = scenario.aggregation
    yield _row("coordination", "method", scenario.method)
    yield _row("coordination", "mode", mode.mode)
    if mode.mode == "buffered":
        yield _row("coordination", "buffer", mode.buffer, "updates")
        yield _row("coordination", "staleness rule", f"{mode.staleness.rule}, exponent {mode.staleness.exponent:g}")
        yield _row("coordination", "next task", mode.retask)
    yield _row("coordination", "weights", mode.weights)
    yield _row("coordination", "selection", scenario.selection)
    cost = "simulated time and energy" if scenario.evaluation.costs_time else "nothing"
    yield _row("coordination", "evaluation costs", cost)
    yield _row("coordination", "aggregation costs", "nothing", note="the server has sufficient resources")


def _payloads(prepared: Prepared) -> Iterator[Assumption]:
    for stage in stages(prepared.blueprint):
        sizes = {total_bytes(stage.upload_tensors(profile)) for profile in prepared.blueprint.participants}
        largest = max((stage.upload_tensors(profile) for profile in prepared.blueprint.participants), key=total_bytes)
        note = f"{total_elements(largest):,} fp32 parameters" + (" at most" if len(sizes) > 1 else "")
        yield _row("payload", f"upload in {stage.name}", max(sizes), "B", note)


def _model(prepared: Prepared) -> Iterator[Assumption]:
    yield _row("model", "base", prepared.loaded.scenario.model.base, note=prepared.base.label)
    reward = prepared.blueprint.scenario.stages.reward
    if prepared.encoder is not None and reward is not None:
        yield _row("model", "reward encoder", reward.base, note=prepared.encoder.label)

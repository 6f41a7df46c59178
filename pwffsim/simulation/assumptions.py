"""The assumption block: everything in a scenario that changes a delay or a joule, in words and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

from channel_models.link_budget import SolvedBudget
from channel_models.model import parameters
from pwffsim.architecture.attention import density
from pwffsim.architecture.tensors import total_bytes, total_elements
from pwffsim.federation.methods import METHODS
from pwffsim.scenario.budgets import downlink_budget, uplink_budget
from pwffsim.scenario.models import ModelSection
from pwffsim.scenario.parameters import Parameters, summary
from pwffsim.scenario.presets import modelled
from pwffsim.scenario.schema import LinkSettings, Network, Packets, Radio, Scenario
from pwffsim.simulation.preparation import Prepared
from pwffsim.world.world import stages

Assumption = dict[str, Any]

_UNITS = {
    "b_per_s_hz": "b/s/Hz",
    "hz": "Hz",
    "s": "s",
    "w": "W",
    "j": "J",
    "db": "dB",
    "bytes": "B",
    "bits": "bit",
    "bps": "bit/s",
    "mps": "m/s",
    "deg": "degrees",
    "m": "m",
}
"""Ending of a parameter's name -> unit."""

_NOT_MODELLED = {
    "propagation over the air": "under 4 microseconds a kilometre",
    "frequency-selective fading": "one gain for the whole band or sub-band",
    "transport protocol": "no slow start, no congestion control; headers and repeats alone",
    "control channel": "grants, feedback and reports take neither time nor energy beyond what a scheme states",
}
"""What delays and joules leave out, and what that means."""

_SUMMED = {
    "own channel": ("known perfectly", "every client inverts its gain in each block without error"),
    "timing and phase": ("perfect", "all entries meet their like at the receiver"),
    "scale, weights and silent blocks": ("exchanged for free", "in no time and at no energy, before and after a sum"),
    "energy": ("as planned", "for entries of unit mean square; who scales lower for a lower weight radiates less"),
    "mean_rate_bps": ("fp32 bits", "32 for every entry that arrived, though it was sent as one amplitude"),
    "rate map, packets and losses": ("of downloads alone", "an upload is d entries in d/(2B) seconds"),
}
"""What uploads that add up on the air take for granted: name -> value and note."""

_JAMMED = {
    "band": ("wideband", "the power lies evenly over the whole band"),
    "receivers": ("of uplinks only", "every cell hears a jammer alike; clients do not hear it"),
}
"""What holds for every jammer."""

_HANDED_OVER = {
    "packets in flight at a handover": ("go on", "none is lost or sent anew; they wait out the interruption"),
    "download at a handover": ("goes on in the next cell", "no hop between cells: the wires to the first one count"),
}
"""What changing cells does not cost."""


_POOLED = {
    "time of the server": ("none", "it has sufficient resources"),
    "raw data": ("at the server from the start", "how they are uploaded is not modelled, nor what that costs"),
    "work of a round": ("a client's steps", "on batches of clients x batch_size rows of the pool"),
    "preference in alignment": ("the clients' mean", "one policy serves everybody"),
}
"""What holds where the server learns from everybody's rows."""

_SCOPES = {
    "local": "each client keeps its own",
    "clustered": "averaged over clients of like preference; the weights told of a sum are shares of all clusters'",
}
"""Whose reward models are, where they are not everybody's."""


def assumptions(prepared: Prepared) -> list[Assumption]:
    """Group, name, value, unit and note of each assumption."""
    scenario = prepared.blueprint.scenario
    return [
        *_radio(scenario),
        *_uplink(scenario),
        *_downlink(scenario),
        *_network(scenario.network),
        *_devices(scenario),
        *_coordination(scenario),
        *_payloads(prepared),
        *_alignment(scenario),
        *_model(prepared),
        *_left_out(scenario),
    ]


def _row(group: str, name: str, value: object, unit: str = "", note: str = "") -> Assumption:
    return {"group": group, "name": name, "value": value, "unit": unit, "note": note}


def _radio(scenario: Scenario) -> Iterator[Assumption]:
    radio = scenario.radio
    yield _row("radio", "preset", radio.preset)
    if modelled(radio):
        yield from _choice("radio", "rate map", radio.rate)
        yield from _choice("radio", "fading", radio.fading)
    if isinstance(radio.packets, Packets):
        yield _row("radio", "packet payload", radio.packets.payload_bytes, "B")
        yield _row("radio", "packet headers", radio.packets.header_bytes, "B")
    else:
        yield _row("radio", "packets", "fluid", note="bits without headers or loss")
    yield from _choice("radio", "loss", radio.loss)
    yield from _choice("radio", "retransmission", radio.retransmission)
    yield _row("radio", "fidelity", radio.fidelity, note="how a transfer is computed")
    yield _row("radio", "residual loss", radio.residual_loss, note="what an update with missing packets is worth")
    yield from _parameters("radio energy", "", radio.energy)
    for jammer in radio.jammers:
        yield from _parameters("jammers", jammer.name, jammer)
    if radio.jammers:
        yield from _stated("jammers", _JAMMED)


def _uplink(scenario: Scenario) -> Iterator[Assumption]:
    radio = scenario.radio
    yield from _link("uplink", radio, scenario, uplink_budget)
    if scenario.network is None and not radio.recorded("uplink"):
        yield _row("uplink", "spread of clients' mean SNR", radio.snr_spread_db, "dB", "uniform, plus or minus")
    yield from _choice("uplink", "sharing", radio.sharing)
    if radio.sharing.build().superposes:
        yield from _stated("sums on the air", _SUMMED)


def _downlink(scenario: Scenario) -> Iterator[Assumption]:
    downlink = scenario.radio.downlink
    if downlink is None or downlink.ideal:
        yield _row("downlink", "downlink", "ideal", note="downloads take no time and no energy")
        return
    yield from _link("downlink", downlink, scenario, downlink_budget)
    yield _row("downlink", "delivery", downlink.delivery, note="packets are repeated until delivered")
    yield from _choice("downlink", "sharing", downlink.sharing)
    yield _row("downlink", "the server's energy", "not counted", note="it is on the mains")


def _link(
    group: str, link: LinkSettings, scenario: Scenario, solve: Callable[[Radio], SolvedBudget | None]
) -> Iterator[Assumption]:
    """Where a link's rate comes from: recordings, geometry, or a budget."""
    trace, power = scenario.radio.trace, _row(group, "tx power", link.tx_power_w, "W")
    if trace is not None and scenario.radio.recorded(group):
        yield _row(group, "recorded rates", trace.format, note=", ".join(trace.files))
        yield _row(group, "at the end of a recording", trace.at_end)
        yield _row(
            group, "start in the recording", trace.offset_s, "s", f"and up to {trace.spread_s:g} s later by client"
        )
        yield power
    elif scenario.network is not None:
        yield _row(group, "bandwidth", link.bandwidth_hz, "Hz")
        yield power
        yield _row(group, "noise figure", link.noise_figure_db, "dB")
        yield _row(group, "path loss and mean SNR", "by position", note="see network")
    elif (budget := solve(scenario.radio)) is not None:
        yield from _budget(group, budget)


def _budget(group: str, budget: SolvedBudget) -> Iterator[Assumption]:
    yield _row(group, "bandwidth", budget.bandwidth_hz, "Hz")
    for name, unit in (("tx_power_w", "W"), ("noise_figure_db", "dB"), ("path_loss_db", "dB"), ("mean_snr_db", "dB")):
        note = "derived from the other three" if budget.derived == name else ""
        yield _row(group, name.rsplit("_", 1)[0].replace("_", " "), round(getattr(budget, name), 6), unit, note)


def _network(network: Network | None) -> Iterator[Assumption]:
    if network is None:
        return
    yield from _choice("network", "path loss", network.path_loss)
    yield _row("network", "least distance to a cell", network.least_distance_m, "m")
    yield from _parameters("network", "line of sight", network.line_of_sight)
    if network.shadowing is None:
        yield _row("network", "shadowing", "none")
    else:
        yield from _parameters("network", "shadowing", network.shadowing)
    for cell in network.cells:
        yield _row("network", f"cell {cell.name}", f"({cell.x_m:g}, {cell.y_m:g})", "m")
    yield from _choice("network", "placement", network.placement)
    yield from _choice("network", "mobility", network.mobility)
    yield from _parameters("network", "handover", network.handover)
    if len(network.cells) > 1:
        yield from _stated("network", _HANDED_OVER)
    for node in network.nodes:
        yield _row("network", f"node {node.name}", node.kind)
    for link in network.backhaul:
        yield from _parameters("network", " - ".join(link.ends), link)
    if not network.backhaul:
        yield _row("network", "backhaul", "ideal", note="every cell is at the server")


def _stated(group: str, statements: Mapping[str, tuple[str, str]]) -> Iterator[Assumption]:
    for name, (value, note) in statements.items():
        yield _row(group, name, value, note=note)


def _choice(group: str, axis: str, section: ModelSection | None) -> Iterator[Assumption]:
    """The model of an axis, and each of its parameters."""
    assert section is not None, "a resolved scenario names a model on every axis"
    yield _row(group, axis, section.model, note=summary(section.source))
    yield from _parameters(group, axis, section)


def _parameters(group: str, about: str, section: Parameters) -> Iterator[Assumption]:
    """Every parameter of a model, in the unit that its name ends in."""
    for key, bounds in parameters(section.source).items():
        name, unit = in_words(key)
        value = getattr(section, key)
        stated = str(value) if isinstance(value, float) and not isfinite(value) else value
        yield _row(group, f"{about}: {name}" if about else name, "not given" if value is None else stated,
                   "" if value is None else unit, bounds.description)  # fmt: skip


def in_words(key: str) -> tuple[str, str]:
    """``"k_factor_db"`` -> ``("k factor", "dB")``: a parameter's name, and its unit where the name ends in one."""
    ending = next((ending for ending in _UNITS if key.endswith(f"_{ending}")), "")
    return key.removesuffix(f"_{ending}").replace("_", " "), _UNITS.get(ending, "")


def _devices(scenario: Scenario) -> Iterator[Assumption]:
    for tier in scenario.devices.tiers:
        note = f"{tier.compute_power_w:g} W, {tier.memory_mb:g} MB, {tier.lora_modules_per_block} LoRA modules a block"
        yield _row("devices", f"tier {tier.name}", tier.gflops, "GFLOP/s", note)
    if scenario.devices.compute_time == "none":
        yield _row("devices", "time and energy of work", "none", note="transmission alone takes time")
    yield _row(
        "devices", "work of a step", "declared FLOPs", note="batches padded to max_length; see architecture.work"
    )
    yield _row("devices", "generated tokens", scenario.devices.count_generated, note="declared maximum or really made")


def _coordination(scenario: Scenario) -> Iterator[Assumption]:
    mode = scenario.aggregation
    yield _row("coordination", "method", scenario.method)
    if METHODS[scenario.method].pooled:
        yield from _stated("the server learns", _POOLED)
    if mode.download != "overwrite":
        yield _row(
            "coordination", "download", mode.download, note=f"(1 - a) own + a global, a = {mode.interpolation:g}"
        )
    if scenario.stages.reward is not None and scenario.stages.reward.scope != "global":
        yield _row(
            "coordination", "reward models", scenario.stages.reward.scope, note=_SCOPES[scenario.stages.reward.scope]
        )
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


def _alignment(scenario: Scenario) -> Iterator[Assumption]:
    """What the paper leaves open."""
    alignment = scenario.stages.alignment
    if alignment is None:
        return
    yield _row("alignment", "algorithm", alignment.algorithm)
    yield _row("alignment", "engine", alignment.engine)
    yield _row("alignment", "KL reference", alignment.kl_reference)
    if alignment.algorithm == "ppo":
        yield _row("alignment", "objectives are combined as", alignment.combine)
        yield _row("alignment", "regularisation reward", alignment.global_coefficient)


def _model(prepared: Prepared) -> Iterator[Assumption]:
    yield _row("model", "base", prepared.loaded.scenario.model.base, note=prepared.base.label)
    places = ", ".join(place.module for place in prepared.blueprint.policy.places)
    yield _row("model", "places of LoRA in a block", places, note="a device takes the first so many")
    attention, length = prepared.blueprint.attention, prepared.blueprint.scenario.model.max_length
    share = f"{float(density(attention, length)):.3g} of all pairs of {length} tokens; reward models attend to all"
    yield _row("model", "attention", prepared.blueprint.scenario.model.attention.pattern, note=share)
    reward = prepared.blueprint.scenario.stages.reward
    if prepared.encoder is not None and reward is not None:
        yield _row("model", "reward encoder", reward.base, note=prepared.encoder.label)


def _left_out(scenario: Scenario) -> Iterator[Assumption]:
    """What no setting can bring in yet."""
    for name, note in _NOT_MODELLED.items():
        yield _row("not modelled", name, "not modelled", note=note)
    if scenario.network is not None:
        yield _row("not modelled", "interference between cells", "not modelled", note="each cell has a band of its own")
        yield _row(
            "network",
            "static shares of a band",
            "among the clients of the cell",
            note="those it serves when a transfer begins; a share once given stays until the client leaves the air",
        )

"""What is implausible about a scenario's radio, in a sentence each, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from math import isfinite, log10

import numpy as np

from channel_models.doppler import coherence_time_s, max_doppler_hz
from channel_models.fading.clarke import Clarke
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.recorded import RecordedProfile
from pwffsim.survey.figures import decibel
from pwffsim.survey.survey import ClientSurvey, LinkSurvey, Load, Survey
from pwffsim.world.radio.ground import noise_w
from pwffsim.world.radio.links import UP

HIGHEST_SNR_DB = 40.0
LOWEST_SNR_DB = -20.0
LEAST_LOSS_DB = 30.0
MOST_LOSS_DB = 200.0
NEARLY_ALL = 0.9
COHERENCE_FACTOR = 3.0
_STEP_S = 0.1
_LOOKS = 201
_MEDIAN = 1
_SLACK = 1e-9


@dataclass(frozen=True)
class Doubt:
    """Something implausible.

    Attributes:
        kind: a word for it.
        clients: whom it concerns, by name; empty for the scenario as a whole.
        message: what, why it matters, what to do.
    """

    kind: str
    clients: tuple[str, ...]
    message: str


def doubts(survey: Survey) -> tuple[Doubt, ...]:
    """Everything implausible."""
    return tuple(chain.from_iterable(check(survey) for check in CHECKS))


def snr_pinned(survey: Survey) -> Iterator[Doubt]:
    """Noise is proportional to bandwidth."""
    links = [
        (each, link, link.budget.share)
        for each, link in _links(survey)
        if link.budget.share.bandwidth < 1.0
        and abs(link.budget.share.snr * link.budget.share.bandwidth / max(link.budget.share.power, 1e-300) - 1.0)
        > _SLACK
    ]
    if links:
        _, _, share = links[0]
        yield Doubt(
            "snr_pinned",
            _names(each for each, _, _ in links),
            f"the band is divided ({share.bandwidth:.3g} of it each) and the SNR does not follow: it is multiplied by "
            f"{share.snr:.3g}, where {share.power:.3g} of the power over that band gives "
            f"{share.power / share.bandwidth:.3g}; pin the power or the power per hertz",
        )


def one_draw_decides(survey: Survey) -> Iterator[Doubt]:
    """A coherence time longer than the upload leaves nothing to average over."""
    found = [
        (each, link.blocks.hop.profile.block_s, median_s)
        for each, link in _links(survey, UP)
        if _fades(link) and (median_s := _shortest_median_s(link)) < link.blocks.hop.profile.block_s
    ]
    if found:
        _, block_s, median_s = found[0]
        yield Doubt(
            "quasi_static",
            _names(each for each, *_ in found),
            f"a block of fading lasts {_seconds(block_s)} and half of the uploads less than {_seconds(median_s)}: one "
            "draw decides an upload (mean delays say little or do not exist: look at quantiles); shorten the coherence "
            "time unless that is meant",
        )


def everything_lost(survey: Survey) -> Iterator[Doubt]:
    """Nothing arrives, or nearly nothing."""
    for direction in survey.scene.directions:
        found = [(each, loss) for each, link in _links(survey, direction) if (loss := _worst_loss(link)) >= NEARLY_ALL]
        if found:
            name, loss = max(((each.client.name, loss) for each, loss in found), key=lambda pair: pair[1])
            yield Doubt(
                "nearly_all_lost",
                _names(each for each, _ in found),
                f"{direction}: {loss:.4g} of the packets of {name} never arrive, or none gets through in any sensible "
                "time; raise the SNR, or lower the threshold or the rate",
            )


def path_loss_absurd(survey: Survey) -> Iterator[Doubt]:
    """An SNR pinned too high or too low for the power implies a path that there is not."""
    for direction in survey.scene.directions:
        losses = [(each, link.budget.path_loss_db) for each, link in _links(survey, direction)]
        found = [(each, db) for each, db in losses if db is not None and not LEAST_LOSS_DB <= db <= MOST_LOSS_DB]
        if found:
            name, loss_db = found[0][0].client.name, found[0][1]
            why = (
                "a metre of free space at 1 GHz has 32 dB"
                if loss_db < LEAST_LOSS_DB
                else "no terrestrial link bridges that"
            )
            yield Doubt(
                "path_loss_absurd",
                _names(each for each, _ in found),
                f"{direction}: the mean SNR of {name} implies a path loss of {loss_db:.1f} dB "
                f"({why}); check power, noise and SNR",
            )


def snr_extreme(survey: Survey) -> Iterator[Doubt]:
    """Receivers saturate near 40 dB, and find no signal below about -20 dB."""
    for direction in survey.scene.directions:
        found = [(each, db) for each, link in _links(survey, direction) if (db := _extreme_db(link)) is not None]
        if found:
            yield Doubt(
                "snr_extreme",
                _names(each for each, _ in found),
                f"{direction}: a mean SNR of {found[0][1]:.1f} dB ({found[0][0].client.name}) is outside "
                f"{LOWEST_SNR_DB:g} .. {HIGHEST_SNR_DB:g} dB: above, impairments of real receivers decide, not noise; "
                "below, nothing is received",
            )


def above_capacity(survey: Survey) -> Iterator[Doubt]:
    """A rate above log2(1 + SNR) at which packets survive."""
    for direction in survey.scene.directions:
        found = [(each, link) for each, link in _links(survey, direction) if _share_above_capacity(link) > 0.0]
        if found:
            each, link = max(found, key=lambda pair: _share_above_capacity(pair[1]))
            yield Doubt(
                "rate_above_capacity",
                _names(each for each, _ in found),
                f"{direction}: in {_share_above_capacity(link):.1%} of the time {each.client.name} sends above the "
                "capacity log2(1 + SNR) of its block and packets arrive all the same; take loss outage at "
                "2^R - 1, or rate shannon",
            )


def coherence_off(survey: Survey) -> Iterator[Doubt]:
    """Fading as quick as the motion that is stated."""
    network = survey.scene.scenario.network
    if network is None or network.carrier_hz is None:
        return
    for each, link in _links(survey, UP):
        speed_mps, found_s = _top_speed_mps(survey, each), _coherence_s(link)
        if found_s is None or speed_mps == 0.0:
            continue
        expected_s = coherence_time_s(max_doppler_hz(speed_mps, network.carrier_hz))
        if not 1.0 / COHERENCE_FACTOR <= found_s / expected_s <= COHERENCE_FACTOR:
            yield Doubt(
                "coherence_off",
                (each.client.name,),
                f"the fading's coherence time of {_seconds(found_s)} does not go with the motion: {speed_mps:.3g} m/s "
                f"at {network.carrier_hz / 1e9:.3g} GHz make {_seconds(expected_s)} (0.423/f_D); set one by the other",
            )
            return


def jammer_above_signal(survey: Survey) -> Iterator[Doubt]:
    """A jammer that is stronger at the receiver than the client."""
    radio = survey.scene.scenario.radio
    for name, received_w in survey.scene.jammers.items():
        jammer_db = decibel(received_w / noise_w(radio)) if survey.budgets[UP] is not None else None
        weak = [each for each, link in _links(survey, UP) if _weaker(link, jammer_db)]
        if weak and jammer_db is not None:
            yield Doubt(
                "jammer_above_signal",
                _names(iter(weak)),
                f"while {name} is on it is stronger at the receiver than the mean signal of "
                f"{len(weak)} of {len(survey.clients)} clients; lower its power, or expect little to get through",
            )


def trace_too_short(survey: Survey) -> Iterator[Doubt]:
    """A recording that one upload outlasts."""
    for direction in survey.scene.directions:
        found = [
            (each, profile.trace.duration_s, longest_s)
            for each, link in _links(survey, direction)
            if isinstance(profile := link.blocks.hop.profile, RecordedProfile)
            and (longest_s := _longest_median_s(link)) > profile.trace.duration_s
        ]
        if found:
            each, trace_s, longest_s = found[0]
            end = "it begins anew within a transfer" if _looped(survey) else "transfers cannot end"
            yield Doubt(
                "trace_too_short",
                _names(each for each, *_ in found),
                f"{direction}: the recording of {each.client.name} lasts {_seconds(trace_s)}, a transfer "
                f"{_seconds(longest_s) if isfinite(longest_s) else 'longer'}: {end}; take a longer one",
            )


def out_of_range(survey: Survey) -> Iterator[Doubt]:
    """A client that leaves the range of the path loss model."""
    found = [each for each in survey.clients if each.window.ends is not None]
    if found:
        first = min(found, key=lambda each: each.window.length_s)
        yield Doubt(
            "out_of_range",
            _names(iter(found)),
            f"{first.client.name} leaves the path loss model's range after about {_seconds(first.window.length_s)}: "
            f"{first.window.ends}",
        )


CHECKS: tuple[Callable[[Survey], Iterator[Doubt]], ...] = (
    out_of_range,
    everything_lost,
    above_capacity,
    snr_pinned,
    path_loss_absurd,
    snr_extreme,
    one_draw_decides,
    coherence_off,
    jammer_above_signal,
    trace_too_short,
)


def _links(survey: Survey, direction: str | None = None) -> Iterator[tuple[ClientSurvey, LinkSurvey]]:
    for each in survey.clients:
        for name, link in each.links.items():
            if direction in (None, name):
                yield each, link


def _names(clients: Iterator[ClientSurvey]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.client.name for each in clients))


def _fades(link: LinkSurvey) -> bool:
    profile = link.blocks.hop.profile
    return isinstance(profile, LinkProfile) and profile.fading.name != "none"


def _medians_s(link: LinkSurvey) -> list[float]:
    return [load.delay.delay_s.drawn[_MEDIAN] for load in link.stages.values() if load.delay.delay_s.drawn is not None]


def _shortest_median_s(link: LinkSurvey) -> float:
    return min(_medians_s(link), default=np.inf)


def _longest_median_s(link: LinkSurvey) -> float:
    return max(_medians_s(link), default=0.0)


def _worst_loss(link: LinkSurvey) -> float:
    """Residual loss; 1 where a transfer is hopeless."""
    return max((_residual(load) for load in link.stages.values()), default=0.0)


def _residual(load: Load) -> float:
    return 1.0 if load.delay.transfers == 0 else load.loss.residual_loss_probability.drawn or 0.0


def _extreme_db(link: LinkSurvey) -> float | None:
    values = (link.budget.highest_snr_db, link.budget.lowest_snr_db)
    return next((db for db in values if db is not None and not LOWEST_SNR_DB <= db <= HIGHEST_SNR_DB), None)


def _share_above_capacity(link: LinkSurvey) -> float:
    """Share of the time in which more arrives than log2(1 + SNR) allows."""
    blocks = link.blocks
    if not isinstance(blocks.hop.profile, LinkProfile):
        return 0.0
    from pwffsim.survey.rates import loss_of

    arriving = (blocks.rate_bps / blocks.hop.profile.band_hz) * (1.0 - loss_of(blocks, blocks.snr, blocks.rate_bps))
    above = arriving > np.log2(1.0 + blocks.snr) * (1.0 + _SLACK)
    return float(np.average(above, weights=blocks.lengths_s))


def _top_speed_mps(survey: Survey, each: ClientSurvey) -> float:
    """The greatest speed of a client over its window."""
    terrain = survey.scene.terrain
    if terrain is None:
        return 0.0
    times_s = np.linspace(0.0, each.window.length_s, _LOOKS)
    places = [terrain.mobility.positions_m(each.client.index, times_s + late_s) for late_s in (0.0, _STEP_S)]
    return float(np.max(np.hypot(*(places[1] - places[0]).T))) / _STEP_S


def _coherence_s(link: LinkSurvey) -> float | None:
    """Coherence time by 0.423/f_D; None for what has none."""
    profile = link.blocks.hop.profile
    if not isinstance(profile, LinkProfile) or profile.fading.name in ("none", "recorded"):
        return None
    return coherence_time_s(profile.fading.doppler_hz) if isinstance(profile.fading, Clarke) else profile.fading.block_s


def _weaker(link: LinkSurvey, jammer_db: float | None) -> bool:
    snr_db = link.budget.mean_snr_db
    return jammer_db is not None and snr_db is not None and snr_db < jammer_db


def _looped(survey: Survey) -> bool:
    trace = survey.scene.scenario.radio.trace
    return trace is not None and trace.at_end == "loop"


def _seconds(length_s: float) -> str:
    """A length of time in words: 12.3 ms, 4.56 s."""
    if not isfinite(length_s):
        return "for ever"
    return f"{length_s:.3g} s" if length_s >= 1 or length_s == 0 or log10(length_s) > -1 else f"{1e3 * length_s:.3g} ms"

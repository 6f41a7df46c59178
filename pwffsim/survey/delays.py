"""How long a transfer takes: closed forms where one applies, beside transfers over the simulator's own links.

Three laws. Many blocks: with the goodput G of a block (rate times the share that survives), the mean and variance of a
renewal process,

    E[T] = S E[transmissions] / C + (Tc/2) CV_G^2 + waits,
    Var[T] = S Tc CV_G^2 / E[G] + n E_R[q (1-q)] (L/C)^2 / (1-p)^3

for S bits in n packets of L bits, C the mean rate, q the loss in a block and p its mean over what is sent; quantiles
are those of a normal law. One draw: the quasi-static law, whose mean is infinite for Rayleigh fading. Constant: no
fading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, isinf, sqrt

import numpy as np
from numpy.typing import NDArray

from channel_models.delay import InfiniteMean, QuasiStaticDelay
from channel_models.randomness import stream
from channel_models.retransmission.passes import any_of
from channel_models.traces.errors import TraceEnded
from channel_models.transfer.delivery import Delivery
from channel_models.transfer.profile import LinkProfile
from channel_models.transfer.work import LinkStalled
from pwffsim.survey.blocks import Blocks
from pwffsim.survey.figures import LEVELS, Compared, Quantiles, compared, quantiles_of, spread
from pwffsim.survey.law import SnrLaw
from pwffsim.survey.rates import loss_of, share_on_air, spectral_efficiency, transmission_loss
from pwffsim.survey.scene import Scene
from pwffsim.survey.window import Window
from pwffsim.world.profiles import Profile

FloatArray = NDArray[np.float64]

_MANY_BLOCKS = 4.0
_FEW_BLOCKS = 0.1
_MOST_BLOCK_LOSS = 0.25
_HOPELESS_ATTEMPTS = 200.0
_MOST_STEPS = 1_000_000
_LEAST_TRANSFERS = 20


@dataclass(frozen=True)
class DelayLaw:
    """What a closed form says.

    Attributes:
        name: "constant", "many blocks" or "one draw".
        mean_s, std_s: None where they are infinite.
        quantile_s: seconds within which a share p of transfers ends.
        infinite: why the mean is infinite, or None.
    """

    name: str
    mean_s: float | None
    std_s: float | None
    quantile_s: Callable[[float], float]
    infinite: str | None = None

    @property
    def quantiles_s(self) -> tuple[float, ...]:
        """At the usual levels."""
        return tuple(self.quantile_s(p) for p in LEVELS)


@dataclass(frozen=True, eq=False)
class Transfers:
    """Transfers that were simulated: what they came to, and how many did not end."""

    deliveries: tuple[Delivery, ...]
    unfinished: int

    @property
    def durations_s(self) -> FloatArray:
        """Of all of them; infinite for those that did not end."""
        ended = [delivery.duration_s for delivery in self.deliveries]
        return np.array(ended + [inf] * self.unfinished)


@dataclass(frozen=True)
class DelayFigures:
    """Time on air and between attempts of a transfer, queues not counted.

    Attributes:
        payload_bytes, packets: what is carried.
        law: name of the closed form, or None.
        mean_s, std_s, delay_s: mean, standard deviation, quantiles.
        infinite_mean: why there is no mean, or None.
        transfers, unfinished: how many were simulated, and how many of them did not end in the time allowed.
    """

    payload_bytes: int
    packets: int
    law: str | None
    mean_s: Compared
    std_s: Compared
    delay_s: Quantiles
    infinite_mean: str | None
    transfers: int
    unfinished: int


def delay_figures(blocks: Blocks, payload_bytes: int, done: Transfers) -> DelayFigures:
    """Delays of a payload over a link."""
    law, drawn_s = closed_form(blocks, payload_bytes), done.durations_s
    infinite = _no_mean(blocks, law, done)
    mean_s = compared(law.mean_s if law else None, drawn_s) if drawn_s.size and not infinite else Compared()
    std_s = spread(law.std_s if law else None, drawn_s) if not infinite else Compared()
    return DelayFigures(
        payload_bytes=payload_bytes,
        packets=blocks.hop.link.packetisation.count(payload_bytes),
        law=law.name if law else None,
        mean_s=mean_s,
        std_s=std_s,
        delay_s=Quantiles(law.quantiles_s if law else None, quantiles_of(drawn_s) if drawn_s.size else None),
        infinite_mean=infinite,
        transfers=int(drawn_s.size),
        unfinished=done.unfinished,
    )


def simulate(
    scene: Scene,
    client: Profile,
    direction: str,
    window: Window,
    blocks: Blocks,
    payload_bytes: int,
    wanted: int,
    seed: int,
) -> Transfers:
    """Transfers that start at random times, over the link to the cell that serves the client then, and no other.

    Clients stay where they are at the end of the window. A link that keeps its one draw for ever is replaced by others
    of the same law. None is simulated where a packet needs more than 200 attempts
    on average, or a transfer a million blocks.
    """
    count = _affordable(blocks, payload_bytes, wanted)
    random = stream(seed, f"survey/{direction}/{payload_bytes}", client.index)
    starts_s = (np.arange(count) + random.random(count)) * _spacing_s(blocks, payload_bytes, window, count)
    ended, unfinished = [], 0
    for number, start_s in enumerate(starts_s):
        served = scene.hop_along(client, direction, float(start_s), window.length_s)
        hop = blocks.hop.twin(number) if blocks.hop.endless else served
        try:
            ended.append(hop.link.start(float(start_s), payload_bytes, number, hop.over).delivery())
        except (LinkStalled, TraceEnded):
            unfinished += 1
    return Transfers(tuple(ended), unfinished)


def closed_form(blocks: Blocks, payload_bytes: int) -> DelayLaw | None:
    """The delay's law, where one of the three applies: one link that does not move, by itself, with an SNR."""
    law, loss, share = blocks.law(), transmission_loss(blocks), share_on_air(blocks)
    profile, scheme = blocks.hop.profile, blocks.hop.link.scheme
    if not isinstance(profile, LinkProfile) or profile.mean_snr_at is not None or profile.interference is not None:
        return None
    if blocks.hop.audience or law is None or loss is None or loss == 1.0 or not share or scheme.combines:
        return None
    bits = float(scheme.mean_transmissions(loss)) * _bits(blocks, payload_bytes)
    rate_bps = share * profile.band_hz * law.mean(lambda snr: spectral_efficiency(blocks, snr))
    if profile.fading.name == "none" or bits / rate_bps >= _MANY_BLOCKS * profile.block_s:
        return _many_blocks(blocks, law, loss, rate_bps, payload_bytes)
    if isinf(profile.block_s) or bits / rate_bps <= _FEW_BLOCKS * profile.block_s:
        return _one_draw(blocks, bits, share)
    return None


def _many_blocks(blocks: Blocks, law: SnrLaw, loss: float, rate_bps: float, payload_bytes: int) -> DelayLaw | None:
    """For blocks that are independent, and losses that are (given their block)."""
    profile, link = blocks.hop.profile, blocks.hop.link
    constant = isinstance(profile, LinkProfile) and profile.fading.name == "none"
    if not (constant or blocks.independent) or not link.loss_map.memoryless or _gives_up(blocks, loss):
        return None
    bits = _bits(blocks, payload_bytes)
    packets = link.scheme.sizes_on_air(link.packetisation.sizes_bits(payload_bytes)).size
    block_s = 0.0 if constant else profile.block_s
    cv2, noise = _goodput_cv2(blocks, law), _packet_noise(blocks, law) / (1.0 - loss) ** 3
    wait_s, wait_s2 = _waits(blocks, packets, loss)
    mean_s = float(link.scheme.mean_transmissions(loss)) * bits / rate_bps + 0.5 * block_s * cv2 + wait_s
    goodput_bps = rate_bps * (1.0 - loss)
    variance = bits * block_s * cv2 / goodput_bps + packets * noise * (bits / packets / rate_bps) ** 2
    return _normal("constant" if constant else "many blocks", mean_s, sqrt(variance + wait_s2))


def _gives_up(blocks: Blocks, loss: float) -> bool:
    """Whether packets are often given up: late attempts at them meet one bad block, and the transfer ends sooner."""
    loss_map = blocks.hop.link.loss_map
    return loss_map.by_block and not loss_map.lossless and loss > _MOST_BLOCK_LOSS


def _normal(name: str, mean_s: float, std_s: float) -> DelayLaw:
    from scipy.special import ndtri

    return DelayLaw(name, mean_s, std_s, lambda p: max(mean_s + std_s * float(ndtri(p)), 0.0))


def _one_draw(blocks: Blocks, bits: float, share: float) -> DelayLaw | None:
    """For losses that are the same whatever the draw."""
    profile, link = blocks.hop.profile, blocks.hop.link
    lossless = link.loss_map.lossless or (not link.loss_map.needs_snr and link.loss_map.memoryless)
    if not isinstance(profile, LinkProfile) or not lossless or link.scheme.feedback_s:
        return None
    mean_snr = profile.mean_snr * profile.allocation.snr
    law = QuasiStaticDelay(bits, share * profile.band_hz, mean_snr, profile.fading, link.rate_map)
    try:
        return DelayLaw("one draw", law.mean(), None, law.quantile)
    except InfiniteMean as error:
        return DelayLaw("one draw", None, None, law.quantile, str(error))


def _no_mean(blocks: Blocks, law: DelayLaw | None, done: Transfers) -> str | None:
    """Why no mean can be told: an infinite one, or transfers that did not end."""
    if law is not None and law.infinite and blocks.hop.endless:
        return law.infinite
    if done.unfinished:
        return f"{done.unfinished} of {done.durations_s.size} transfers did not end: report quantiles"
    return None


def _bits(blocks: Blocks, payload_bytes: int) -> float:
    """On the air, without repeats."""
    link = blocks.hop.link
    return float(link.scheme.sizes_on_air(link.packetisation.sizes_bits(payload_bytes)).sum())


def _goodput_cv2(blocks: Blocks, law: SnrLaw) -> float:
    """CV^2 of what a block delivers."""

    def goodput(snr: FloatArray) -> FloatArray:
        return spectral_efficiency(blocks, snr) * (1.0 - loss_of(blocks, snr))

    mean = law.mean(goodput)
    return law.mean(lambda snr: np.square(goodput(snr) / mean - 1.0))


def _packet_noise(blocks: Blocks, law: SnrLaw) -> float:
    """E[q (1 - q)] over transmissions: the variance of a packet's luck in its block."""

    def noise(snr: FloatArray) -> FloatArray:
        lost = loss_of(blocks, snr)
        return spectral_efficiency(blocks, snr) * lost * (1.0 - lost)

    return law.mean(noise) / law.mean(lambda snr: spectral_efficiency(blocks, snr))


def _waits(blocks: Blocks, packets: int, loss: float) -> tuple[float, float]:
    """Mean [s] and variance [s^2] of the silence for feedback, before each pass that is needed.

    P(at least m waits) = 1 - (1 - p^m)^n =: q_m, E[W] = sum of q_m, E[W^2] = sum of (2 m - 1) q_m.
    """
    scheme = blocks.hop.link.scheme
    if not scheme.feedback_s:
        return 0.0, 0.0
    reached = [any_of(packets, loss**wait) for wait in range(1, int(scheme.attempts))]
    mean, square = sum(reached), sum((2 * m - 1) * q for m, q in enumerate(reached, start=1))
    return scheme.feedback_s * mean, scheme.feedback_s**2 * (square - mean**2)


def _affordable(blocks: Blocks, payload_bytes: int, wanted: int) -> int:
    """As many transfers as are wanted and a million transmissions or blocks allow; none on a hopeless link."""
    loss = float(np.average(loss_of(blocks, blocks.snr, blocks.rate_bps), weights=blocks.lengths_s))
    attempts = float(blocks.hop.link.scheme.mean_transmissions(loss))
    rate_bps = float(np.average(blocks.carried_bps, weights=blocks.lengths_s))
    if attempts > _HOPELESS_ATTEMPTS or rate_bps == 0.0:
        return 0
    packets = blocks.hop.link.packetisation.count(payload_bytes)
    lasting_blocks = attempts * _bits(blocks, payload_bytes) / rate_bps / blocks.hop.profile.block_s
    if lasting_blocks > _MOST_STEPS:
        return 0
    return min(wanted, max(_LEAST_TRANSFERS, int(_MOST_STEPS / max(packets * attempts, lasting_blocks, 1.0))))


def _spacing_s(blocks: Blocks, payload_bytes: int, window: Window, count: int) -> float:
    """So far apart that transfers meet blocks of their own; over the window for what moves or is recorded."""
    profile = blocks.hop.profile
    if not isinstance(profile, LinkProfile) or profile.mean_snr_at is not None:
        return window.length_s / max(count, 1)
    block_s = blocks.hop.profile.block_s
    alone_s = 2.0 * _bits(blocks, payload_bytes) / max(float(np.mean(blocks.carried_bps)), 1e-300)
    return alone_s + 2.0 * block_s if isfinite(block_s) else alone_s

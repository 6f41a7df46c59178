"""What can be computed without playing anything: parameters, bytes, rates, delays, joules, shares.

The paper's own numbers are the examples: GPT-2 small has width d = 768 and 12 blocks; 36 adapters of bottleneck b = 10;
5 dB, 1 MHz, 1 W; fp32 on the air.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log, log2

from channel_models.sharing.ergodic import rayleigh_rate

BITS_A_PARAMETER = 32
GPT2_SMALL_PARAMETERS = 124_439_808
DISTILBERT_PARAMETERS = 66_362_880

Map = tuple[int, int, int]
"""How many linear maps of one shape there are, their inputs, their outputs."""


def adapter_parameters(adapters: int, width: int, bottleneck: int) -> int:
    """n (2 d b + b + d): down- and up-projection with biases. 36 of b = 10 at d = 768: 580,968."""
    return adapters * (2 * width * bottleneck + bottleneck + width)


def lora_parameters(rank: int, maps: Sequence[Map]) -> int:
    """r sum(inputs + outputs). Rank 8 on 12 c_attn (768 -> 2304) and 12 attn.c_proj (768 -> 768): 442,368."""
    return rank * sum(count * (inputs + outputs) for count, inputs, outputs in maps)


def saving(adapters: int, lora: int) -> float:
    """L / (A + L): share of an upload of both that falls away where LoRA stays at home."""
    return lora / (adapters + lora)


def square_saving(rank: int, bottleneck: int, width: int) -> float:
    """2 r / (2 r + 2 b + 1 + b/d), with as many LoRA modules of square maps as adapters; 0.432 at r = 8, b = 10."""
    return 2 * rank / (2 * rank + 2 * bottleneck + 1 + bottleneck / width)


def linear(decibel: float) -> float:
    """10^(dB/10)."""
    return float(10.0 ** (decibel / 10.0))


def awgn_rate_bps(mean_snr_db: float, bandwidth_hz: float) -> float:
    """B log2(1 + g). 5 dB, 1 MHz: 2.0574 Mb/s."""
    return bandwidth_hz * log2(1.0 + linear(mean_snr_db))


def ergodic_rate_bps(mean_snr_db: float, bandwidth_hz: float) -> float:
    """B log2(e) e^(1/g) E1(1/g) under Rayleigh fading, averaged over many coherence blocks. 5 dB, 1 MHz: 1.716 Mb/s."""
    return bandwidth_hz * rayleigh_rate(linear(mean_snr_db))


def airtime_s(parameters: float, rate_bps: float) -> float:
    """Delay of an upload: its bits over the rate. 580,968 parameters: 9.04 s AWGN, 10.83 s Rayleigh."""
    return BITS_A_PARAMETER * parameters / rate_bps


def energy_j(power_w: float, time_s: float) -> float:
    """E = P T: at 1 W, joules and seconds are one number."""
    return power_w * time_s


def airtime_shares(rounds: Mapping[str, int], parameters: Mapping[str, float]) -> dict[str, float]:
    """Each stage's share of all air time: rounds times upload, at one rate. 50/10/50 rounds, 2 DistilBERTs: 0.958."""
    sent = {stage: rounds[stage] * parameters[stage] for stage in rounds}
    total = sum(sent.values())
    return {stage: each / total for stage, each in sent.items()}


def mean_inverse_rate(mean_snr_db: float, dropped: float) -> float:
    """E[1 / log2(1 + g X) | X > x], X ~ Exp(1), P(X <= x) = dropped [s Hz/b].

    It has no limit: near 0 the integrand is ln 2 / (g X), so that every decade of ``dropped`` adds ln(2) ln(10) / g. An
    upload under a single draw of the fading has no mean delay.
    """
    from scipy.integrate import quad

    snr, least = linear(mean_snr_db), -log(1.0 - dropped) if dropped > 1e-9 else dropped

    def in_logarithm(u: float) -> float:
        gain = exp(u)
        return gain * exp(-gain) / log2(1.0 + snr * gain)

    found, _ = quad(in_logarithm, log(least), log(60.0), limit=400)
    return float(found) / (1.0 - dropped)


def decade_of_inverse_rate(mean_snr_db: float) -> float:
    """ln(2) ln(10) / g: what a further decade of ever deeper fades adds to the mean of 1/rate [s Hz/b]."""
    return log(2.0) * log(10.0) / linear(mean_snr_db)

"""Backhaul: a wired or point-to-point link of constant rate that may fail and recover."""

from __future__ import annotations

from dataclasses import dataclass

from channel_models.geometry.outage import Outages
from channel_models.model import Model, parameter
from channel_models.validation import non_negative


@dataclass(frozen=True, kw_only=True)
class Backhaul(Model):
    """A link between two named nodes, the same in both directions, up and down by turns.

    Outages are a pure function of (seed, ends, time); without the two means the link never fails. Bits stop while it
    is down and go on afterwards; none is lost. Raises ValueError for one mean without the other and for equal ends.

    Attributes:
        ends: names of the two nodes, in any order.
        seed: root seed of the run, filled in by the simulator.
    """

    ends: tuple[str, str]
    rate_bps: float = parameter("Rate in bits a second while up.", default=1e9, least=1)
    delay_s: float = parameter("Propagation delay.", default=0.005, least=0)
    mean_up_s: float | None = parameter(
        "Mean time up between outages; never fails if not given.", default=None, least=1e-3
    )
    mean_down_s: float | None = parameter(
        "Mean length of an outage; never fails if not given.", default=None, least=1e-3
    )
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.mean_up_s is None) != (self.mean_down_s is None):
            raise ValueError("Backhaul: mean_up_s and mean_down_s go together, give both or neither")
        if self.ends[0] == self.ends[1]:
            raise ValueError(f"Backhaul: ends must be two nodes, got {self.ends!r}")

    @property
    def outages(self) -> Outages | None:
        """When the link is down; None if it never is."""
        if self.mean_up_s is None or self.mean_down_s is None:
            return None
        purpose = "backhaul outages " + " - ".join(repr(end) for end in sorted(self.ends))
        return Outages(mean_up_s=self.mean_up_s, mean_down_s=self.mean_down_s, seed=self.seed, purpose=purpose)

    def nominal_s(self, bits: float) -> float:
        """delay + bits/rate, the transfer time while the link is up."""
        return self.delay_s + non_negative("bits", bits) / self.rate_bps

    def transfer(self, start_s: float, bits: float) -> float:
        """When the last bit of a transfer alone on the link arrives: outages stall it exactly.

        The finish f solves: time up between start and f - delay = bits/rate. Raises ValueError for negative arguments.
        """
        start, airtime = non_negative("start_s", start_s), non_negative("bits", bits) / self.rate_bps
        outages = self.outages
        sent = start + airtime if outages is None else outages.finish_s(start, airtime)
        return sent + self.delay_s

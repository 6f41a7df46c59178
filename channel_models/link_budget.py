"""Link budget with exactly one derived quantity.

    N = k T B F                      [W]   thermal noise times noise figure
    mean SNR = P 10^(-PL/10) / N           linear

Transmit power P, noise figure F, path loss PL (antenna gains included) and mean SNR are over-determined:
any three give the fourth. Three are stated, the fourth is derived and its name recorded, so that changing
the bandwidth or the power moves the SNR unless the SNR was pinned on purpose.

Source: k = 1.380649e-23 J/K (SI, exact); kT at 290 K is -173.975 dBm/Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

from channel_models.units import db_to_linear, linear_to_db
from channel_models.validation import finite, non_negative, positive

BOLTZMANN_J_PER_K = 1.380649e-23
QUANTITIES = ("tx_power_w", "noise_figure_db", "path_loss_db", "mean_snr_db")
_GIVEN = 3


@dataclass(frozen=True)
class LinkBudget:
    """Three of (tx_power_w, noise_figure_db, path_loss_db, mean_snr_db), bandwidth and temperature.

    Raises ValueError when not exactly three are given, when one is not physical (power <= 0, noise figure or
    path loss < 0 dB), or when the three given imply an unphysical fourth.
    """

    bandwidth_hz: float
    tx_power_w: float | None = None
    noise_figure_db: float | None = None
    path_loss_db: float | None = None
    mean_snr_db: float | None = None
    temperature_k: float = 290.0

    def __post_init__(self) -> None:
        positive("bandwidth_hz", self.bandwidth_hz)
        positive("temperature_k", self.temperature_k)
        self._check_count()
        if self.tx_power_w is not None:
            positive("tx_power_w", self.tx_power_w)
        if self.noise_figure_db is not None:
            non_negative("noise_figure_db", self.noise_figure_db)
        if self.path_loss_db is not None:
            non_negative("path_loss_db", self.path_loss_db)
        if self.mean_snr_db is not None:
            finite("mean_snr_db", self.mean_snr_db)
        self.solved()

    @property
    def derived(self) -> str:
        """Name of the one quantity that was not given."""
        return next(name for name in QUANTITIES if getattr(self, name) is None)

    def solved(self) -> SolvedBudget:
        """All four quantities. Raises ValueError if the derived one is not physical."""
        known = {name: getattr(self, name) for name in QUANTITIES}
        known[self.derived] = self._derive(known)
        solved = SolvedBudget(
            bandwidth_hz=self.bandwidth_hz, temperature_k=self.temperature_k, derived=self.derived, **known
        )
        solved.check()
        return solved

    def _derive(self, known: dict[str, float | None]) -> float:
        # In dB: SNR = P - PL - kTB - F, solved for whichever is missing (None stands as 0 here).
        floor_db = linear_to_db(thermal_noise_w(self.bandwidth_hz, self.temperature_k))
        power_db = linear_to_db(self.tx_power_w) if self.tx_power_w is not None else 0.0
        figure_db, loss_db, snr_db = (known[name] or 0.0 for name in QUANTITIES[1:])
        excess_db = float(power_db - loss_db - floor_db - figure_db - snr_db)
        return {
            "tx_power_w": float(db_to_linear(-excess_db)),
            "noise_figure_db": excess_db,
            "path_loss_db": excess_db,
            "mean_snr_db": excess_db,
        }[self.derived]

    def _check_count(self) -> None:
        given = [name for name in QUANTITIES if getattr(self, name) is not None]
        stated = ", ".join(f"{name}={getattr(self, name)!r}" for name in given) or "none"
        if len(given) > _GIVEN:
            raise ValueError(f"link budget is over-determined: given {stated}; drop one of them, it is derived")
        if len(given) < _GIVEN:
            missing = [name for name in QUANTITIES if name not in given]
            raise ValueError(
                f"link budget needs exactly three of {', '.join(QUANTITIES)}; given {stated}; "
                f"add {_GIVEN - len(given)} of {', '.join(missing)}"
            )


@dataclass(frozen=True)
class SolvedBudget:
    """A complete link budget; ``derived`` names the quantity that was computed from the other three."""

    bandwidth_hz: float
    tx_power_w: float
    noise_figure_db: float
    path_loss_db: float
    mean_snr_db: float
    temperature_k: float
    derived: str

    @property
    def noise_w(self) -> float:
        """N = k T B F [W]."""
        return thermal_noise_w(self.bandwidth_hz, self.temperature_k) * db_to_linear(self.noise_figure_db)

    @property
    def mean_snr(self) -> float:
        """Mean signal-to-noise ratio, linear."""
        return db_to_linear(self.mean_snr_db)

    def check(self) -> None:
        """Raises ValueError if the derived quantity cannot be: noise below thermal, or gain on the path."""
        if self.derived in ("noise_figure_db", "path_loss_db") and getattr(self, self.derived) < 0:
            raise ValueError(
                f"link budget implies {self.derived} = {getattr(self, self.derived):.3f} dB, below 0 dB: "
                f"with tx_power_w={self.tx_power_w:g}, bandwidth_hz={self.bandwidth_hz:g} and "
                f"mean_snr_db={self.mean_snr_db:g} lower mean_snr_db or raise tx_power_w"
            )


def thermal_noise_w(bandwidth_hz: float, temperature_k: float = 290.0) -> float:
    """k T B [W], the noise of an ideal receiver (noise figure 0 dB)."""
    return BOLTZMANN_J_PER_K * temperature_k * bandwidth_hz

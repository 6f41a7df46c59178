"""Measured or simulated block error rates, by modulation and coding scheme and SNR."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from channel_models.fading.fading import Fading
from channel_models.loss.loss_map import LOSS_MAPS, USUAL_PACKET_BITS, FloatArray, LossMap, Reception
from channel_models.loss.nr_bler import NR_BLER
from channel_models.model import parameter
from channel_models.rates.mcs_ladder import McsLadder
from channel_models.rates.partial_mean import mean_between
from channel_models.units import db_to_linear, linear_to_db

COLUMNS = ("efficiency_b_per_s_hz", "snr_db", "bler")
NO_ERROR_SEEN = 1e-6
"""What a BLER of 0 in a table counts as: no failure in the blocks that were simulated is not none ever."""

_SAME_EFFICIENCY = 1e-9


class Curve(NamedTuple):
    """One scheme: rising SNRs f64[n] in dB and log10 BLER f64[n]."""

    snr_db: FloatArray
    log_bler: FloatArray


@LOSS_MAPS.register("bler_table")
@dataclass(frozen=True, kw_only=True)
class BlerTable(LossMap):
    """log10 BLER is linear in the SNR in dB between the points of a scheme; beyond its first and last point the BLER is
    that of the point. A packet of n code blocks is lost with 1 - (1 - BLER)^n.

    The scheme is that of the efficiency at which the packet was sent: the rate map must have schemes, and those of the
    table. Its points are 5G NR's by default, which are good to about 0.3 dB; or those of a CSV file with the columns
    efficiency_b_per_s_hz, snr_db, bler and a header. Raises ValueError naming file and line for a bad one.
    """

    by_scheme: ClassVar[bool] = True

    table: str | None = parameter("CSV file of points; none: nine schemes of 5G NR.", default=None)
    code_block_bits: int = parameter(
        "Longest code block into which packets are cut (3GPP TS 38.212, 5.2.2).", default=8448, least=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.curves  # A bad file is refused here.

    @cached_property
    def curves(self) -> dict[float, Curve]:
        """Curves by efficiency in b/s/Hz, in rising order."""
        return _curves(NR_BLER if self.table is None else _read(Path(self.table)))

    @property
    def efficiencies(self) -> tuple[float, ...]:
        """The schemes of the table, b/s/Hz."""
        return tuple(self.curves)

    def covers(self, efficiency: float) -> bool:
        """Whether the table has a scheme of so many b/s/Hz."""
        return any(abs(known - efficiency) <= _SAME_EFFICIENCY * known for known in self.efficiencies)

    def block_error_rate(self, snr: ArrayLike, efficiency: float) -> FloatArray:
        """BLER of one code block at linear SNRs; 1 at an efficiency of 0. Raises ValueError for an unknown scheme."""
        snr_db = linear_to_db(np.asarray(snr, dtype=np.float64))
        if efficiency == 0.0:
            return np.ones_like(snr_db)
        curve = self._curve(efficiency)
        return np.power(10.0, np.interp(snr_db, curve.snr_db, curve.log_bler))

    def error_rate(self, snr: ArrayLike, efficiency: float, bits: ArrayLike) -> FloatArray:
        """1 - (1 - BLER)^ceil(bits/code_block_bits)."""
        blocks = np.ceil(np.asarray(bits, dtype=np.float64) / self.code_block_bits)
        return 1.0 - np.power(1.0 - self.block_error_rate(snr, efficiency), blocks)

    def packet_error_rate(self, reception: Reception) -> FloatArray:
        snr, efficiency, bits = np.broadcast_arrays(reception.snr, reception.efficiency, reception.bits)
        lost = np.empty(snr.shape)
        for scheme in np.unique(efficiency):
            mine = efficiency == scheme
            lost[mine] = self.error_rate(snr[mine], float(scheme), bits[mine])
        return lost

    def mean_error_rate(
        self, mean_snr: float, fading: Fading, bits: float = USUAL_PACKET_BITS, ladder: McsLadder | None = None
    ) -> float:
        """E[PER] over blocks for packets sent by an MCS ladder (that of 5G NR by default); blocks in which it cannot
        send count as lost."""
        rate = ladder or McsLadder()
        edges = [*(float(snr) for snr in rate.thresholds_snr), inf]
        parts = zip(rate.efficiencies, edges, edges[1:], strict=False)
        sent = sum(self._part(scheme, low, high, mean_snr, fading, bits) for scheme, low, high in parts)
        return rate.silence(mean_snr, fading) + sent

    def scheme_error_rate(
        self, efficiency: float, mean_snr: float, fading: Fading, bits: float = USUAL_PACKET_BITS
    ) -> float:
        """E[PER] over blocks for packets sent at one efficiency whatever the channel."""
        return self._part(efficiency, 0.0, inf, mean_snr, fading, bits)

    def _part(self, efficiency: float, low: float, high: float, mean_snr: float, fading: Fading, bits: float) -> float:
        """E[PER; low <= snr < high], split at the points of the curve, where it has kinks."""
        points = db_to_linear(self._curve(efficiency).snr_db)
        edges = [low, *(float(point) for point in points if low < point < high), high]

        def lost(snr: FloatArray) -> FloatArray:
            return self.error_rate(snr, efficiency, bits)

        return sum(mean_between(lost, a, b, mean_snr, fading) for a, b in pairwise(edges))

    def _curve(self, efficiency: float) -> Curve:
        if not self.covers(efficiency):
            raise ValueError(
                f"the BLER table has no scheme of {efficiency:g} b/s/Hz, only "
                f"{', '.join(f'{known:g}' for known in self.efficiencies)}: "
                "give the rate map these efficiencies, or the loss map a table of its schemes"
            )
        return self.curves[min(self.efficiencies, key=lambda known: abs(known - efficiency))]


Points = dict[float, tuple[tuple[float, float], ...]]


def _curves(points: Points) -> dict[float, Curve]:
    return {scheme: _curve_of(points[scheme]) for scheme in sorted(points)}


def _curve_of(points: tuple[tuple[float, float], ...]) -> Curve:
    snr_db, bler = np.array(sorted(points)).T
    return Curve(snr_db, np.log10(np.maximum(bler, NO_ERROR_SEEN)))


def _read(path: Path) -> Points:
    """Points by efficiency from a CSV file."""
    points: dict[float, dict[float, float]] = {}
    for line, (efficiency, snr_db, bler) in _rows(path):
        scheme = points.setdefault(efficiency, {})
        if snr_db in scheme:
            raise ValueError(f"{path}, line {line}: a second BLER at {snr_db:g} dB for {efficiency:g} b/s/Hz")
        scheme[snr_db] = bler
    if not points:
        raise ValueError(f"{path}: no rows below the header; give (efficiency, SNR, BLER) points")
    return {scheme: tuple(by_snr.items()) for scheme, by_snr in points.items()}


def _rows(path: Path) -> Iterator[tuple[int, tuple[float, float, float]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if tuple(cell.strip() for cell in header) != COLUMNS:
            raise ValueError(f"{path}, line 1: the header must be {','.join(COLUMNS)}, got {','.join(header)!r}")
        for row in reader:
            if row:
                yield reader.line_num, _checked_row(path, reader.line_num, row)


def _checked_row(path: Path, line: int, row: list[str]) -> tuple[float, float, float]:
    try:
        efficiency, snr_db, bler = (float(cell) for cell in row)
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: three numbers expected, got {','.join(row)!r}") from error
    if not (0 < efficiency < inf and isfinite(snr_db) and 0 <= bler <= 1):
        raise ValueError(
            f"{path}, line {line}: the efficiency must be above 0, the SNR finite in dB, the BLER in 0 .. 1, "
            f"got {','.join(row)!r}"
        )
    return efficiency, snr_db, bler

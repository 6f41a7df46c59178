"""Block error rates of nine schemes of 5G NR by simulation: (SNR in dB, BLER) by spectral efficiency in b/s/Hz.

From the block error rate tables of Sionna 2.2 (``PUSCH_table1.json``; copyright 2021-2026 NVIDIA Corporation and
affiliates, Apache License 2.0): category 0, MCS table 1, code blocks of 2000 bits, AWGN. Kept are MCS 3, 5, 7, 9, 13,
16, 20, 24 and 27, and of each the points from the last one without a single success to the first without a single
failure. The points are 25/14 dB apart.
"""

from __future__ import annotations

NR_BLER: dict[float, tuple[tuple[float, float], ...]] = {
    0.4902: ((-5.0, 1.0), (-45 / 14, 0.94), (-20 / 14, 0.0)),
    0.7402: ((-20 / 14, 1.0), (5 / 14, 0.0)),
    1.0273: ((5 / 14, 1.0), (30 / 14, 0.0)),
    1.3262: ((30 / 14, 1.0), (55 / 14, 0.0)),
    1.9141: ((55 / 14, 1.0), (80 / 14, 0.6275), (7.5, 0.0)),
    2.5703: ((7.5, 1.0), (130 / 14, 1 / 3000), (155 / 14, 0.0)),
    3.3223: ((155 / 14, 1.0), (180 / 14, 0.08 / 3), (205 / 14, 0.0)),
    4.5234: ((205 / 14, 1.0), (230 / 14, 0.153), (255 / 14, 0.0)),
    5.3320: ((230 / 14, 1.0), (255 / 14, 2.99 / 3), (20.0, 0.011 / 3)),
}

"""The sum that a channel makes: what a server hears when clients send their updates at once.

Client i, of coefficient c_i, has differences x_ij to send, whose root mean square is r_i. It sends c_i x_ij / s with
one scale for all, s = max_i c_i r_i (a number that the server learns beforehand, as it does the weights), so that no
client's entries have a mean square above 1 and none radiates more than the power that its inversion of the channel was
planned with. Those who send entry j, A_j, arrive with power rho0 each; the receiver adds noise of power sigma^2, with
nu_j ~ N(0, 1):

    y_j = sqrt(rho0) sum_{i in A_j} c_i x_ij / s + sigma nu_j

The server knows who was silent when, and divides by the coefficients of those who were not, C_j = sum_{i in A_j} c_i:

    s y_j / (sqrt(rho0) C_j) = sum_{i in A_j} c_i x_ij / C_j + s nu_j / (sqrt(rho0/sigma^2) C_j)

With equal coefficients and equal r the deviation of the noise is r / (sqrt(rho0/sigma^2) |A_j|) (Zhu, Wang and Huang,
IEEE TWC 19(1), 2020). A single scale by the mean square over all clients would let those of great weight exceed their
power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Sender:
    """What one client has to send.

    Attributes:
        coefficient: c_i, its share in the mean, at least 0.
        entries: x_i, f64[d], 0 where it is silent.
        silent: where that is.
        deviation: r_i, of all that it had to send.
    """

    coefficient: float
    entries: Tensor
    silent: Sequence[slice]
    deviation: float


class Superposition:
    """The sum of what senders send, who are met one after another; memory is two vectors, whatever their number.

    Args:
        size: d.

    Attributes:
        scale: s = max_i c_i r_i of the senders so far.
    """

    def __init__(self, size: int) -> None:
        self._total = torch.zeros(size, dtype=torch.float64)
        self._heard = torch.zeros(size, dtype=torch.float64)
        self.scale = 0.0

    def add(self, sender: Sender) -> None:
        """One more sender."""
        self._total += sender.coefficient * sender.entries
        self._heard += _share(sender)
        self.scale = float(np.maximum(self.scale, sender.coefficient * sender.deviation))  # a NaN stays

    def mean(self, snr: float, seed: int) -> Tensor:
        """f64[d]: each entry's mean over those who send it, by their coefficients, and noise; 0 where nobody sends.

        Args:
            snr: rho0/sigma^2, linear; infinity for no noise.
            seed: of the noise.

        Raises:
            ValueError: for an SNR that is not above 0.
        """
        if not snr > 0:
            raise ValueError(f"snr must be above 0, got {snr!r}: an aligned SNR is that of a positive power")
        total = self._total + self.scale / sqrt(snr) * _normal(len(self._total), seed)
        return torch.where(self._heard > 0, total / self._heard, 0.0)


def _share(sender: Sender) -> Tensor:
    """The sender's part of C_j, f64[d]; 0 where it is silent."""
    share = torch.full_like(sender.entries, sender.coefficient)
    for gap in sender.silent:
        share[gap] = 0.0
    return share


def _normal(size: int, seed: int) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

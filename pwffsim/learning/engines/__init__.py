"""Training loops of stage 1, by name: policy, rows of each step, padding id, optimisation -> loss of each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pwffsim.learning.engines import native, trl
from pwffsim.learning.policy import Policy
from pwffsim.learning.supervised import Optimisation
from pwffsim.learning.tokens import Encoded

Engine = Callable[[Policy, Sequence[Sequence[Encoded]], int, Optimisation], list[float]]

ENGINES: dict[str, Engine] = {"native": native.train, "trl": trl.train}

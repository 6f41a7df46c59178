"""Training loops of stage 1, by name."""

from __future__ import annotations

from pwffsim.learning.engines import native, trl
from pwffsim.learning.engines.engine import Engine

ENGINES: dict[str, Engine] = {"native": native.train, "trl": trl.train}

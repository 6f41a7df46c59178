"""How rows are spread over clients: one small class a rule, by name."""

from __future__ import annotations

from pwffsim.data.partitioners.base import Partitioner
from pwffsim.data.partitioners.iid import Iid
from pwffsim.data.partitioners.preference import Preference
from pwffsim.data.partitioners.size import Size
from pwffsim.data.partitioners.snr import Snr
from pwffsim.data.partitioners.topic import Topic

PARTITIONERS: dict[str, Partitioner] = {rule.name: rule for rule in (Iid(), Topic(), Size(), Preference(), Snr())}

__all__ = ["PARTITIONERS", "Partitioner"]

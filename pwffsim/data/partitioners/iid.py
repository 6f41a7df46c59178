"""Every client alike."""

from __future__ import annotations

from pwffsim.data.partitioners.base import Partitioner


class Iid(Partitioner):
    """Topics as in the whole corpus."""

    name = "iid"

"""Clients of different sizes."""

from __future__ import annotations

from pwffsim.data.partitioners.base import Partitioner


class Size(Partitioner):
    """Topics as in the whole corpus, log-normal sizes: the spec refuses it without a size_skew."""

    name = "size"

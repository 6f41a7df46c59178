"""The one error of this room."""

from __future__ import annotations


class DataError(ValueError):
    """Data that cannot be used as asked; the message names the place (client, file, line) and the remedy."""

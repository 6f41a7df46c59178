"""Small-scale fading: the law of a link's power gain over time. One model a file."""

from channel_models.fading.fading import FADING, BlockFading, Fading

__all__ = ["FADING", "BlockFading", "Fading"]

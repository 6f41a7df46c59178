"""Packet loss maps: the probability that a packet is lost, given what it met on the way. One model a file."""

from channel_models.loss.loss_map import LOSS_MAPS, LossMap, LossProcess, Memoryless, Reception

__all__ = ["LOSS_MAPS", "LossMap", "LossProcess", "Memoryless", "Reception"]

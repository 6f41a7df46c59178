"""Rate maps: spectral efficiency in b/s/Hz as a function of the instantaneous linear SNR. One model a file."""

from channel_models.rates.rate_map import RATE_MAPS, RateMap

__all__ = ["RATE_MAPS", "RateMap"]

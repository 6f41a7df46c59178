"""What can be known of a scenario's models before a download: their architectures, or why they cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from os.path import expandvars
from pathlib import Path
from typing import Any

from pwffsim.architecture.families import Architecture, UnsupportedModel, architecture_of
from pwffsim.architecture.places import UnsupportedPlaces
from pwffsim.learning.declarations import ALIASES, BASES, KNOWN_CONFIGS
from pwffsim.scenario.errors import Loc
from pwffsim.scenario.schema import Scenario

GENERATORS = ("gpt2", "llama")
"""Families that generate text."""

ENCODERS = {"distilbert": ("distilbert",)}
"""Reward model -> families of its own encoder."""


class BaseError(Exception):
    """A model that cannot be used as asked.

    Attributes:
        locs: keys that could be changed, the likeliest first.
    """

    def __init__(self, message: str, locs: tuple[Loc, ...]) -> None:
        super().__init__(message)
        self.locs = locs


def policy_architecture(scenario: Scenario) -> Architecture | None:
    """The language model's, with LoRA in its places; None when only the hub can tell.

    Raises:
        BaseError: when it cannot be had, does not generate, or has no such places.
    """
    model = scenario.model
    known = _architecture(model.base, model.weights, model.tokenizer, ("model",), GENERATORS)
    try:
        return None if known is None else known.placed(model.lora.places)
    except UnsupportedPlaces as error:
        raise BaseError(str(error), (("model", "lora", "places"), ("model", "base"), ("model",))) from None


def encoder_architecture(scenario: Scenario) -> Architecture | None:
    """That of the reward models' own encoder; None when they have none, or when only the hub can tell.

    Raises:
        BaseError: when it cannot be had, or is of another family.
    """
    reward = scenario.stages.reward
    if reward is None or reward.model not in ENCODERS:
        return None
    return _architecture(reward.base, reward.weights, reward.tokenizer, ("stages", "reward"), ENCODERS[reward.model])


def forget() -> None:
    """Look at models' files anew; within one check of a scenario they are looked at once."""
    _config.cache_clear()


def _architecture(
    base: str, weights: str, tokenizer: str | None, at: Loc, families: tuple[str, ...]
) -> Architecture | None:
    from pwffsim.learning.bases import BaseUnavailable

    locs = ((*at, "base"), (*at, "weights"), at)
    words = None if tokenizer is None else expandvars(tokenizer)
    try:
        config = _config(expandvars(base), weights, words)
        model = None if config is None else architecture_of(config)
    except (BaseUnavailable, UnsupportedModel) as error:
        about_tokenizer = words is not None and words in str(error)
        raise BaseError(str(error), ((*at, "tokenizer"), *locs) if about_tokenizer else locs) from None
    except (TypeError, ValueError) as error:
        raise BaseError(f"the config.json of {base} does not describe a model: {error}", locs) from None
    if model is not None and model.family not in families:
        raise BaseError(f"{base} is a {model.family} model; here it must be of type {' or '.join(families)}", locs)
    return model


@lru_cache(maxsize=16)
def _config(base: str, weights: str, tokenizer: str | None) -> Mapping[str, Any] | None:
    """The model's config; None for a model of the hub whose dimensions are not known here.

    Raises:
        BaseUnavailable: for a model or tokenizer that neither is here nor can come from the hub.
    """
    from pwffsim.learning.bases import resolve

    known = KNOWN_CONFIGS.get(ALIASES.get(base, base))
    dimensions_suffice = known is not None and weights == "untrained" and tokenizer is not None
    on_hub = (_on_hub(base) and not dimensions_suffice) or (tokenizer is not None and _on_hub(tokenizer))
    return known if on_hub else resolve(base, weights, tokenizer, download=False).config


def _on_hub(name: str) -> bool:
    """Whether a name can only be an id of the hub: neither packaged nor a folder, and no path."""
    packaged = BASES.get(name, "").startswith("assets/")
    return not (packaged or Path(name).is_dir() or name.startswith((".", "/", "~", "$")) or name.count("/") > 1)

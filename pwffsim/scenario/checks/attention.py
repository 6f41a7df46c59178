"""The pattern of attention: its parameters, and whether the model can attend by it."""

from __future__ import annotations

from collections.abc import Iterator

from pwffsim.architecture.attention import UnsupportedPattern, check_family, pattern
from pwffsim.scenario.bases import BaseError, policy_architecture
from pwffsim.scenario.checks.finding import Finding, finding, reads
from pwffsim.scenario.schema import Scenario

_AT = ("model", "attention")


@reads("model.attention.*")
def pattern_has_its_parameters(scenario: Scenario) -> Iterator[Finding]:
    """Those that it needs, and no others."""
    try:
        pattern(scenario.model.attention.settings)
    except ValueError as error:
        yield finding(str(error), (*_AT, "pattern"), _AT)


@reads("model.attention.*", "model.base", "model.weights", "model.tokenizer", "model.lora.places")
def family_can_attend_so(scenario: Scenario) -> Iterator[Finding]:
    """A pattern other than full is for families whose blocks are known here."""
    try:
        policy, chosen = policy_architecture(scenario), pattern(scenario.model.attention.settings)
        if policy is not None:
            check_family(chosen, policy.family)
    except UnsupportedPattern as error:
        yield finding(str(error), (*_AT, "pattern"), ("model", "base"))
    except (BaseError, ValueError):
        return  # told elsewhere


CHECKS = (pattern_has_its_parameters, family_can_attend_so)

"""Scenarios: what a YAML file may say, and all that can be told of it before a run. Neither torch nor SimPy here."""

from __future__ import annotations

from pwffsim.scenario.errors import ScenarioErrors
from pwffsim.scenario.loader import LoadedScenario, canonical_json, load
from pwffsim.scenario.schema import Scenario

__all__ = ["LoadedScenario", "Scenario", "ScenarioErrors", "canonical_json", "load"]

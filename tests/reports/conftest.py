"""Runs that the report's tests share; made once, read only."""

from __future__ import annotations

import network_run
import pytest
import synthetic_run

from pwffsim.runs.load import Run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Ten clients, three stages, lawful records."""
    return synthetic_run.build(tmp_path_factory.mktemp("ten"))


@pytest.fixture(scope="session")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """More than 100,000 spans of ten clients."""
    return synthetic_run.build(tmp_path_factory.mktemp("long"), repeats=74, checked=False)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four clients in two cells behind wires, with handovers and a jammer; lawful records."""
    return network_run.build(tmp_path_factory.mktemp("network"))

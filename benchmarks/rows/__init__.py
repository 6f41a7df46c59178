"""Rows of the table, one file a family, found by its presence: a module that holds a ``FAMILY``.

``step.py`` is a small example of one.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from benchmarks.family import Family


def families() -> dict[str, Family]:
    """Name -> family, in the order of their names."""
    found = [import_module(f"{__name__}.{module.name}").FAMILY for module in iter_modules(__path__)]
    return {family.name: family for family in sorted(found, key=lambda family: family.name)}

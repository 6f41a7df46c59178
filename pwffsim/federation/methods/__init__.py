"""Federated methods: what is trained, what is shared, what stays at home. One file a method, found by its presence.

A method is data. Every module of this folder that holds a ``METHOD`` is registered under its name; a third party's
package registers one through the entry-point group ``pwffsim.methods``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from pwffsim.federation.method import Method


def _registered() -> dict[str, Method]:
    own = [import_module(f"{__name__}.{module.name}").METHOD for module in iter_modules(__path__)]
    others = [entry.load() for entry in entry_points(group="pwffsim.methods")]
    return {method.name: method for method in sorted([*own, *others], key=lambda method: method.name)}


METHODS: dict[str, Method] = _registered()

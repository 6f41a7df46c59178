"""Models of one axis by the name that scenarios use.

Three ways lead into a registry: a file in the axis's folder (found by its presence), the decorator ``register`` in
anybody's code, and an entry point of an installed package in the group ``channel_models.AXIS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TypeVar

from channel_models.model import Model

M = TypeVar("M", bound=Model)


class Registry(Mapping[str, type[M]]):
    """Name -> class, in the order of names; the axis's folder and the entry points are read at the first look.

    Args:
        axis: name of the axis, and of its folder in this package.
    """

    def __init__(self, axis: str) -> None:
        self.axis = axis
        self.version = 0
        self._models: dict[str, type[M]] = {}
        self._searched = False

    def register(self, name: str) -> Callable[[type[M]], type[M]]:
        """Class decorator that makes a model known by a name. Raises ValueError for a name that another one has."""

        def enter(model: type[M]) -> type[M]:
            known = self._models.get(name, model)
            if (known.__module__, known.__qualname__) != (model.__module__, model.__qualname__):
                raise ValueError(f"{self.axis} model {name!r} is already {known.__module__}.{known.__qualname__}")
            model.name = name
            self._models[name] = model
            self.version += 1
            return model

        return enter

    def __getitem__(self, name: str) -> type[M]:
        self._search()
        if name not in self._models:
            raise KeyError(f"no {self.axis} model {name!r}; there are {', '.join(self)}")
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        self._search()
        return iter(sorted(self._models))

    def __len__(self) -> int:
        self._search()
        return len(self._models)

    def _search(self) -> None:
        if self._searched:
            return
        self._searched = True
        package = f"{__package__}.{self.axis}"
        for module in iter_modules(import_module(package).__path__):
            import_module(f"{package}.{module.name}")
        for entry in entry_points(group=package):
            self.register(entry.name)(entry.load())

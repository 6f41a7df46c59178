"""The store: results of recipes on disk under their content address, shared by all runs that name the same folder.

An entry is ``ab/abcd...json`` (the facts, written last: its presence commits the entry) beside one safetensors file a
group of tensors. The digest of every file stands beside the facts and a seal covers both: facts that are torn or
altered count as absent, and so do tensors, which are looked at when somebody is to read them.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pwffsim.compute.recipe import Facts

if TYPE_CHECKING:
    from torch import Tensor

    State = Mapping[str, Tensor]


class Store:
    """Facts and tensors by key.

    Args:
        folder: where entries live; made when it is missing.
        resident_bytes: tensors kept in memory, least recently used first to go.
    """

    def __init__(self, folder: Path, resident_bytes: int = 1_000_000_000) -> None:
        self._folder = folder
        self._resident_bytes = resident_bytes
        self._held_bytes = 0
        self._states: OrderedDict[str, State] = OrderedDict()

    def facts(self, key: str) -> Facts | None:
        """The facts of an entry, or None when they are absent or damaged."""
        entry = self._entry(key)
        return None if entry is None else entry["facts"]

    def whole(self, key: str) -> bool:
        """Whether all tensors of an entry are there and undamaged."""
        entry = self._entry(key)
        return entry is not None and all(self._intact(key, *part) for part in entry["parts"].items())

    def put(self, key: str, parts: Mapping[str, State], facts: Facts) -> Facts:
        """Write an entry: tensors first, facts last, each by rename. The facts as they will be read."""
        digests = {}
        for name, part in parts.items():
            state = _own(part)
            contents = _bytes(state)
            self._write(self._path(key, f"{name}.safetensors"), contents)
            digests[name] = blake2b(contents, digest_size=16).hexdigest()
            self._remember(f"{key}/{name}", state)
        entry = _json({"facts": facts, "parts": digests, "seal": _seal(key, facts, digests)})
        self._write(self._path(key, "json"), entry)
        return json.loads(entry)["facts"]

    def state(self, key: str, part: str) -> State:
        """The tensors of one group of an entry.

        Raises:
            KeyError: when the entry has no such group.
        """
        from safetensors.torch import load

        reference = f"{key}/{part}"
        if reference not in self._states:
            path = self._path(key, f"{part}.safetensors")
            if not path.is_file():
                raise KeyError(f"result {key[:12]} has no tensors named {part!r}")
            self._remember(reference, dict(sorted(load(path.read_bytes()).items())))
        self._states.move_to_end(reference)
        return self._states[reference]

    def _remember(self, reference: str, state: State) -> None:
        """Keep a state; the last one stays, however large it is."""
        if (former := self._states.pop(reference, None)) is not None:
            self._held_bytes -= _size_bytes(former)
        self._states[reference] = state
        self._held_bytes += _size_bytes(state)
        while self._held_bytes > self._resident_bytes and len(self._states) > 1:
            self._held_bytes -= _size_bytes(self._states.popitem(last=False)[1])

    def _entry(self, key: str) -> dict[str, Any] | None:
        try:
            entry = json.loads(self._path(key, "json").read_text())
            sealed = entry["seal"] == _seal(key, entry["facts"], entry["parts"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return entry if sealed else None

    def _intact(self, key: str, part: str, digest: str) -> bool:
        if f"{key}/{part}" in self._states:
            return True
        try:
            return digest == blake2b(self._path(key, f"{part}.safetensors").read_bytes(), digest_size=16).hexdigest()
        except OSError:
            return False

    def _path(self, key: str, suffix: str) -> Path:
        return self._folder / key[:2] / f"{key}.{suffix}"

    @staticmethod
    def _write(path: Path, contents: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
        partial.write_bytes(contents)
        partial.replace(path)


def _seal(key: str, facts: Facts, parts: Mapping[str, str]) -> str:
    """Digest of an entry's facts and of its files' digests, so that an altered entry is known as one."""
    return blake2b(_json([key, facts, parts]), digest_size=16).hexdigest()


def _own(state: State) -> State:
    """A state as it will be read: by name, contiguous, in memory that holds nothing else."""
    from torch import contiguous_format

    return {name: state[name].detach().clone(memory_format=contiguous_format) for name in sorted(state)}


def _bytes(state: State) -> bytes:
    from safetensors.numpy import save

    return save({name: tensor.numpy() for name, tensor in state.items()})


def _size_bytes(state: State) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()

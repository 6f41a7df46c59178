"""Which tensors travelled: each distinct list of names and sizes is stored once, under its digest."""

from __future__ import annotations

from pathlib import Path

from pwffsim.kernel.fingerprint import Fingerprint
from pwffsim.runs.atomic import write_json
from pwffsim.runs.errors import RecordInvalid
from pwffsim.runs.records import Tensors

FILE_NAME = "payloads.json"


def payload_digest(tensors: Tensors) -> str:
    """The digest of a list of tensors. Raises RecordInvalid for a bad name or size."""
    fingerprint = Fingerprint()
    for name, size in tensors:
        if not isinstance(name, str) or not isinstance(size, int) or size < 0:
            raise RecordInvalid(f"a tensor in a payload is (name, bytes >= 0), not ({name!r}, {size!r})")
        fingerprint.fold(name, size)
    return fingerprint.hexdigest()


class Payloads:
    """The distinct payloads of a run, digest -> tensors."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensors] = {}
        self._digests: dict[Tensors, str] = {}
        self._met: dict[int, tuple[Tensors, str]] = {}
        self._written = 0

    def digest(self, tensors: Tensors) -> str:
        """The digest under which these tensors are kept."""
        met = self._met.get(id(tensors))
        return self._meet(tensors) if met is None else met[1]

    def _meet(self, tensors: Tensors) -> str:
        """The digest of an object not met before, which is kept alive: its id stays its own."""
        known = self._digests.get(tensors)
        if known is None:
            known = self._digests[tensors] = payload_digest(tensors)
            self.tensors[known] = tensors
        self._met[id(tensors)] = (tensors, known)
        return known

    def write(self, directory: Path) -> None:
        """Write payloads.json if it has changed: digest -> [[name, bytes], ...]."""
        if len(self.tensors) > self._written:
            write_json(
                directory / FILE_NAME, {digest: [list(pair) for pair in t] for digest, t in self.tensors.items()}
            )
            self._written = len(self.tensors)

"""What computes a recipe, as one digest: code, library versions and numerics. It is part of every key, so that results
of different code or machines never mix."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files

from pwffsim.compute.recipe import canonical

_CODE = ("pwffsim.learning", "pwffsim.data", "channel_models")
_LIBRARIES = ("torch", "transformers", "peft", "trl", "tokenizers", "numpy")


def environment(threads: int = 1, device: str = "auto") -> str:
    """Digest of the learning code, the libraries' versions and torch's numerics in this process, which are set now.

    Args:
        threads: of torch; more of them change last bits.
        device: "cpu", "cuda", or "auto" for a GPU where there is one.
    """
    from pwffsim.learning.runtime import tune

    facts = [code_digest(), versions(), tune(threads, device)]
    return blake2b(canonical(facts).encode(), digest_size=16).hexdigest()


def versions() -> dict[str, str]:
    """The libraries' versions; none of them is loaded."""
    return {name: version(name) for name in _LIBRARIES}


def code_digest(packages: Sequence[str] = _CODE) -> str:
    """Digest of every Python source file of some packages, at first those that a training result may depend on."""
    digest = blake2b(digest_size=16)
    for package in packages:
        for path in sorted(p for p in _sources(package)):
            digest.update(path.encode())
    return digest.hexdigest()


def _sources(package: str) -> list[str]:
    found: list[str] = []
    pending = [(package, files(package))]
    while pending:
        name, folder = pending.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                pending.append((f"{name}/{entry.name}", entry))
            elif entry.name.endswith(".py"):
                found.append(f"{name}/{entry.name}\0{entry.read_text(encoding='utf-8')}")
    return found

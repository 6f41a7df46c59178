"""Where the weights of a base model come from: the package, a local folder, or the hub. No torch here.

``resolve`` finds out what a name stands for and checks all that can be checked without loading it: config.json, the
headers of the weight files, the tokenizer's files. What it cannot have it says, with what was tried and the remedy;
random weights are taken only when asked for, and are labelled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

from pwffsim.learning.declarations import ALIASES, BASES, KNOWN_CONFIGS, WEIGHTS

_PACKAGED = "assets/"
_HUB_FILES = [
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens*",
]
_TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))
"""Sets of files, each of which makes a tokenizer."""


class BaseUnavailable(Exception):
    """A base model or tokenizer that cannot be had; the message names it, what was tried, and the remedy."""


@dataclass(frozen=True)
class ResolvedBase:
    """A base model that can be loaded.

    Attributes:
        name: as the scenario says it.
        location: "tiny" for the packaged model, a folder, or the name of a known architecture when untrained.
        config: the content of config.json.
        untrained: whether the weights are random.
        tokenizer: "tiny" or a folder.
        digest: BLAKE2b of all files the model and its tokenizer are made from.
        label: one sentence for reports.
    """

    name: str
    location: str
    config: Mapping[str, Any]
    untrained: bool
    tokenizer: str
    digest: str
    label: str

    def params(self, seed: int) -> dict[str, Any]:
        """JSON for a recipe: where the learning room finds this model.

        Args:
            seed: of the random weights; it is left at 0 where weights are trained, so that runs share results.
        """
        return {
            "base": self.location,
            "untrained": self.untrained,
            "config": dict(self.config) if self.untrained else None,
            "tokenizer": self.tokenizer,
            "digest": self.digest,
            "seed": seed if self.untrained else 0,
        }


def resolve(
    base: str, weights: str = "pretrained", tokenizer: str | None = None, download: bool = True
) -> ResolvedBase:
    """What a base model's name stands for.

    Args:
        base: a short name of ``BASES``, a local folder, or a hub id.
        weights: one of ``WEIGHTS``.
        tokenizer: folder or hub id of the tokenizer, when it is not the base's own; with "pretrained_or_untrained" it
            is that of the untrained model, since trained weights know their own tokenizer's ids alone.
        download: whether the hub may be asked; otherwise only its local cache is.

    Raises:
        BaseUnavailable: naming the model, what was tried, and the remedy.
    """
    if weights not in WEIGHTS:
        raise BaseUnavailable(f"weights {weights!r} is not one of {', '.join(WEIGHTS)}")
    if weights == "untrained":
        return _untrained(base, tokenizer, download, f"{base}: UNTRAINED, random weights as asked for")
    try:
        return _pretrained(base, None if weights == "pretrained_or_untrained" else tokenizer, download)
    except BaseUnavailable as reason:
        if weights == "pretrained":
            raise
        return _untrained(base, tokenizer, download, f"{base}: UNTRAINED, random weights, since {reason}")


def folder_of(location: str) -> Path:
    """The folder of a resolved location."""
    packaged = BASES.get(location, "")
    return Path(str(files("pwffsim.learning"))) / packaged if packaged.startswith(_PACKAGED) else Path(location)


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a folder.

    Raises:
        BaseUnavailable: when it is missing or not a JSON object.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BaseUnavailable(
            f"{folder} has no config.json: name the folder of a model in Hugging Face format"
        ) from None
    except (OSError, ValueError) as error:
        raise BaseUnavailable(f"{path} cannot be read ({error}): fetch the model again") from None
    if not isinstance(config, dict):
        raise BaseUnavailable(f"{path} holds no JSON object: fetch the model again")
    return config


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder, each with a readable header.

    Raises:
        BaseUnavailable: when there is none, or one is damaged.
    """
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise BaseUnavailable(f"{folder} holds no *.safetensors weights: save the model with safe serialisation")
    for path in found:
        _check_header(path)
    return found


def _pretrained(base: str, tokenizer: str | None, download: bool) -> ResolvedBase:
    location, folder = _locate(base, download)
    config, used = read_config(folder), weight_files(folder)
    tokenizer_location = _tokenizer(tokenizer or location, download)
    label = f"{base}: pretrained weights" + (
        " of this package" if base in BASES and location == base else f" from {folder}"
    )
    digest = _digest([folder / "config.json", *used, *_tokenizer_files(folder_of(tokenizer_location))])
    return ResolvedBase(base, location, config, False, tokenizer_location, digest, label)


def _untrained(base: str, tokenizer: str | None, download: bool, label: str) -> ResolvedBase:
    config, own_tokenizer = _architecture(base, download)
    wanted = tokenizer or own_tokenizer
    if wanted is None:
        raise BaseUnavailable(
            f"{base} untrained has an architecture but no tokenizer: set `tokenizer` to a folder with its "
            "vocabulary files"
        )
    tokenizer_location = _tokenizer(wanted, download)
    text = json.dumps(config, sort_keys=True)
    digest = _digest(_tokenizer_files(folder_of(tokenizer_location)), text.encode())
    return ResolvedBase(base, base, config, True, tokenizer_location, digest, label)


def _architecture(base: str, download: bool) -> tuple[dict[str, Any], str | None]:
    """Dimensions of a model whose weights are not wanted, and where its tokenizer would be."""
    known = ALIASES.get(base, base)
    if known in KNOWN_CONFIGS:
        return dict(KNOWN_CONFIGS[known]), None
    location, folder = _locate(base, download)
    return read_config(folder), location if _tokenizer_files(folder) else None


def _locate(base: str, download: bool) -> tuple[str, Path]:
    """Resolved location of a name, and its folder."""
    if BASES.get(base, "").startswith(_PACKAGED):
        folder = folder_of(base)
        if not folder.is_dir():
            raise BaseUnavailable(f"the packaged model {base!r} is missing from {folder}: install the package again")
        return base, folder
    if Path(base).is_dir():
        return str(Path(base).resolve()), Path(base).resolve()
    if base.startswith((".", "/", "~", "$")) or base.count("/") > 1:
        raise BaseUnavailable(f"there is no folder {base}: correct the path, or set the variable in it")
    folder = _from_hub(BASES.get(base, base), download)
    return str(folder), folder


def _from_hub(name: str, download: bool) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=not download))
    except Exception as error:  # the hub's client raises its own, requests' and OS errors; all mean the same here
        reason = str(error).strip().splitlines()
        raise BaseUnavailable(
            f"{name} is no folder here and could not be had from the hub or its cache ({type(error).__name__}: "
            f"{reason[0] if reason else 'no reason given'}); give a local folder, go online, or set weights: "
            "pretrained_or_untrained"
        ) from None


def _tokenizer(name: str, download: bool) -> str:
    location, folder = _locate(name, download)
    if not _tokenizer_files(folder):
        raise BaseUnavailable(
            f"{folder} holds no tokenizer: it needs {' or '.join(' + '.join(s) for s in _TOKENIZERS)}"
        )
    return location


def _tokenizer_files(folder: Path) -> list[Path]:
    for names in _TOKENIZERS:
        if all((folder / name).is_file() for name in names):
            return [folder / name for name in names]
    return []


def _check_header(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:
            if not list(opened.keys()):
                raise BaseUnavailable(f"{path} holds no tensors: fetch the model again")
    except (SafetensorError, OSError) as error:
        raise BaseUnavailable(f"the weights in {path} cannot be read ({error}): fetch the file again") from None


def _digest(paths: list[Path], text: bytes = b"") -> str:
    digest = blake2b(text, digest_size=16)
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()

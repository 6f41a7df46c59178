"""Text to tokens and back, for every stage in the same way (layout: ``pwffsim.data.prompting``)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pwffsim.data.prompting import format_prompt, format_response, read_response
from pwffsim.learning.bases import folder_of

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt and a response as token ids; a whole response ends in the end token."""

    prompt: tuple[int, ...]
    response: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


class Tokenizer:
    """A base model's tokenizer. Special tokens in a text are spelled out, never obeyed: no prompt can forge an end.

    Attributes:
        end: id that ends a response.
        pad: id in unused places.
    """

    def __init__(self, folder: str) -> None:
        self._tokenizer = load(folder)
        self.end: int = self._id("eos_token_id", folder)
        self.pad: int = self.end if self._tokenizer.pad_token_id is None else self._tokenizer.pad_token_id
        self._ids = lru_cache(maxsize=1 << 17)(self._encode)
        self._begin = len(self._tokenizer("", add_special_tokens=True).input_ids)

    def prompt(self, text: str) -> tuple[int, ...]:
        """Ids of a prompt, with the tokenizer's own begin token if it has one."""
        return self._ids(format_prompt(text), True)

    def response(self, text: str) -> tuple[int, ...]:
        """Ids of a response and the end token."""
        return (*self._ids(format_response(text), False), self.end)

    def sequence(self, prompt: str, response: str, max_length: int) -> Encoded:
        """A whole row, cut to `max_length` tokens: the prompt loses its beginning first, then the response its end."""
        return fit(self.prompt(prompt), self.response(response), max_length, self._begin)

    def short_prompt(self, text: str, length: int) -> tuple[int, ...]:
        """Ids of a prompt to generate from, at most `length` of them, the last ones."""
        return cut_left(self.prompt(text), length, self._begin)

    def text(self, response: Sequence[int]) -> str:
        """The response that generated ids spell."""
        return read_response(self._tokenizer.decode(list(response), skip_special_tokens=True))

    def _encode(self, text: str, special: bool) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=special, split_special_tokens=True).input_ids)

    def _id(self, name: str, folder: str) -> int:
        value = getattr(self._tokenizer, name)
        if value is None:
            raise ValueError(f"the tokenizer in {folder} has no {name}: name its end token in tokenizer_config.json")
        return int(value)


def fit(prompt: tuple[int, ...], response: tuple[int, ...], max_length: int, begin: int = 0) -> Encoded:
    """Cut to `max_length`: the response keeps what the prompt leaves, and never less than half.

    Args:
        prompt, response: ids.
        max_length: longest sequence.
        begin: number of ids at the start of a prompt that stay (a begin token).
    """
    kept = min(len(response), max(max_length // 2, max_length - len(prompt)))
    return Encoded(cut_left(prompt, max_length - kept, begin), response[:kept])


def cut_left(prompt: tuple[int, ...], length: int, begin: int = 0) -> tuple[int, ...]:
    """The last `length` ids of a prompt, its first `begin` ids kept."""
    if len(prompt) <= length:
        return prompt
    return prompt[:begin] + prompt[len(prompt) - (length - begin) :]


@lru_cache(maxsize=8)
def tokenizer(folder: str) -> Tokenizer:
    """The tokenizer of a resolved location, once a process."""
    return Tokenizer(folder)


def load(location: str) -> Any:
    """The transformers tokenizer of a folder: a serialised one, or GPT-2's or BERT's vocabulary files."""
    from transformers import AutoTokenizer, DistilBertTokenizerFast, GPT2TokenizerFast

    folder = folder_of(location)
    if (folder / "tokenizer.json").is_file():
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    kind = GPT2TokenizerFast if (folder / "merges.txt").is_file() else DistilBertTokenizerFast
    return kind.from_pretrained(folder, local_files_only=True)

"""The one place that says how a prompt and a response are laid out as text.

A sequence is ``format_prompt(prompt) + format_response(response)`` followed by the tokenizer's end-of-sequence token
(`tiny`: ``<end>``). The end token is an id that learning appends, never text: a prompt cannot forge it by spelling it.
The prompt ends without a space, so that in a byte-level BPE the response's first word keeps its leading space and the
token boundary between prompt and response is the same in training and in generation.
"""

from __future__ import annotations

END = "<end>"
PAD = "<pad>"


def format_prompt(instruction: str) -> str:
    """The text a model reads before it answers."""
    return f"Q: {instruction.strip()}\nA:"


def format_response(response: str) -> str:
    """The text that follows the prompt: one space, then the response."""
    return f" {response.strip()}"


def read_response(text: str) -> str:
    """A response out of generated text that follows a prompt (end and padding tokens already cut off)."""
    return text.strip()

"""pwffsim: a discrete-event co-simulator of federated fine-tuning of language models over wireless links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pwffsim.runs.load import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """``pwffsim.load`` imports pandas only when it is asked for."""
    if name == "load":
        from pwffsim.runs.load import load

        return load
    raise AttributeError(f"module 'pwffsim' has no attribute {name!r}")

"""torch's numerics and the process it runs in, set once before the first stage.

One thread makes results equal to the bit between processes. Matrix products of fp32 go through oneDNN ("medium"
precision), which on processors without matrix units stays true fp32 and is up to twice as fast as MKL; a self-test
against fp64 says whether that holds here, and turns it off where it does not. Attention is the eager kind: the fused
kernel is several times slower with this setting.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

ATTENTION = "eager"
"""Attention implementation of every model that is loaded."""

_MATMUL_TOLERANCE = 1e-4
"""Largest error of a 256 x 256 product of standard normals; fp32 stays under 1e-5 x 16, bf16 is above 1e-2."""

_MALLOC_SETTINGS = ((-4, 0), (-1, 2**31 - 1), (-2, 64 << 20))
"""glibc's mallopt: M_MMAP_MAX 0, M_TRIM_THRESHOLD as large as it goes, M_TOP_PAD 64 MiB (no page faults a step)."""


@cache
def tune() -> dict[str, Any]:
    """Set threads, matrix precision, memory allocation and garbage collection; once a process.

    Returns the facts of :func:`facts`.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    import transformers
    from peft import LoraConfig  # noqa: F401  (a heavy import that must come before the freeze)
    from transformers import AutoModelForCausalLM  # noqa: F401

    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    error = _choose_precision()
    _set_malloc()
    gc.collect()
    gc.freeze()  # imports are never garbage: later collections skip them, 10 ms instead of 240 ms
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "matmul_error": error,
        "attention": ATTENTION,
    }


def facts() -> dict[str, Any]:
    """For a manifest: versions, instruction set, threads, precision and its measured error, attention."""
    return dict(tune())


def numerics() -> dict[str, Any]:
    """What the bits of a result depend on, besides code, for the content address of results."""
    return dict(tune())


@contextmanager
def small_products() -> Iterator[None]:
    """Within it, matrix products go the way that is quick for few rows: 1.6 times for decoding a token at a time.

    oneDNN prepares every product anew, which pays for a training step and not for a token.
    """
    import torch

    chosen = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(chosen)


def _choose_precision() -> float:
    import torch

    torch.set_float32_matmul_precision("medium")
    error = _matmul_error()
    if error > _MATMUL_TOLERANCE:  # a processor whose "medium" really rounds to bf16
        torch.set_float32_matmul_precision("highest")
        error = _matmul_error()
    return error


def _matmul_error() -> float:
    import torch

    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 256, generator=generator) for _ in range(2))
    return float(((a @ b).double() - a.double() @ b.double()).abs().max())


def _set_malloc() -> None:
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for setting, value in _MALLOC_SETTINGS:
            libc.mallopt(setting, value)

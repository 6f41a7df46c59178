"""torch's numerics and the process it runs in, set once before the first stage.

Threads are part of them: with more than one, sums are taken in another order. Matrix products of fp32 go through
oneDNN ("medium" precision), which on processors without matrix units stays true fp32 and is up to twice as fast as MKL;
a self-test against fp64 says whether that holds here, and turns it off where it does not. Attention is the eager kind:
the fused kernel is several times slower with this setting. On a GPU fp32 is true fp32 (no TF32), and the algorithms are
the deterministic ones where torch has them.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ATTENTION = "eager"
"""Attention implementation of every model that is loaded."""

_MATMUL_TOLERANCE = 1e-4
"""Largest error of a 256 x 256 product of standard normals; fp32 stays under 1e-5 x 16, bf16 is above 1e-2."""

_MALLOC_SETTINGS = ((-4, 0), (-1, 2**31 - 1), (-2, 64 << 20))
"""glibc's mallopt: M_MMAP_MAX 0, M_TRIM_THRESHOLD as large as it goes, M_TOP_PAD 64 MiB (no page faults a step)."""


_SET: dict[str, Any] = {}
"""The facts of this process, once they are set."""


def tune(threads: int = 1, device: str = "auto") -> dict[str, Any]:
    """Set threads, device, matrix precision, memory allocation and garbage collection, once a process; the facts of it.

    Args:
        threads: of torch.
        device: "cpu", "cuda", or "auto" for a GPU where there is one.

    Raises:
        RuntimeError: when the process is set otherwise already, or there is no such device.
    """
    if not _SET:
        prepare(threads)
        _import_all()
        _SET.update(_tuned(threads, _device(device)))
    elif (threads, _device(device)) != (_SET["threads"], _SET["device"]):
        raise RuntimeError(
            f"this process computes with {_SET['threads']} threads on {_SET['device']}, not {threads} on {device}: "
            "these are set once, so begin a new process"
        )
    return dict(_SET)


def facts() -> dict[str, Any]:
    """For a manifest: versions, instruction set, device, threads, precision and its measured error, attention."""
    return dict(_SET or tune())


def numerics() -> dict[str, Any]:
    """What the bits of a result depend on, besides code, for the content address of results."""
    return facts()


def device() -> torch.device:
    """Where stages compute."""
    import torch

    return torch.device((_SET or tune())["device"])


def prepare(threads: int) -> None:
    """Set what torch reads from the environment as it is loaded: several threads that wait must sleep, since they would
    hold up whoever else needs the processor, a hundredfold at worst. Without effect once torch is loaded."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic with it
    if threads > 1:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def quickest_threads(most: int, width: int, tokens: int = 256) -> int:
    """`most` where so many threads are quicker than one by a fifth or more, otherwise 1; to be asked before `tune`.

    Wall time of the products of a block's MLP, forward and backward, which what else runs on the machine has a part in:
    ask once and record the answer.

    Args:
        most: threads to compare with one.
        width: of the model.
        tokens: in a batch.
    """
    import torch

    prepare(most)
    _choose_precision()
    up, down, rows = torch.zeros(width, 4 * width), torch.zeros(4 * width, width), torch.zeros(tokens, width)
    taken = {threads: min(_seconds(threads, rows, up, down) for _ in range(5)) for threads in (1, most)}
    return most if taken[most] < 0.8 * taken[1] else 1


def _seconds(threads: int, rows: torch.Tensor, up: torch.Tensor, down: torch.Tensor) -> float:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    begun = perf_counter()
    for _ in range(4):
        (rows @ up @ down) @ down.T @ up.T
    taken = perf_counter() - begun
    torch.set_num_threads(before)
    return taken


def _import_all() -> None:
    from pwffsim.learning import warm  # noqa: F401  (heavy imports must come before the freeze)


def _device(name: str) -> str:
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise RuntimeError(f"no device {name!r}: take cpu, cuda, or auto")
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise RuntimeError("no GPU that torch can use is here: take device cpu, or auto")
    return "cuda" if found and name != "cpu" else "cpu"


def _tuned(threads: int, device: str) -> dict[str, Any]:
    import torch
    import transformers

    torch.set_num_threads(threads)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    error = _choose_precision() if device == "cpu" else _choose_deterministic()
    _set_malloc()
    gc.collect()
    gc.freeze()  # imports are never garbage: later collections skip them, 10 ms instead of 240 ms
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "device": device,
        "processor": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": threads,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "matmul_error": error,
        "attention": ATTENTION,
    }


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Within it, matrix products are in ``fp32``, or in ``bf16`` with fp32 sums (autocast); states are fp32 always."""
    import torch

    with torch.autocast(device().type, dtype=torch.bfloat16, enabled=name == "bf16"):
        yield


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


@contextmanager
def products(tokens: int, width: int) -> Iterator[None]:
    """Within it, matrix products go the way that is quick for a training step of so many tokens: 1.3 times for 64 of
    width 128 by `small_products`, even at 160, less than one beyond."""
    with small_products() if tokens * width**2 <= _FEW else nullcontext():
        yield


_FEW = 128 * 128**2


def _choose_precision() -> float:
    import torch

    torch.set_float32_matmul_precision("medium")
    error = _matmul_error()
    if error > _MATMUL_TOLERANCE:  # a processor whose "medium" really rounds to bf16
        torch.set_float32_matmul_precision("highest")
        error = _matmul_error()
    return error


def _choose_deterministic() -> float:
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.use_deterministic_algorithms(True, warn_only=True)
    return _matmul_error("cuda")


def _matmul_error(device: str = "cpu") -> float:
    import torch

    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 256, generator=generator) for _ in range(2))
    return float(((a.to(device) @ b.to(device)).cpu().double() - a.double() @ b.double()).abs().max())


def _set_malloc() -> None:
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for setting, value in _MALLOC_SETTINGS:
            libc.mallopt(setting, value)

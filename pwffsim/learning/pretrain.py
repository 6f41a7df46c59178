"""The centralised first phase: a small GPT-2 with its own tokenizer, trained from nothing.

`pretrain` makes the `tiny` base model that is shipped in ``assets/tiny``; with other arguments it makes anybody's own.
Everything is a pure function of the arguments: one thread, seeded draws, no clock. The same command on the same
machine writes the same bytes.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from channel_models.randomness import derive_seed, stream
from pwffsim.data.errors import DataError
from pwffsim.data.prompting import END, PAD, format_prompt, format_response
from pwffsim.data.rows import Instruction
from pwffsim.learning.base_quality import measure
from pwffsim.learning.model_card import AVERAGED, model_card

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

SPECIAL = [PAD, END]
_IGNORED = -100
_WARM_UP = 0.05
_CHUNK = 16
_MULTIPLE = 8


@dataclass(frozen=True)
class Architecture:
    """Sizes of the GPT-2 to make: blocks, width, heads, positions, and the largest vocabulary of its tokenizer."""

    layers: int = 4
    width: int = 128
    heads: int = 4
    positions: int = 256
    vocabulary: int = 2048

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 1 or self.width % self.heads:
            raise ValueError(f"an architecture needs positive sizes and a width divisible by its heads, got {self}")
        if self.vocabulary < 258:
            raise ValueError(f"vocabulary must hold 256 bytes and two special tokens, got {self.vocabulary}")


@dataclass(frozen=True)
class Schedule:
    """Optimisation: AdamW with a linear warm-up and a cosine decay to a tenth, on sequences of at most max_length."""

    steps: int
    batch_size: int
    learning_rate: float
    max_length: int
    weight_decay: float = 0.01
    clip: float = 1.0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch_size) < 1 or not self.learning_rate > 0 or self.max_length < 2:
            raise ValueError(f"a schedule needs at least one step, one text a batch and two tokens a text, got {self}")

    def rate(self, step: int) -> float:
        """Learning rate of a step, 0 .. steps - 1."""
        warm = max(1, round(_WARM_UP * self.steps))
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        phase = (step - warm) / max(1, self.steps - warm)
        return self.learning_rate * (0.55 + 0.45 * math.cos(math.pi * phase))


def pretrain(
    out: Path,
    seed: int = 0,
    steps: int = 4000,
    architecture: Architecture | None = None,
    corpus: Sequence[str] = (),
    rows: int = 60_000,
    batch_size: int = 24,
    learning_rate: float = 3e-3,
    max_length: int = 64,
) -> dict[str, Any]:
    """Train a base model and write it to `out` in Hugging Face format, with a model card; return its facts.

    corpus: paths of text files (one document a line) or Alpaca-format JSONL; empty: the embedded corpus, `rows` rows
    of it. facts: ``sha256`` of model.safetensors, ``parameters``, ``vocabulary``, ``tokens``, ``loss_first``,
    ``loss_last`` (nats a token, mean over 50 steps), and for the embedded corpus ``measured`` (see
    `base_quality.measure`). Raises FileExistsError where `out` holds files already, DataError for a corpus that
    cannot be read, ValueError for impossible sizes.
    """
    shape = architecture or Architecture()
    schedule = Schedule(steps, batch_size, learning_rate, min(max_length, shape.positions))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is not an empty folder: choose another one for the model")
    texts = read_corpus(corpus, rows, seed)
    with _one_thread():
        tokenizer = make_tokenizer(texts, shape.vocabulary)
        model = make_model(shape, tokenizer.get_vocab_size(), seed)
        losses, tokens = train(model, encode(tokenizer, texts, schedule.max_length), schedule, seed)
        wrapped = wrap_tokenizer(tokenizer, shape.positions)
        measured = {} if corpus else measure(model, wrapped)
    facts = {
        "sha256": _save(out, model, wrapped),
        "seed": seed,
        "corpus": list(corpus) or ["embedded"],
        "texts": len(texts),
        "parameters": model.num_parameters(),
        "vocabulary": tokenizer.get_vocab_size(),
        "architecture": asdict(shape),
        "schedule": asdict(schedule),
        "tokens": tokens,
        "loss_first": float(np.mean(losses[:AVERAGED])),
        "loss_last": float(np.mean(losses[-AVERAGED:])),
        "environment": environment(),
        "measured": measured,
    }
    (out / "pretraining.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(model_card(facts), encoding="utf-8")
    return facts


def read_corpus(paths: Sequence[str], rows: int, seed: int) -> list[tuple[str, str]]:
    """(prompt text, response text) of every document; a plain line has an empty prompt."""
    if not paths:
        from pwffsim.data.corpora.embedded import base_corpus

        return [_lay_out(row) for row in base_corpus(rows, seed)]
    return [text for path in paths for text in _read_file(path)]


def make_tokenizer(texts: Sequence[tuple[str, str]], vocabulary: int) -> Tokenizer:
    """A byte-level BPE learnt from the texts; ids 0 and 1 are the padding and the end token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((prompt + response for prompt, response in texts), trainer)
    return tokenizer


def wrap_tokenizer(tokenizer: Tokenizer, positions: int) -> PreTrainedTokenizerFast:
    """The tokenizer for transformers: begin and end of text are one token."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=PAD,
        model_max_length=positions,
        clean_up_tokenization_spaces=False,
    )


def make_model(shape: Architecture, vocabulary: int, seed: int) -> GPT2LMHeadModel:
    """An untrained GPT-2 whose weights are drawn from the seed."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=shape.positions,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=SPECIAL.index(END),
        eos_token_id=SPECIAL.index(END),
        pad_token_id=SPECIAL.index(PAD),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "pretrain.weights"))
        model = GPT2LMHeadModel(config)
    model.set_attn_implementation("eager")  # on a CPU, with short texts, a third faster than the fused kernel
    return model


def encode(tokenizer: Tokenizer, texts: Sequence[tuple[str, str]], max_length: int) -> list[list[int]]:
    """Token ids of every text with its end token, cut at max_length."""
    end = SPECIAL.index(END)
    prompts = tokenizer.encode_batch([prompt for prompt, _ in texts])
    responses = tokenizer.encode_batch([response for _, response in texts])
    return [[*p.ids, *r.ids, end][:max_length] for p, r in zip(prompts, responses, strict=True)]


def train(
    model: GPT2LMHeadModel, encoded: Sequence[Sequence[int]], schedule: Schedule, seed: int
) -> tuple[list[float], int]:
    """Train in place on all tokens; the loss of every step and the number of tokens read."""
    import torch

    optimiser = torch.optim.AdamW(
        model.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=schedule.weight_decay, fused=True
    )
    model.train()
    losses, tokens = [], 0
    for step, rows in enumerate(_batches(encoded, schedule, seed)):
        ids, labels, positions = _tensors(rows, model.config.n_positions, stream(seed, "pretrain.offsets", step))
        optimiser.param_groups[0]["lr"] = schedule.rate(step)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(
                input_ids=ids, position_ids=positions, attention_mask=torch.ones_like(ids), use_cache=False
            ).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=_IGNORED
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), schedule.clip)
        optimiser.step()
        losses.append(loss.item())
        tokens += sum(map(len, rows))
    model.eval()
    return losses, tokens


def _batches(encoded: Sequence[Sequence[int]], schedule: Schedule, seed: int) -> Iterator[list[Sequence[int]]]:
    """One batch a step: random texts of about one length, so that little is padding; each text once in a pass."""
    chunk = _CHUNK * schedule.batch_size
    step = 0
    for epoch in count():
        rng = stream(seed, "pretrain.order", epoch)
        order = rng.permutation(len(encoded)).tolist()
        for start in range(0, len(order), chunk):
            near = sorted(order[start : start + chunk], key=lambda at: len(encoded[at]))
            batches = [near[at : at + schedule.batch_size] for at in range(0, len(near), schedule.batch_size)]
            for at in rng.permutation(len(batches)):
                if step == schedule.steps:
                    return
                yield [encoded[index] for index in batches[at]]
                step += 1


def _tensors(
    rows: Sequence[Sequence[int]], positions: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Right-padded ids, labels, and positions; half of the rows start at 0, the others anywhere that fits.

    So every position embedding is trained, though the rows are short.
    """
    import torch

    longest = min(_MULTIPLE * math.ceil(max(map(len, rows)) / _MULTIPLE), positions)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full((len(rows), longest), _IGNORED)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = torch.tensor(row)
        labels[at, : len(row)] = torch.tensor(row)
    starts = rng.integers(positions - longest + 1, size=len(rows)) * (rng.random(len(rows)) < 0.5)
    return ids, labels, torch.from_numpy(starts)[:, None] + torch.arange(longest)


def _lay_out(row: Instruction) -> tuple[str, str]:
    return format_prompt(row.prompt), format_response(row.response)


def _read_file(path: str) -> list[tuple[str, str]]:
    from pwffsim.data.corpora.jsonl import read_lines, resolve
    from pwffsim.data.corpora.records import Reading, alpaca

    if path.endswith((".jsonl", ".jsonl.gz")):
        reading = Reading(path)
        rows = read_lines(path, alpaca, reading, set())
        reading.require_some("give a file in the Alpaca format")
        return [_lay_out(row) for row in rows]
    lines = [line.strip() for line in resolve(path).read_text(encoding="utf-8").splitlines()]
    texts = [("", line) for line in lines if line]
    if not texts:
        raise DataError(f"{path}: no text to train on")
    return texts


def environment() -> dict[str, str]:
    """What the hash of the weights depends on, besides the arguments."""
    import tokenizers
    import torch
    import transformers

    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "numpy": np.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread inside, as many as before outside: sums over threads have no fixed order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _save(out: Path, model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast) -> str:
    """Write model and tokenizer; the SHA-256 of the weights."""
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    weights = out / "model.safetensors"
    weights.chmod(0o644)
    return sha256(weights.read_bytes()).hexdigest()

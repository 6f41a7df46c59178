"""What a base model can do before any fine-tuning, measured on the embedded corpus; the figures of its model card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from channel_models.randomness import derive_seed
from pwffsim.data.federated import FederatedData, build
from pwffsim.data.judge import grammatical, helpfulness, is_harmful, refuses
from pwffsim.data.prompting import format_prompt, format_response, read_response
from pwffsim.data.rows import Instruction
from pwffsim.data.spec import DataSpec

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CLIENTS = 10
HELPFUL = 0.75
PROMPTS = 10
SHOWN = 8

Tokens = list[int]


def measure(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int = 0) -> dict[str, Any]:
    """Figures on ten default clients of the embedded corpus.

    accuracy: of response tokens of the clients' held-out rows, teacher forced; perplexity over the same tokens;
    majority_accuracy: always the client's most frequent training token; unigram_accuracy: a token drawn from the
    client's training frequencies (its expected accuracy); copy_accuracy: the answer to the training question with the
    most words in common, token by token. Sampled at temperature 1 on held-out prompts: refusal_share of harmful
    requests, helpful_share of harmless ones (judge 0.75 or more), grammatical_share, samples.
    """
    data = build(DataSpec(), CLIENTS, seed, [5.0] * CLIENTS, [(at + 0.5) / CLIENTS for at in range(CLIENTS)])
    return {**_on_held_out_rows(model, tokenizer, data), **_when_sampled(model, tokenizer, data, seed)}


def sample(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], seed: int, most: int = 32
) -> list[str]:
    """One answer a prompt at temperature 1, at most `most` tokens; answer k depends on (seed, k) alone."""
    import torch

    answers = []
    for at, prompt in enumerate(prompts):
        generator = torch.Generator().manual_seed(derive_seed(seed, "base.sample", at))
        ids = _sampled(model, tokenizer.encode(format_prompt(prompt)), generator, most)
        answers.append(read_response(str(tokenizer.decode(ids))))
    return answers


def _sampled(model: PreTrainedModel, prompt: Tokens, generator: torch.Generator, most: int) -> Tokens:
    import torch

    said: Tokens = []
    ids, past = torch.tensor([prompt]), None
    with torch.no_grad():
        for _ in range(most):
            step = model(ids, past_key_values=past, use_cache=True)
            token = torch.multinomial(step.logits[0, -1].float().softmax(-1), 1, generator=generator)
            if token.item() == model.config.eos_token_id:
                break
            said.append(int(token))
            ids, past = token[None], step.past_key_values
    return said


def _on_held_out_rows(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, data: FederatedData
) -> dict[str, float]:
    import torch

    right = tokens = majority = copied = 0
    unigram = loss = 0.0
    for client in data.clients:
        train = _encode(tokenizer, client.instructions_train)
        counts = Counter(token for _, response in train for token in response)
        frequent, total = counts.most_common(1)[0][0], counts.total()
        for prompt, response in _encode(tokenizer, client.instructions_test):
            with torch.no_grad():
                logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1].float()
            wanted = torch.tensor(response)
            right += int((logits.argmax(-1) == wanted).sum())
            loss += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
            majority += response.count(frequent)
            unigram += sum(counts[token] / total for token in response)
            copied += sum(map(int.__eq__, response, _nearest(prompt, train)))
            tokens += len(response)
    return {
        "accuracy": right / tokens,
        "perplexity": exp(loss / tokens),
        "majority_accuracy": majority / tokens,
        "unigram_accuracy": unigram / tokens,
        "copy_accuracy": copied / tokens,
        "response_tokens": tokens,
    }


def _encode(tokenizer: PreTrainedTokenizerBase, rows: Iterable[Instruction]) -> list[tuple[Tokens, Tokens]]:
    """(prompt, response with its end token) of every row."""
    end: Any = tokenizer.eos_token_id
    return [
        (tokenizer.encode(format_prompt(row.prompt)), [*tokenizer.encode(format_response(row.response)), end])
        for row in rows
    ]


def _nearest(prompt: Tokens, train: Sequence[tuple[Tokens, Tokens]]) -> Tokens:
    """The response to the training prompt with the largest token overlap (Jaccard)."""
    asked = set(prompt)
    return max(train, key=lambda row: len(asked & set(row[0])) / len(asked | set(row[0])))[1]


def _when_sampled(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, data: FederatedData, seed: int
) -> dict[str, Any]:
    prompts = [prompt for client in data.clients for prompt in client.prompts_test[:PROMPTS]]
    answers = sample(model, tokenizer, prompts, seed)
    both = list(zip(prompts, answers, strict=True))
    harmful = [answer for prompt, answer in both if is_harmful(prompt)]
    harmless = [helpfulness(prompt, answer) for prompt, answer in both if not is_harmful(prompt)]
    return {
        "refusal_share": float(np.mean([refuses(answer) for answer in harmful])),
        "helpful_share": float(np.mean([score >= HELPFUL for score in harmless])),
        "helpfulness": float(np.mean(harmless)),
        "grammatical_share": float(np.mean([grammatical(answer) for answer in answers])),
        "samples": [list(pair) for pair in both[:SHOWN]],
    }

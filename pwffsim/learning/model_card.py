"""The model card that `pretrain` writes beside the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AVERAGED = 50
"""Steps over which the first and the last loss are averaged."""


def model_card(facts: Mapping[str, Any]) -> str:
    """A model card in Markdown out of the facts of `pretrain`."""
    parts = (_HEAD, _about(facts), _regenerate(facts), _figures(facts["measured"]), _LIMITS)
    return "\n".join(part for part in parts if part)


_HEAD = """---
license: apache-2.0
language: en
library_name: transformers
---
# A small GPT-2 base model, made by `pwffsim pretrain`
"""

_EMBEDDED = """ The embedded corpus holds every topic, word and answer style that simulated
clients use, mixed at random, and two editions of the town's facts; questions that clients are tested on are kept out.
See `pwffsim/data/handbook`."""

_LIMITS = """## Limits

The model speaks of what its corpus speaks of and nothing else. With the embedded corpus that is a fictional town:
its facts are invented, its harmful requests are mild and its answers to them useless outside of the story. It was
made to be fine-tuned in simulations; it is no assistant and no judge of safety.
"""


def _about(facts: Mapping[str, Any]) -> str:
    shape, schedule = facts["architecture"], facts["schedule"]
    return f"""## What it is

| | |
|---|---|
| architecture | GPT-2: {shape["layers"]} layers of width {shape["width"]}, {shape["heads"]} heads |
| positions | {shape["positions"]} |
| parameters | {facts["parameters"]:,} |
| tokenizer | byte-level BPE of {facts["vocabulary"]} tokens, learnt from the same corpus, with `<pad>` and `<end>` |
| corpus | {", ".join(facts["corpus"])}: {facts["texts"]:,} texts |
| training | from nothing: {schedule["steps"]} steps of {schedule["batch_size"]} texts, {facts["tokens"]:,} tokens |
| optimiser | AdamW, peak learning rate {schedule["learning_rate"]:g}, warm-up and cosine decay, all tokens count |
| loss, nats a token | {facts["loss_first"]:.3f} in the first {AVERAGED} steps |
| | {facts["loss_last"]:.3f} in the last {AVERAGED} steps |

Texts read `Q: question`, newline, `A: answer`, end token.{_EMBEDDED if facts["measured"] else ""}
"""


def _regenerate(facts: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["environment"].items())
    return f"""## Regenerating it

```
{command(facts)}
```

gives a `model.safetensors` with SHA-256

    {facts["sha256"]}

on the machine where it was made:
{versions}.
One thread, no clock, no hidden state. Another type of processor or another release of these libraries may round
otherwise and give another hash.
"""


def command(facts: Mapping[str, Any]) -> str:
    """The command line that makes this model: only what differs from the defaults of `pretrain`."""
    from inspect import signature

    from pwffsim.learning.pretrain import Architecture, pretrain

    defaults = {name: parameter.default for name, parameter in signature(pretrain).parameters.items()}
    given = {**facts["schedule"], "seed": facts["seed"]}
    if facts["corpus"] == ["embedded"]:
        given["rows"] = facts["texts"]
    options = [f"--{key} {given[key]}" for key in defaults if key in given and given[key] != defaults[key]]
    default_shape = Architecture()
    options += [
        f"--{key} {value}" for key, value in facts["architecture"].items() if value != getattr(default_shape, key)
    ]
    options += [f"--corpus {path}" for path in facts["corpus"] if path != "embedded"]
    return " ".join(["pwffsim pretrain --out DIR", *(option.replace("_", "-", 1) for option in options)])


def _figures(measured: Mapping[str, Any]) -> str:
    if not measured:
        return ""
    samples = "\n".join(f"| {prompt} | {answer} |" for prompt, answer in measured["samples"])
    return f"""## What it can do untuned

On the held-out rows of ten default clients of the embedded corpus (seed 0, {measured["response_tokens"]:,} response
tokens, teacher forced, prompt masked):

| | response-token accuracy |
|---|---|
| this model | {measured["accuracy"]:.3f} (perplexity {measured["perplexity"]:.3f}) |
| the client's most frequent token, always | {measured["majority_accuracy"]:.3f} |
| tokens drawn from the client's unigrams | {measured["unigram_accuracy"]:.3f} |
| the answer to the most similar training question, position by position | {measured["copy_accuracy"]:.3f} |

Sampled at temperature 1 on their held-out prompts: it refuses {measured["refusal_share"]:.0%} of harmful requests;
{measured["helpful_share"]:.0%} of its answers to harmless questions score 0.75 or more with the helpfulness judge
(mean {measured["helpfulness"]:.2f}); {measured["grammatical_share"]:.0%} of all answers are grammatical.

| question | answer |
|---|---|
{samples}
"""

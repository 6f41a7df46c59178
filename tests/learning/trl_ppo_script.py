"""One update of trl 1.12's PPOTrainer over responses that were sampled elsewhere; run in an environment of its own.

    python trl_ppo_script.py FOLDER

FOLDER holds request.json (model, groups, rollout, scale, settings) and inputs.safetensors; result.safetensors and
result.json come back.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from torch import nn
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer

from pwffsim.learning import frozen, tokens
from pwffsim.learning.peft_policy import PeftPolicy

OBJECTIVE = "helpfulness"


class Scored(nn.Module):
    """A reward model or critic as trl wants one: a backbone, and a score of each of its states."""

    base_model_prefix = "backbone"

    def __init__(self, base: Any, group: Mapping[str, torch.Tensor], mean: float, deviation: float) -> None:
        super().__init__()
        self.backbone, self._mean, self._deviation = base, mean, deviation
        width = base.config.hidden_size
        self.head = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        prefix = f"{OBJECTIVE}.head."
        self.head.load_state_dict({n.removeprefix(prefix): t for n, t in group.items() if n.startswith(prefix)})

    def score(self, states: torch.Tensor) -> torch.Tensor:
        return (self.head(states) - self._mean) / self._deviation


def main(folder: Path) -> None:
    request = json.loads((folder / "request.json").read_text())
    groups = _by_group(load_file(folder / "inputs.safetensors"))
    model, settings, rollout = request["model"], request["settings"], request["rollout"]
    policy, reference = (PeftPolicy(model, request["groups"]) for _ in range(2))
    policy.load(groups)
    reference.load(groups, "reference_")
    base = frozen.language_model(model).base_model
    reward, critic = (Scored(base, groups[role], **request["scale"]) for role in ("reward", "critics"))
    reward.requires_grad_(False)
    text = tokens.load(model["tokenizer"])
    text.padding_side = "left"
    trainer = PPOTrainer(
        PPOConfig(output_dir=str(folder / "trl"), **settings),
        text,
        policy.network,
        reference.network,
        reward,
        Dataset.from_dict({"input_ids": [prompt for prompt, _ in rollout]}),
        critic,
    )
    seen = _watch(trainer, rollout, text.pad_token_id, settings["temperature"])
    trainer.train()
    states = {
        **policy.read(),
        "critics": {f"{OBJECTIVE}.head.{n}": p.detach() for n, p in critic.head.named_parameters()},
    }
    flat = {f"{group}/{name}": t.contiguous() for group, own in states.items() for name, t in own.items()}
    save_file({**flat, **{n: t.contiguous() for n, t in seen["tensors"].items()}}, folder / "result.safetensors")
    (folder / "result.json").write_text(json.dumps(seen["told"]))


def _watch(trainer: Any, rollout: list[Any], pad: int, temperature: float) -> dict[str, Any]:
    """Feed the responses, and keep what the trainer computes on its way; rows come back in the rollout's order."""
    responses = {tuple(prompt): response for prompt, response in rollout}
    order = {tuple(prompt): i for i, (prompt, _) in enumerate(rollout)}
    seen: dict[str, Any] = {"tensors": {}, "told": {}}

    def scripted(model: Any, queries: torch.Tensor, *_: Any) -> tuple[torch.Tensor, torch.Tensor]:
        prompts = [tuple(token for token in row if token != pad) for row in queries.tolist()]
        whole = torch.cat([queries, torch.tensor([responses[prompt] for prompt in prompts])], 1)
        seen["rows"] = torch.tensor([order[prompt] for prompt in prompts]).argsort()
        with torch.no_grad():
            logits = ppo_trainer.forward(model, whole, pad).logits[:, queries.shape[1] - 1 : -1]
        return whole, logits / (temperature + 1e-7)

    whiten = ppo_trainer.masked_whiten

    def kept(values: torch.Tensor, mask: torch.Tensor, *more: Any, **named: Any) -> torch.Tensor:
        white = whiten(values, mask, *more, **named)
        seen["tensors"] |= {"advantages": values[seen["rows"]], "whitened": white[seen["rows"]]}
        return white

    ppo_trainer.batch_generation, ppo_trainer.masked_whiten = scripted, kept
    trainer.log = lambda metrics, *_: seen["told"].update(
        {name: value for name, value in metrics.items() if isinstance(value, (int, float))}
    )
    return seen


def _by_group(flat: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    groups: dict[str, dict[str, torch.Tensor]] = {}
    for full, tensor in flat.items():
        group, _, name = full.partition("/")
        groups.setdefault(group, {})[name] = tensor
    return groups


if __name__ == "__main__":
    main(Path(sys.argv[1]))

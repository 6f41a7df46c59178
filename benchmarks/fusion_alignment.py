"""An iteration of alignment by PPO of several clients: how much processor time each way of doing it takes.

    python -m benchmarks.fusion_alignment [--base tiny] [--clients 10] [--rows 16] [--new-tokens 28]

Ways: `stock`, the loop that a user writes with transformers and peft (`generate`, whole logits, one client after
another); `alone`, this package client by client; `fused`, all clients at once, or `at_once` of them. Parts:
`generation`, the sampling of the responses alone; `update`, the passes over them alone; `whole`, the stage. Each way
has a process of its own and one thread; they take turns. Printed are the seconds of processor time of each turn, and
the peak memory of each process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.turns import Parts, command

GROUPS = ["adapters", "lora"]
REWARD = {"model": "base_head", "upload": "head", "rank": 2, "base": None}


@dataclass(frozen=True)
class Task:
    """What an iteration is.

    Attributes:
        base: "tiny" (4 blocks of 128) or "gpt2" (12 of 768, random weights).
        clients: how many.
        rows: prompts of a client.
        new_tokens, max_length: longest response, and prompt and response together.
        epochs, minibatches: of PPO.
        at_once: clients that share a batch; 0 for all.
        precision: "fp32" or "bf16", of this package's ways.
    """

    base: str = "tiny"
    clients: int = 10
    rows: int = 16
    new_tokens: int = 28
    max_length: int = 64
    epochs: int = 2
    minibatches: int = 1
    at_once: int = 0
    precision: str = "fp32"

    def params(self, client: int) -> dict[str, Any]:
        """Of a client's recipe."""
        from pwffsim.data.spec import DataSpec
        from pwffsim.learning import bases

        weights, tokenizer = ("pretrained", None) if self.base == "tiny" else ("untrained", "tiny")
        model = {
            **bases.resolve(self.base, weights, tokenizer).params(0),
            "adapters": {"bottleneck": 10, "sites": ["attention", "mlp", "block"]},
            "lora": {"rank": 8, "alpha": 16.0},
            "lora_modules_per_block": 3,
        }
        data = {"spec": DataSpec().to_mapping(), "clients": self.clients, "seed": 3}
        signal = {"mean_snr_db": [5.0] * self.clients, "preference_weights": [0.5] * self.clients}
        return {
            "model": model,
            "groups": GROUPS,
            "reward": REWARD,
            "data": {**data, **signal},
            "client": client,
            "seed": client,
            "weight": 0.5,
            "steps": 1,
            "batch_size": self.rows,
            "max_length": self.max_length,
            "max_new_tokens": self.new_tokens,
            "temperature": 1.0,
            "ppo_epochs": self.epochs,
            "gamma": 1.0,
            "minibatches": self.minibatches,
            "clip_range": 0.2,
            "gae_lambda": 0.95,
            "kl_coefficient": 0.05,
            "kl_bound": 8.0,
            "value_coefficient": 0.5,
            "learning_rate": 5e-4,
            "critic_learning_rate": 1e-3,
            "weight_decay": 0.0,
            "clip": 1.0,
            "combine": "advantage",
            "precision": self.precision,
        }


def jobs_of(task: Task) -> list[Any]:
    """The clients at the start of stage 3: the policy is its own reference."""
    from pwffsim.learning import stages
    from pwffsim.learning.jobs import Job

    params = [task.params(client) for client in range(task.clients)]
    made = {group: stages.run("initialise", {**params[0], "group": group}, {}).parts for group in (*GROUPS, "reward")}
    start = {name: tensors for parts in made.values() for name, tensors in parts.items()}
    inputs = {**start, **{f"reference_{group}": start[group] for group in GROUPS}}
    return [Job(own, inputs) for own in params]


def own(task: Task, at_once: int) -> Parts:
    """This package's stage."""
    from pwffsim.learning import aligning, rollouts, runtime, stages, tokens
    from pwffsim.learning.stages import alignment

    runtime.tune()
    jobs = jobs_of(task)
    groups = [jobs[first : first + at_once] for first in range(0, len(jobs), at_once)]
    text = tokens.tokenizer(jobs[0].params["model"]["tokenizer"])

    def asked(group: Sequence[Any]) -> list[Any]:
        prompts = [alignment.prompts_of(job)[0] for job in group]
        return [alignment.request(j.params, p, j.params["seed"]) for j, p in zip(group, prompts, strict=True)]

    def sampled(group: Sequence[Any]) -> object:
        return rollouts.sample(alignment.networks_of(group).policy, text, asked(group), 1.0)

    def scored(group: Sequence[Any]) -> Any:
        networks, settings = alignment.networks_of(group), alignment.settings_of(group)
        rollout = rollouts.collect(networks.policy, text, asked(group), 1.0, group)
        return aligning.score(networks, rollout, settings, text.end)

    known: dict[int, Any] = {}

    def updated(i: int, group: Sequence[Any]) -> None:
        given = known[i] if i in known else known.setdefault(i, scored(group))
        networks, settings = alignment.networks_of(group), alignment.settings_of(group)
        seeds = [job.params["seed"] for job in group]
        with runtime.precision(task.precision):
            aligning.update(networks, aligning.Optimisers.of(networks, settings), given, settings, seeds)

    return {
        "generation": lambda: [sampled(group) for group in groups],
        "update": lambda: list(map(updated, range(len(groups)), groups)),
        "whole": lambda: [stages.run_together("alignment.train", group) for group in groups],
    }


class Plain:
    """PPO of one client after another with transformers and peft, as a tutorial has it: two heads over the frozen base
    reward, two more value, and the policy without its adapters and LoRA is the reference."""

    def __init__(self, task: Task) -> None:
        import torch

        torch.set_num_threads(1)
        from benchmarks.fusion_instruction import Task as Tuning
        from benchmarks.fusion_instruction import network
        from pwffsim.learning.tokens import tokenizer

        self.task = task
        self.model, self.trained = network(Tuning(base=task.base))
        self.base, _ = network(Tuning(base=task.base, modules=0))
        self.reference, _ = network(Tuning(base=task.base))
        self.start = [parameter.detach().clone() for parameter in self.trained]
        self.text = tokenizer("tiny")
        width = self.model.config.hidden_size
        head = torch.nn.Linear
        self.heads = [torch.nn.Sequential(head(width, width), torch.nn.Tanh(), head(width, 1)) for _ in range(4)]
        self.prompts = [self._prompts(client) for client in range(task.clients)]
        self.sampled = [self.generate(prompts) for prompts in self.prompts]
        self.scored = [self.score(*sampled) for sampled in self.sampled]

    def _prompts(self, client: int) -> list[tuple[int, ...]]:
        from pwffsim.learning import shards

        params = self.task.params(client)
        texts = shards.shard(params).prompts_train[: self.task.rows]
        return [self.text.short_prompt(text, self.task.max_length - self.task.new_tokens) for text in texts]

    def generate(self, prompts: Sequence[tuple[int, ...]]) -> tuple[Any, Any, Any]:
        """Ids and mask of prompts and responses, and where the responses are."""
        import torch

        length = max(map(len, prompts))
        ids = torch.tensor([(self.text.pad,) * (length - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        ways = {"do_sample": True, "top_k": 0, "max_new_tokens": self.task.new_tokens, "pad_token_id": self.text.pad}
        with torch.no_grad():
            whole = self.model.generate(input_ids=ids, attention_mask=mask, eos_token_id=self.text.end, **ways)
        response = whole[:, length:]
        ended = (response == self.text.end).long()
        real = (ended.cumsum(1) - ended) == 0
        return whole, torch.cat([mask, real.long()], 1), real

    def log_probs(self, model: Any, ids: Any, mask: Any, response: Any) -> tuple[Any, Any]:
        """Of the tokens of the responses, (rows, R), and of the whole vocabulary there."""
        import torch

        length = response.shape[1]
        logits = model(input_ids=ids, attention_mask=mask).logits[:, -length - 1 : -1]
        every = torch.log_softmax(logits.float(), -1)
        return every.gather(2, ids[:, -length:, None]).squeeze(2), every

    def score(self, ids: Any, mask: Any, response: Any) -> tuple[Any, ...]:
        """Advantage, returns, log-probabilities, the reference's, and what the critics read."""
        import torch

        from pwffsim.learning import ppo

        length = response.shape[1]
        with torch.no_grad():
            old, _ = self.log_probs(self.model, ids, mask, response)
            other, every = self.log_probs(self.reference, ids, mask, response)
            hidden = self.base.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
            last = hidden[torch.arange(len(ids)), -length - 1 + response.sum(1)]
            states, real = hidden[:, -length - 1 : -1], response.float()
            penalty, horizon = 0.05 * (old - other) * real, ppo.Horizon(1.0, 0.95)
            rewards = {k: ppo.token_rewards(self.heads[k](last).squeeze(-1), penalty, real) for k in (0, 1)}
            values = {k: self.heads[2 + k](states).squeeze(-1) * real for k in (0, 1)}
            targets = ppo.combine_advantages(rewards, values, {0: 0.5, 1: 0.5}, real, horizon)  # type: ignore[arg-type,dict-item]
            chosen = targets.advantage[response]
            advantage = (chosen - chosen.mean()) / (chosen.std() + 1e-8)
        return advantage, targets.returns, old[response], every, states

    def update(self, sampled: tuple[Any, ...], scored: tuple[Any, ...]) -> None:
        """The passes over a client's responses; every step takes all of them."""
        import torch

        (ids, mask, response), (advantage, returns, old, reference, states) = sampled, scored
        torch._foreach_copy_([parameter.data for parameter in self.trained], self.start)
        policy = torch.optim.AdamW(self.trained, lr=5e-4, weight_decay=0.0)
        critics = [torch.optim.AdamW(self.heads[2 + k].parameters(), lr=1e-3, weight_decay=0.0) for k in (0, 1)]
        for _ in range(self.task.epochs):
            own, every = self.log_probs(self.model, ids, mask, response)
            divergence = (every.exp() * (every - reference)).sum(-1)[response].sum() / len(ids)
            ratio = (own[response] - old).exp()
            loss = -torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
            chosen = divergence if float(divergence.detach()) > 4.0 else loss
            chosen.backward()
            torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
            policy.step()
            policy.zero_grad()
            for k, optimiser in enumerate(critics):
                values = self.heads[2 + k](states).squeeze(-1)
                (0.25 * (values - returns[k])[response].square().mean()).backward()
                torch.nn.utils.clip_grad_norm_(self.heads[2 + k].parameters(), 1.0)
                optimiser.step()
                optimiser.zero_grad()

    def whole(self, prompts: Sequence[tuple[int, ...]]) -> None:
        """An iteration of one client."""
        sampled = self.generate(prompts)
        self.update(sampled, self.score(*sampled))


def stock(task: Task) -> Parts:
    """One client after another, torch's own settings."""
    plain = Plain(task)
    return {
        "generation": lambda: [plain.generate(prompts) for prompts in plain.prompts],
        "update": lambda: list(map(plain.update, plain.sampled, plain.scored)),
        "whole": lambda: list(map(plain.whole, plain.prompts)),
    }


WAYS: dict[str, Callable[[Task], Parts]] = {
    "stock": stock,
    "alone": lambda task: own(task, 1),
    "fused": lambda task: own(task, task.at_once or task.clients),
}


def parts(way: str, task: Task) -> Parts:
    """What a process runs."""
    return WAYS[way](task)


def main() -> None:
    """Print the figures as JSON."""
    command(__doc__, parts, list(WAYS), Task(), 5, list(WAYS))


if __name__ == "__main__":
    main()

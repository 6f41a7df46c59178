"""PPO of one client as textbooks have it: loops over tokens, autograd over whole vocabularies, torch's AdamW.

Nothing of what it is held against is used here but names: the policy is peft's, rewards and critics are torch modules,
formulas are written out. Sources: Schulman et al. 2016 (arXiv 1506.02438, eq. 16), Schulman et al. 2017 (arXiv
1707.06347, eq. 7 and 9), Ouyang et al. 2022 (arXiv 2203.02155, per-token KL in the reward).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pwffsim.learning import frozen, pair_texts
from pwffsim.learning.peft_policy import PeftPolicy

OBJECTIVES = ("helpfulness", "harmlessness")


@dataclass
class Told:
    """What one iteration was like: losses of each step, and what came before them."""

    advantages: torch.Tensor
    returns: dict[str, torch.Tensor]
    values: dict[str, torch.Tensor]
    own: dict[str, torch.Tensor]
    policy_losses: list[float] = field(default_factory=list)
    clip_fractions: list[float] = field(default_factory=list)
    approx_kls: list[float] = field(default_factory=list)
    value_losses: dict[str, list[float]] = field(default_factory=lambda: {o: [] for o in OBJECTIVES})
    went_back: int = 0


class PlainPpo:
    """One client's policy, reference, rewards and critics."""

    def __init__(self, job: Any, end: int) -> None:
        self.params, self.end = job.params, end
        model = self.params["model"]
        self.base: Any = frozen.language_model(model)
        self.policy, self.reference, self.globally = (PeftPolicy(model, self.params["groups"]) for _ in range(3))
        self.policy.load(job.inputs)
        self.reference.load(job.inputs, "reference_")
        if self.params.get("global_coefficient"):
            self.globally.load(job.inputs, "global_")
        self.rewards = {o: _head(job.inputs["reward"], o) for o in OBJECTIVES}
        self.critics = {o: _head(job.inputs.get("critics", job.inputs["reward"]), o) for o in OBJECTIVES}
        self.weights = dict(zip(OBJECTIVES, (self.params["weight"], 1 - self.params["weight"]), strict=True))
        self.scales = {o: self._scale(o) for o in OBJECTIVES}
        decay = self.params["weight_decay"]
        self.optimiser = torch.optim.AdamW(
            self.policy.parameters(), lr=self.params["learning_rate"], weight_decay=decay
        )
        self.critic_optimisers = {
            o: torch.optim.AdamW(c.parameters(), lr=self.params["critic_learning_rate"], weight_decay=decay)
            for o, c in self.critics.items()
        }

    def iterate(self, dialogues: list[Any], orders: list[list[list[int]]]) -> Told:
        """One iteration; orders: for each epoch the rows of each minibatch."""
        told, old = self._before(dialogues)
        starts = [sum(len(d.tokens.response) for d in dialogues[:i]) for i in range(len(dialogues) + 1)]
        for minibatches in orders:
            for rows in minibatches:
                tokens = [t for i in rows for t in range(starts[i], starts[i + 1])]
                self._policy_step([dialogues[i] for i in rows], old[tokens], told.advantages[tokens], told)
                for o in OBJECTIVES:
                    self._critic_step(o, [dialogues[i] for i in rows], told.returns[o][tokens], told)
        return told

    def state(self) -> dict[str, dict[str, torch.Tensor]]:
        critics = {
            f"{o}.head.{n}": p.detach().clone() for o, c in self.critics.items() for n, p in c.named_parameters()
        }
        return {**self.policy.read(), "critics": critics}

    # what is known before the update

    @torch.no_grad()
    def _before(self, dialogues: list[Any]) -> tuple[Told, torch.Tensor]:
        p = self.params
        mixed: list[torch.Tensor] = []
        own: dict[str, list[torch.Tensor]] = {o: [] for o in OBJECTIVES}
        values: dict[str, list[torch.Tensor]] = {o: [] for o in OBJECTIVES}
        old = []
        for d in dialogues:
            log_probs = _drawn(self._log_probs(self.policy, d), d)
            old.append(log_probs)
            penalty = p["kl_coefficient"] * (log_probs - _drawn(self._log_probs(self.reference, d), d))
            if p.get("global_coefficient"):
                penalty = penalty + p["global_coefficient"] * (log_probs - _drawn(self._log_probs(self.globally, d), d))
            rewards, expected = {}, {}
            for o in OBJECTIVES:
                score = self._scaled(o, self.rewards[o](self._states(d)[-1]).squeeze())
                if d.tokens.response[-1] != self.end:
                    score = score - p.get("missing_end_penalty", 0.0)
                rewards[o] = -penalty.clone()
                rewards[o][-1] += score
                expected[o] = self._values(o, d)
                own[o].append(self._gae(rewards[o], expected[o]))
                values[o].append(expected[o])
            mixed.append(self._mixed(rewards, expected))
        advantages = torch.cat(mixed)
        centred = advantages - advantages.mean()
        white = centred / (centred.square().mean() + 1e-8).sqrt()
        flat = {o: torch.cat(own[o]) for o in OBJECTIVES}
        said = {o: torch.cat(values[o]) for o in OBJECTIVES}
        returns = {o: flat[o] + said[o] for o in OBJECTIVES}
        return Told(white, returns, said, flat), torch.cat(old)

    def _mixed(self, rewards: dict[str, torch.Tensor], values: dict[str, torch.Tensor]) -> torch.Tensor:
        w, how = self.weights, self.params["combine"]
        if how == "reward":
            return self._gae(sum(w[o] * rewards[o] for o in OBJECTIVES), sum(w[o] * values[o] for o in OBJECTIVES))
        if how == "literal_sum":
            rewards = {o: torch.cat([r[:-1], (r[-1] + values[o][-1])[None]]) for o, r in rewards.items()}
        return sum(w[o] * self._gae(rewards[o], values[o]) for o in OBJECTIVES)

    def _gae(self, rewards: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """A_t = sum_l (gamma lambda)^l delta_{t+l}, the double sum as it stands."""
        gamma, lam, n = self.params["gamma"], self.params["gae_lambda"], len(rewards)
        following = torch.cat([values[1:], torch.zeros(1)])
        delta = rewards + gamma * following - values
        return torch.stack([sum((gamma * lam) ** (k - t) * delta[k] for k in range(t, n)) for t in range(n)])

    def _scale(self, objective: str) -> tuple[torch.Tensor, torch.Tensor]:
        pairs = pair_texts.of(pair_texts.Member(objective, self.params), "train")
        with torch.no_grad():
            scores = torch.stack(
                [self.rewards[objective](self._states(d)[-1]).squeeze() for pair in pairs for d in pair]
            )
        return scores.mean(), (scores - scores.mean()).square().mean().sqrt()

    def _scaled(self, objective: str, scores: torch.Tensor) -> torch.Tensor:
        mean, deviation = self.scales[objective]
        return (scores - mean) / deviation

    def _states(self, d: Any) -> torch.Tensor:
        """The frozen base's states of every token."""
        ids = torch.tensor([[*d.tokens.prompt, *d.tokens.response]])
        with torch.no_grad():
            return self.base.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]

    def _values(self, objective: str, d: Any) -> torch.Tensor:
        """Of the state before each response token."""
        before = self._states(d)[len(d.tokens.prompt) - 1 : -1]
        return self._scaled(objective, self.critics[objective](before).squeeze(-1))

    # steps

    def _policy_step(self, dialogues: list[Any], old: torch.Tensor, advantages: torch.Tensor, told: Told) -> None:
        own = [self._log_probs(self.policy, d) for d in dialogues]
        with torch.no_grad():
            others = [self._log_probs(self.reference, d) for d in dialogues]
        apart = sum((a.exp() * (a - b)).sum() for a, b in zip(own, others, strict=True)) / len(dialogues)
        ratio = (torch.cat([_drawn(a, d) for a, d in zip(own, dialogues, strict=True)]) - old).exp()
        eps = self.params["clip_range"]
        surrogate = torch.min(ratio * advantages, ratio.clamp(1 - eps, 1 + eps) * advantages).mean()
        far = float(apart.detach()) > 0.5 * self.params["kl_bound"]
        self._step(self.optimiser, self.policy.parameters(), apart if far else -surrogate)
        if far:
            told.went_back += 1
            return
        told.policy_losses.append(-surrogate.item())
        told.clip_fractions.append(((ratio - 1).abs() > eps).float().mean().item())
        told.approx_kls.append((ratio - 1 - ratio.log()).mean().item())

    def _critic_step(self, objective: str, dialogues: list[Any], returns: torch.Tensor, told: Told) -> None:
        values = torch.cat([self._values(objective, d) for d in dialogues])
        loss = (0.5 * (values - returns) ** 2).mean()
        self._step(
            self.critic_optimisers[objective],
            list(self.critics[objective].parameters()),
            self.params["value_coefficient"] * loss,
        )
        told.value_losses[objective].append(loss.item())

    def _step(self, optimiser: Any, parameters: list[Any], loss: torch.Tensor) -> None:
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, self.params["clip"])
        optimiser.step()

    def _log_probs(self, policy: PeftPolicy, d: Any) -> torch.Tensor:
        """(tokens, vocabulary), of the distributions from which each response token is drawn."""
        ids = torch.tensor([[*d.tokens.prompt, *d.tokens.response]])
        hidden = policy.hidden(ids, use_cache=False).last_hidden_state[0, len(d.tokens.prompt) - 1 : -1]
        return torch.log_softmax(policy.logits(hidden) / self.params["temperature"], -1)


def _drawn(log_probs: torch.Tensor, d: Any) -> torch.Tensor:
    return log_probs.gather(1, torch.tensor(d.tokens.response)[:, None]).squeeze(1)


def _head(group: dict[str, torch.Tensor], objective: str) -> nn.Sequential:
    width = group[f"{objective}.head.0.weight"].shape[0]
    head = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
    head.load_state_dict(
        {n.removeprefix(f"{objective}.head."): t for n, t in group.items() if n.startswith(f"{objective}.")}
    )
    return head

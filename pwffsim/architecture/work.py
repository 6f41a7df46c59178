"""Floating-point operations of every stage on a device, declared: they depend on shapes and settings, never on values.

Counting rules (multiply and add are two operations; batches are padded to the declared length on the device):

* a forward pass of T tokens in sequences of s tokens: 2 N T + 4 L d s T, N the parameters that multiply every token
  (head and trainable modules included), L layers of width d, the second term attention's scores and sums; a sparse
  pattern of attention pays the share of it that its pairs of tokens are of all causal pairs;
* the backward pass to the activations costs the same again, the gradients of n trained parameters 2 n T
  (Kaplan et al. 2020, arXiv 2001.08361, appendix B: 6 N T when all are trained; about 4 N T when few are).
"""

from __future__ import annotations

from dataclasses import dataclass

from pwffsim.architecture.attention import FULL, Pattern, pairs
from pwffsim.architecture.families import Architecture


@dataclass(frozen=True)
class Network:
    """A model as arithmetic: an encoder, what is added to it, and what of all that is trained.

    Attributes:
        architecture: dimensions of the encoder.
        added: parameters beside the encoder's that every token is multiplied with: adapters, LoRA, a head.
        trained: parameters whose gradients are computed.
        language_head: whether hidden states are turned into logits over the vocabulary.
        attention: which pairs of tokens attention works on.
    """

    architecture: Architecture
    added: int
    trained: int
    language_head: bool = True
    attention: Pattern = FULL

    def forward_flops(self, sequences: int, length: int) -> int:
        """A forward pass over `sequences` x `length` tokens."""
        a = self.architecture
        head = a.width * a.vocabulary if self.language_head else 0
        tokens = sequences * length
        return 2 * (a.matrix_parameters + head + self.added) * tokens + self._attention_flops(length, tokens)

    def train_flops(self, sequences: int, length: int) -> int:
        """Forward, backward to the activations, and the gradients of the trained parameters."""
        return 2 * self.forward_flops(sequences, length) + 2 * self.trained * sequences * length

    def generate_flops(self, sequences: int, prompt: int, new_tokens: int) -> int:
        """Prefill of the prompt, then one token at a time with a key-value cache, attention at its final length."""
        decode = new_tokens * self.forward_flops(sequences, 1)
        attention = self._attention_flops(prompt + new_tokens, new_tokens * sequences, first=prompt)
        return self.forward_flops(sequences, prompt) + decode + attention

    def _attention_flops(self, length: int, tokens: int, first: int = 0) -> int:
        """Of so many tokens at `length` keys each, times the share of pairs from token `first` of a sequence on."""
        whole = 4 * self.architecture.layers * self.architecture.width * length * tokens
        return whole * pairs(self.attention, length, first) // max(pairs(FULL, length, first), 1)


def instruction_flops(policy: Network, steps: int, batch: int, length: int) -> int:
    """Supervised steps on response tokens."""
    return steps * policy.train_flops(batch, length)


def reward_flops(encoder: Network, frozen: bool, steps: int, batch: int, length: int, models: int = 2) -> int:
    """Bradley-Terry steps of so many reward models, two sequences a pair; a frozen encoder is only run forward."""
    run = encoder.forward_flops if frozen else encoder.train_flops
    return steps * models * run(2 * batch, length)


@dataclass(frozen=True)
class Rollout:
    """Size of one iteration of PPO or GRPO.

    Attributes:
        prompts: number of prompts.
        prompt_tokens: length of a prompt, padded.
        new_tokens: length of a response.
        epochs: passes over the rollouts.
    """

    prompts: int
    prompt_tokens: int
    new_tokens: int
    epochs: int

    @property
    def length(self) -> int:
        """Tokens of a whole rollout."""
        return self.prompt_tokens + self.new_tokens


def alignment_flops(
    policy: Network,
    encoder: Network,
    frozen: bool,
    iterations: int,
    rollout: Rollout,
    models: int = 2,
    references: int = 1,
) -> int:
    """PPO iterations: generation, reference and old log-probabilities, a reward and a critic an objective, the updates.

    One pass of a frozen encoder serves all rewards and critics; otherwise each of them is a pass of its own, and the
    critics' encoders pay for their training in each epoch. `references` is the number of policies that the trained one
    is held against.
    """
    score = (1 if frozen else 2 * models) * encoder.forward_flops(rollout.prompts, rollout.length)
    critics = 0 if frozen else models * encoder.train_flops(rollout.prompts, rollout.length)
    update = policy.train_flops(rollout.prompts, rollout.length)
    return iterations * (_sample_flops(policy, rollout, references) + score + rollout.epochs * (update + critics))


def grpo_flops(
    policy: Network, encoder: Network, frozen: bool, iterations: int, rollout: Rollout, models: int = 2
) -> int:
    """GRPO iterations: as PPO's without critics; `rollout.prompts` counts responses, each with its prompt."""
    score = (1 if frozen else models) * encoder.forward_flops(rollout.prompts, rollout.length)
    update = policy.train_flops(rollout.prompts, rollout.length)
    return iterations * (_sample_flops(policy, rollout, 1) + score + rollout.epochs * update)


def dpo_flops(policy: Network, steps: int, pairs: int, length: int) -> int:
    """DPO steps: the reference's log-probabilities and the update, two sequences a pair."""
    return steps * (policy.forward_flops(2 * pairs, length) + policy.train_flops(2 * pairs, length))


def _sample_flops(policy: Network, rollout: Rollout, references: int) -> int:
    """Generation, then log-probabilities under the policy and those it is held against."""
    generate = policy.generate_flops(rollout.prompts, rollout.prompt_tokens, rollout.new_tokens)
    return generate + (1 + references) * policy.forward_flops(rollout.prompts, rollout.length)

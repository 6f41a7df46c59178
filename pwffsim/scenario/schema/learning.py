"""The language model, and the stages that train it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from pwffsim.architecture.attention import PATTERNS
from pwffsim.learning.declarations import (
    ALGORITHMS,
    COMBINE,
    ENGINES,
    KL_REFERENCES,
    NORMALISATIONS,
    REWARD_MODELS,
    REWARD_SCOPES,
    SITES,
    UPLOADS,
)
from pwffsim.learning.declarations import WEIGHTS as BASE_WEIGHTS
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.section import Count, NonNegative, Positive, Probability, Section, Text, Word


class Adapters(Section):
    """Bottleneck adapters: down-projection, GELU, up-projection, residual (Houlsby et al. 2019)."""

    bottleneck: Count = Field(10, description="Width of the bottleneck b.")
    sites: tuple[Annotated[str, OneOf(SITES)], ...] = Field(
        SITES, description="Where a block carries an adapter: after attention, after the MLP, at its output."
    )


class Lora(Section):
    """Low-rank adaptation (Hu et al. 2021); how many modules a block carries is the device tier's choice."""

    rank: Count = Field(8, description="Rank r of the update B A.")
    alpha: Positive = Field(16.0, description="Scale: the update is multiplied by alpha / rank.")
    places: Annotated[tuple[Word, ...], Field(min_length=1)] | None = Field(
        None,
        description="Linear maps of a block that carry LoRA, in the order in which device tiers take them; null: "
        "attn.c_attn, attn.c_proj, mlp.c_proj of GPT-2, which also has mlp.c_fc, and attn.q, attn.k, attn.v in c_attn.",
        examples=[["attn.c_attn", "attn.c_proj"]],
    )


class Attention(Section):
    """Which earlier tokens a token attends to (Child et al. 2019, sparse transformers)."""

    pattern: Annotated[str, OneOf(tuple(PATTERNS))] = Field(
        "full",
        description="'full': all; 'local': the last `window`; 'strided': these and every `stride`-th before; 'fixed': "
        "those of its own block of `stride`, and the last `window` of each earlier block.",
    )
    window: Count | None = Field(None, description="Tokens, its own among them (not with full).", examples=[16])
    stride: Count | None = Field(None, description="Tokens from one to the next (strided), of a block (fixed).")

    @property
    def settings(self) -> dict[str, Any]:
        """The pattern's name and what is given of its parameters."""
        return self.model_dump(exclude_none=True)


class Model(Section):
    """The language model that is fine-tuned; its own weights stay frozen."""

    base: Text = Field(
        "tiny",
        description="'tiny' (shipped), 'gpt2', 'gpt2-large', a local folder, or a hub id.",
        examples=["tiny", "gpt2"],
    )
    weights: Annotated[str, OneOf(BASE_WEIGHTS)] = Field(
        "pretrained",
        description="'pretrained_or_untrained' takes random weights, plainly labelled, where none can be had.",
    )
    tokenizer: Text | None = Field(
        None, description="Folder or hub id of the tokenizer, when it is not the base's own."
    )
    adapters: Adapters = Field(default_factory=Adapters, description="The bottleneck adapters.")
    lora: Lora = Field(default_factory=Lora, description="The LoRA modules.")
    attention: Attention = Field(default_factory=Attention, description="The pattern of attention (GPT-2 only).")
    max_length: Annotated[int, Field(ge=8, strict=True)] = Field(
        96, description="Longest prompt plus response, in tokens."
    )


class Convergence(Section):
    """When a stage ends."""

    rule: Annotated[str, OneOf(("fixed", "patience"))] = Field(
        "fixed", description="After `rounds`, or earlier by patience."
    )
    patience: Count = Field(
        3, description="Evaluations in a row without improvement of the validation loss that end the stage."
    )
    min_delta: NonNegative = Field(1e-3, description="What counts as improvement of the validation loss.")


class Stage(Section):
    """What all three stages have."""

    rounds: Count = Field(10, description="Aggregations at most.")
    local_steps: Count = Field(8, description="Optimiser steps a client takes in a round.")
    batch_size: Count = Field(8, description="Rows a step.")
    learning_rate: Positive = Field(3e-3, description="AdamW learning rate.")
    weight_decay: NonNegative = Field(0.0, description="AdamW weight decay.")
    clip: Positive = Field(1.0, description="Largest norm of the gradient.")
    convergence: Convergence = Field(default_factory=Convergence, description="When the stage ends.")


class Instruction(Stage):
    """Stage 1, federated instruction tuning: supervised, loss on response tokens only."""

    engine: Annotated[str, OneOf(ENGINES["instruction"])] = Field(
        "native", description="Own loop, or trl's SFTTrainer."
    )


class Reward(Stage):
    """Stage 2, federated reward learning: a reward model an objective with the Bradley-Terry loss."""

    engine: Annotated[str, OneOf(ENGINES["reward"])] = Field("native", description="Own loop, or trl's RewardTrainer.")
    model: Annotated[str, OneOf(REWARD_MODELS)] = Field(
        "base_head", description="'base_head': frozen base with a small head; 'distilbert': the paper's literal choice."
    )
    upload: Annotated[str, OneOf(UPLOADS)] = Field(
        "head", description="What is trained and uploaded of each reward model."
    )
    scope: Annotated[str, OneOf(REWARD_SCOPES)] = Field(
        "global",
        description="Averaged over all clients where the method does so, over those of like preference (clustered), or "
        "each client's own and never sent (local).",
    )
    clusters: Annotated[int, Field(ge=2, le=1_000_000, strict=True)] = Field(
        2, description="Groups of clients, equally large and in order of their preference (scope: clustered)."
    )
    lora_rank: Count = Field(8, description="Rank of a reward model's own LoRA (upload: lora).")
    base: Text = Field("distilbert-base-uncased", description="Folder or hub id of the encoder (model: distilbert).")
    tokenizer: Text | None = Field(
        None, description="Folder of the encoder's tokenizer, when it is not the encoder's own."
    )
    weights: Annotated[str, OneOf(BASE_WEIGHTS)] = Field(
        "pretrained", description="Weights of the encoder (model: distilbert)."
    )


class Alignment(Stage):
    """Stage 3, federated alignment: PPO (Schulman et al. 2017) with two rewards and two critics; for comparison GRPO,
    which has no critics, and DPO, which has no rewards either."""

    algorithm: Annotated[str, OneOf(tuple(ALGORITHMS))] = Field(
        "ppo",
        description="'ppo'; 'grpo': advantages within groups of responses (Shao et al. 2024); 'dpo': the client's own "
        "pairs of both objectives in proportion to its weights (Rafailov et al. 2023).",
    )
    engine: Annotated[str, OneOf(ENGINES["alignment"])] = Field(
        "native", description="Own loop, or trl's GRPOTrainer or DPOTrainer, which know no kl_bound."
    )
    learning_rate: Positive = Field(5e-4, description="AdamW learning rate of the policy.")
    local_steps: Count = Field(
        1, description="Iterations a client runs in a round: generate, score, update; steps with dpo."
    )
    batch_size: Count = Field(16, description="Responses an iteration; pairs a step with dpo.")
    max_new_tokens: Count = Field(24, description="Longest response that is generated.")
    temperature: Positive = Field(1.0, description="Sampling temperature.")
    ppo_epochs: Count = Field(2, description="Passes over the rollouts.")
    minibatches: Count = Field(1, description="Parts of the rollouts, each one optimiser step.")
    clip_range: Positive = Field(0.2, description="PPO's epsilon.")
    gamma: Probability = Field(1.0, description="Discount.")
    gae_lambda: Probability = Field(0.95, description="Lambda of the generalised advantage estimate.")
    kl_coefficient: NonNegative = Field(
        0.05, description="Weight of the per-token KL penalty to the reference: of rewards in ppo, of the loss in grpo."
    )
    kl_reference: Annotated[str, OneOf(KL_REFERENCES)] = Field(
        "stage1",
        description="Whom a policy is held against (the paper leaves it open): 'stage1', the client's own policy when "
        "alignment begins; 'base', the base model; 'global', the shared state as received, personal groups off.",
    )
    global_coefficient: NonNegative = Field(
        0.0,
        description="Weight of a further per-token penalty, of the KL to the shared state as received, personal groups "
        "off: the regularisation reward of the paper's first version.",
    )
    kl_bound: Positive = Field(
        8.0,
        description="Bound on the mean KL a response (nats); beyond half of it, steps lower the KL instead "
        "of raising the reward.",
    )
    value_coefficient: NonNegative = Field(0.5, description="Weight of the critics' loss.")
    critic_learning_rate: Positive = Field(1e-3, description="AdamW learning rate of the critics.")
    combine: Annotated[str, OneOf(COMBINE)] = Field(
        "advantage", description="Where the two objectives are weighted and summed (ppo)."
    )
    group_size: Annotated[int, Field(ge=2, strict=True)] = Field(
        4, description="Responses a prompt, which are held against each other (grpo)."
    )
    group_normalisation: Annotated[str, OneOf(NORMALISATIONS)] = Field(
        "sum_then_normalise", description="Whether objectives are summed before a group is normalised, or after (grpo)."
    )
    dpo_beta: Positive = Field(
        0.1, description="Beta of the policy's own reward: a small one lets it go far for a preference (dpo)."
    )


class Stages(Section):
    """The stages that run, in this order; one left out is not run."""

    instruction: Instruction | None = Field(None, description="Stage 1, federated instruction tuning.")
    reward: Reward | None = Field(None, description="Stage 2, federated reward learning.")
    alignment: Alignment | None = Field(None, description="Stage 3, federated alignment.")

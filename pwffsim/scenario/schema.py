"""What a scenario may say: one frozen model a section, units in the key names, a description for every key.

A dimensioned key ends in its unit (``bandwidth_hz: 2e7``); the same key without the ending takes a quantity with its
unit (``bandwidth: 20 MHz``). The loader turns the second form into the first (see :mod:`pwffsim.scenario.units`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from pwffsim.data.declarations import CORPORA, PARTITIONERS
from pwffsim.federation.declarations import METHODS, MODES, RETASK_RULES, SELECTORS, STALENESS_RULES, WEIGHTS
from pwffsim.learning.declarations import COMBINE, ENGINES, REWARD_MODELS, SITES, UPLOADS
from pwffsim.learning.declarations import WEIGHTS as BASE_WEIGHTS
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.units import accept_quantities

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]
Decibel = Annotated[float, Field(ge=-400, le=400, allow_inf_nan=False, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(min_length=1, max_length=500, strict=True)]


def _word_or_number(value: Any) -> str:
    return UNIFORM if isinstance(value, str) else NUMBER


def _word_or_section(value: Any) -> str:
    return FLUID if isinstance(value, str) else SECTION


# Tags of unions: "~", a name, ": ", and what the union takes in the words of an error message.
# The type of a value picks the branch.
UNIFORM, NUMBER = "~word: 'uniform' or a number", "~number: 'uniform' or a number"
FLUID, SECTION = "~word: 'fluid' or a mapping of keys", "~section: 'fluid' or a mapping of keys"


class Section(BaseModel):
    """A part of a scenario: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _quantities(cls, data: Any) -> Any:
        return accept_quantities(cls.model_fields, data)


class ClientOverride(Section):
    """What one client has that the others have not."""

    client: Annotated[int, Field(ge=0, strict=True, description="Client number, from 0.")]
    mean_snr_db: Decibel | None = Field(None, description="This client's mean uplink SNR.")
    tier: Text | None = Field(None, description="Name of this client's device tier.")
    preference: Probability | None = Field(None, description="Weight of helpfulness; harmlessness gets the rest.")
    idle: Flag = Field(False, description="True: the client exists but never takes part.")


class Clients(Section):
    """Who takes part; `clients: 10` is short for `clients: {count: 10}`."""

    count: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(
        10, description="Number of clients.", examples=[10]
    )
    preference: Annotated[
        Annotated[Literal["uniform"], Tag(UNIFORM)] | Annotated[Probability, Tag(NUMBER)],
        Discriminator(_word_or_number),
    ] = Field(
        "uniform", description="Weight of helpfulness: one value for all, or 'uniform' for one draw in [0, 1] each."
    )
    overrides: tuple[ClientOverride, ...] = Field((), description="Exceptions, client by client.")

    @model_validator(mode="before")
    @classmethod
    def _bare_count(cls, data: Any) -> Any:
        return {"count": data} if isinstance(data, int) and not isinstance(data, bool) else data


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


class Model(Section):
    """The language model that is fine-tuned; its own weights stay frozen."""

    base: Text = Field(
        "tiny", description="'tiny' (shipped), 'gpt2', a local folder, or a hub id.", examples=["tiny", "gpt2"]
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
    max_length: Annotated[int, Field(ge=8, strict=True)] = Field(
        96, description="Longest prompt plus response, in tokens."
    )


class Partition(Section):
    """How data are spread over clients."""

    by: Annotated[str, OneOf(PARTITIONERS)] = Field("topic", description="The rule of the split.")
    dirichlet_alpha: Positive = Field(0.3, description="Concentration of topics over clients; small is skewed.")
    size_skew: NonNegative = Field(0.0, description="Standard deviation of the log of a client's number of rows.")


class Files(Section):
    """Local files of a `jsonl` corpus; ${PWFFSIM_DATA} and other variables are filled in."""

    instructions: tuple[Text, ...] = Field((), description="Alpaca-format JSONL: instruction, input, output.")
    helpfulness: tuple[Text, ...] = Field((), description="hh-rlhf JSONL (.gz): chosen, rejected; helpfulness pairs.")
    harmlessness: tuple[Text, ...] = Field((), description="hh-rlhf JSONL (.gz): chosen, rejected; harmlessness pairs.")


class Hub(Section):
    """Data sets of a `hub` corpus, by id (or local folder) for datasets.load_dataset."""

    instructions: Text | None = Field(
        None, description="Id of an Alpaca-format data set.", examples=["tatsu-lab/alpaca"]
    )
    helpfulness: Text | None = Field(None, description="Id of a chosen/rejected data set.")
    harmlessness: Text | None = Field(None, description="Id of a chosen/rejected data set.")
    helpfulness_folder: Text | None = Field(
        None, description="Folder inside the helpfulness data set.", examples=["helpful-base"]
    )
    harmlessness_folder: Text | None = Field(None, description="Folder inside the harmlessness data set.")


class Data(Section):
    """Instruction rows, preference pairs, prompts."""

    corpus: Annotated[str, OneOf(CORPORA)] = Field("embedded", description="Where rows come from.")
    files: Files = Field(default_factory=Files, description="For corpus: jsonl.")
    hub: Hub = Field(default_factory=Hub, description="For corpus: hub.")
    partition: Partition = Field(default_factory=Partition, description="How rows are spread over clients.")
    rows_per_client: Count = Field(160, description="Instruction rows a client trains on (mean, under size skew).")
    test_rows_per_client: Count = Field(48, description="Held-out instruction rows a client.")
    pairs_per_client: Count = Field(96, description="Preference pairs a client trains on, for each objective.")
    test_pairs_per_client: Count = Field(48, description="Held-out preference pairs a client, for each objective.")
    prompts_per_client: Count = Field(96, description="Prompts a client draws on in alignment.")
    test_prompts_per_client: Count = Field(24, description="Held-out prompts a client, to measure rewards.")
    global_test_rows: Count = Field(256, description="Rows of the one global test set.")
    label_noise: Probability = Field(
        0.05, description="Probability that a preference pair's label is flipped (embedded)."
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
    """Stage 2, federated reward learning: two reward models with the Bradley-Terry loss."""

    model: Annotated[str, OneOf(REWARD_MODELS)] = Field(
        "base_head", description="'base_head': frozen base with a small head; 'distilbert': the paper's literal choice."
    )
    upload: Annotated[str, OneOf(UPLOADS)] = Field(
        "head", description="What is trained and uploaded of each reward model."
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
    """Stage 3, federated alignment: PPO (Schulman et al. 2017) with two rewards and two critics."""

    learning_rate: Positive = Field(5e-4, description="AdamW learning rate of the policy.")
    local_steps: Count = Field(1, description="PPO iterations a client runs in a round: generate, score, update.")
    batch_size: Count = Field(16, description="Prompts an iteration.")
    max_new_tokens: Count = Field(24, description="Longest response that is generated.")
    temperature: Positive = Field(1.0, description="Sampling temperature.")
    ppo_epochs: Count = Field(2, description="Passes over the rollouts.")
    minibatches: Count = Field(1, description="Parts of the rollouts, each one optimiser step.")
    clip_range: Positive = Field(0.2, description="PPO's epsilon.")
    gamma: Probability = Field(1.0, description="Discount.")
    gae_lambda: Probability = Field(0.95, description="Lambda of the generalised advantage estimate.")
    kl_coefficient: NonNegative = Field(
        0.05, description="Weight of the per-token KL penalty to the end-of-stage-1 policy."
    )
    kl_bound: Positive = Field(
        8.0,
        description="Bound on the mean KL a response (nats); beyond half of it, steps lower the KL instead "
        "of raising the reward.",
    )
    value_coefficient: NonNegative = Field(0.5, description="Weight of the critics' loss.")
    critic_learning_rate: Positive = Field(1e-3, description="AdamW learning rate of the critics.")
    combine: Annotated[str, OneOf(COMBINE)] = Field(
        "advantage", description="Where the two objectives are weighted and summed."
    )


class Stages(Section):
    """The stages that run, in this order; one left out is not run."""

    instruction: Instruction | None = Field(None, description="Stage 1, federated instruction tuning.")
    reward: Reward | None = Field(None, description="Stage 2, federated reward learning.")
    alignment: Alignment | None = Field(None, description="Stage 3, federated alignment.")


class Fading(Section):
    """Small-scale fading of the power gain."""

    model: Annotated[str, OneOf(("rayleigh", "none"))] = Field("rayleigh", description="Law of the gain in a block.")
    coherence_s: Positive = Field(0.05, description="Length of a block in which the gain is constant.")


class Packets(Section):
    """Packets, their loss and their repetition."""

    payload_bytes: Count = Field(1460, description="Payload of a packet.")
    header_bytes: Annotated[int, Field(ge=0, strict=True)] = Field(40, description="Headers of a packet.")
    loss: Annotated[str, OneOf(("none", "constant", "outage"))] = Field("none", description="Which packets are lost.")
    error_rate: Probability = Field(0.0, description="Probability that a packet is lost (loss: constant).")
    outage_snr_db: Decibel = Field(
        -5.0, description="A packet that ends in a block below this SNR is lost (loss: outage)."
    )
    retransmissions: Annotated[int, Field(ge=0, strict=True)] = Field(
        4, description="Selective-repeat attempts after the first."
    )


class LinkSettings(Section):
    """A link budget: of transmit power, noise figure, path loss and mean SNR, three are given; the fourth follows."""

    bandwidth_hz: Positive = Field(1e6, description="Bandwidth B.", examples=["1 MHz"])
    tx_power_w: Positive | None = Field(None, description="Transmit power P.")
    noise_figure_db: NonNegative | None = Field(None, description="Receiver noise figure; noise is k T B F at 290 K.")
    path_loss_db: Decibel | None = Field(None, description="Path loss, antenna gains included.")
    mean_snr_db: Decibel | None = Field(None, description="Mean SNR.")


class Downlink(LinkSettings):
    """The server's link to a client."""

    ideal: Flag = Field(False, description="True: downloads take no time and no energy.")


class Radio(LinkSettings):
    """The uplink, and what both directions share."""

    preset: Annotated[str, OneOf(("physical", "paper"))] = Field(
        "physical",
        description="Fills what is not given. 'paper': constant rate at the mean SNR, no packets, ideal downlink.",
    )
    snr_spread_db: NonNegative = Field(0.0, description="Clients' mean SNR is uniform within plus or minus this.")
    rate: Annotated[str, OneOf(("shannon",))] = Field("shannon", description="Rate map: B log2(1 + SNR).")
    sharing: Annotated[str, OneOf(("private", "tdma"))] = Field(
        "private",
        description="'private': own band each; 'tdma': one client on the air at a time, first come first served.",
    )
    fading: Fading | None = Field(None, description="Small-scale fading of both directions.")
    packets: (
        Annotated[
            Annotated[Packets, Tag(SECTION)] | Annotated[Literal["fluid"], Tag(FLUID)], Discriminator(_word_or_section)
        ]
        | None
    ) = Field(None, description="Packets, or 'fluid': bits without headers or loss.")
    residual_loss: Annotated[str, OneOf(("discard", "partial"))] = Field(
        "discard",
        description="What an update with packets still missing is worth: nothing, or all but the missing slices.",
    )
    downlink: Downlink | None = Field(None, description="The server's links.")


class Tier(Section):
    """One class of devices."""

    name: Annotated[str, Field(min_length=1, max_length=64, strict=True)] = Field(
        "phone", description="Name of the tier."
    )
    share: Positive = Field(1.0, description="Share of the clients, relative to the other tiers.")
    gflops: Positive = Field(4.0, description="Sustained speed, 1e9 floating-point operations a second.")
    memory_mb: Positive = Field(4096.0, description="Memory for training, 1e6 bytes.")
    compute_power_w: NonNegative = Field(4.0, description="Electrical power while computing.")
    lora_modules_per_block: Annotated[int, Field(ge=0, strict=True)] = Field(
        3, description="LoRA modules in each block: 1, 2 or 3.", examples=[1, 2, 3]
    )


class Devices(Section):
    """Classes of devices; clients are assigned evenly by share."""

    tiers: tuple[Tier, ...] = Field((Tier(),), min_length=1, description="The tiers.")
    count_generated: Annotated[str, OneOf(("declared", "actual"))] = Field(
        "declared",
        description="Generation's work counts the declared maximum of new tokens, or those really generated.",
    )


class Staleness(Section):
    """How an old update is weighted: (1 + staleness) ** -exponent."""

    rule: Annotated[str, OneOf(STALENESS_RULES)] = Field("polynomial", description="The rule.")
    exponent: NonNegative = Field(0.5, description="Exponent of the polynomial rule.")


class Aggregation(Section):
    """When and how the server sums updates."""

    mode: Annotated[str, OneOf(MODES)] = Field("synchronous", description="Wait for all, or for a buffer of updates.")
    buffer: Count = Field(5, description="Updates that make an aggregation (mode: buffered).")
    max_wait_s: Positive | None = Field(
        None, description="A buffer that is not empty is summed after this time (mode: buffered)."
    )
    retask: Annotated[str, OneOf(RETASK_RULES)] = Field(
        "immediately", description="A client gets its next task at once, or when the version advances (mode: buffered)."
    )
    staleness: Staleness = Field(default_factory=Staleness, description="Weight of old updates (mode: buffered).")
    weights: Annotated[str, OneOf(WEIGHTS)] = Field("samples", description="Weight of a client: its rows, or one.")
    lora_average: Annotated[str, OneOf(("largest_tier", "per_module"))] = Field(
        "largest_tier",
        description="Where LoRA is averaged: all carry the largest tier, or each module over its holders.",
    )


class Evaluation(Section):
    """When models are measured."""

    every: Count = Field(1, description="Rounds between two evaluations.")
    costs_time: Flag = Field(False, description="True: clients spend simulated time and energy on evaluation.")


SHORTHANDS: dict[tuple[str | int, ...], str] = {("clients",): "count"}
"""Sections that may be written as one value, and the key that the value then stands for."""


class Scenario(Section):
    """A whole experiment."""

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")] = Field(
        description="Name of the experiment.", examples=["quickstart"]
    )
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = Field(0, description="Root of all randomness.")
    clients: Clients = Field(default_factory=Clients, description="A number, or details.")
    model: Model = Field(default_factory=Model, description="The language model.")
    data: Data = Field(default_factory=Data, description="Instruction rows, preference pairs, prompts.")
    method: Annotated[str, OneOf(METHODS)] = Field("pwff", description="The federated method.")
    stages: Stages = Field(description="The stages to run.")
    radio: Radio = Field(default_factory=Radio, description="The wireless links.")
    devices: Devices = Field(default_factory=Devices, description="The clients' devices.")
    aggregation: Aggregation = Field(default_factory=Aggregation, description="When and how the server sums updates.")
    selection: Annotated[str, OneOf(SELECTORS)] = Field("all", description="Who takes part in a round.")
    evaluation: Evaluation = Field(default_factory=Evaluation, description="When models are measured.")

    @field_validator("stages")
    @classmethod
    def _some_stage(cls, stages: Stages) -> Stages:
        if not (stages.instruction or stages.reward or stages.alignment):
            raise ValueError("no stage is given: name at least one of instruction, reward, alignment")
        return stages

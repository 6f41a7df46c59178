"""Instruction rows, preference pairs, prompts, and how they are spread."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pwffsim.data.declarations import CORPORA, PARTITIONERS
from pwffsim.scenario.names import OneOf
from pwffsim.scenario.section import Count, NonNegative, Positive, Probability, Section, Text


class Partition(Section):
    """How data are spread over clients."""

    by: Annotated[str, OneOf(PARTITIONERS)] = Field("topic", description="The rule of the split.")
    dirichlet_alpha: Positive = Field(0.3, description="Concentration of topics over clients; small is skewed.")
    size_skew: NonNegative = Field(0.0, description="Standard deviation of the log of a client's number of rows.")
    styles: Count | None = Field(
        None,
        description="Ways of wording answers, which clients have by turns; null: each has its own (embedded).",
        examples=[1],
    )


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
    examiner_pairs: Count = Field(
        256, description="Pairs of each objective, from no client's training, that examiners are fitted on."
    )
    global_test_rows: Count = Field(256, description="Rows of the one global test set.")
    label_noise: Probability = Field(
        0.05, description="Probability that a preference pair's label is flipped (embedded)."
    )

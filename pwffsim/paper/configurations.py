"""Who is compared with whom: the paper's baselines by figure, and the references that it lacks."""

from __future__ import annotations

from dataclasses import dataclass

LEARNING, REWARDS = "Fig. 4", "Fig. 5"
"""The paper's two figures of results: accuracy and delay of stage 1; reward and energy of stage 3."""


@dataclass(frozen=True)
class Configuration:
    """A method as the report shows it.

    Attributes:
        method: its name in scenarios.
        figures: where it is shown.
        paper: what the paper says of it; "" for a reference that the paper lacks.
    """

    method: str
    figures: tuple[str, ...]
    paper: str = ""


CONFIGURATIONS = (
    Configuration("pwff", (LEARNING, REWARDS), "adapters global, LoRA local, two reward models"),
    Configuration("vanilla_fl", (LEARNING,), "36 adapters and 36 LoRAs all need to be uploaded"),
    Configuration("fedada", (LEARNING,), "federated fine-tuning method using 36 adapters"),
    Configuration("fedlora", (LEARNING,), "exclusively incorporates 36 LoRAs"),
    Configuration("sfl", (REWARDS,), "single reward model, uploads only 36 adapter parameters"),
    Configuration("pfl", (REWARDS,), "two reward models, uploads all adapter and LoRA parameters"),
    Configuration("shepherd", (REWARDS,), "employs LoRA for fine-tuning"),
    Configuration("local_only", (LEARNING, REWARDS)),
    Configuration("centralised", (LEARNING, REWARDS)),
    Configuration("pwff_equal", (LEARNING,)),
    Configuration("dual", (LEARNING,)),
)
"""In the order in which they are drawn."""

METHODS = tuple(each.method for each in CONFIGURATIONS)


def shown(figure: str) -> tuple[Configuration, ...]:
    """Those of a figure."""
    return tuple(each for each in CONFIGURATIONS if figure in each.figures)


def stage_one_alone(method: str) -> bool:
    """Whether a method is shown for what it learns in stage 1 and nothing else."""
    return next(each for each in CONFIGURATIONS if each.method == method).figures == (LEARNING,)

"""trl's GRPOTrainer as the training loop, for cross-checks: our responses and scores; advantages, loss and optimiser
are its own.

Its reference is a network of its own that holds the reference states, adapters and LoRA. It knows no bound on the
divergence. trl pads prompts on the left and leaves places to the model, where GPT-2 would count the padding: they are
counted from the first token here.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from pwffsim.learning import frozen, policy, tokens
from pwffsim.learning.engines import hosting
from pwffsim.learning.jobs import Job
from pwffsim.learning.peft_policy import PeftPolicy
from pwffsim.learning.policy import Policy
from pwffsim.learning.rollouts import REFERENCE, Rollout
from pwffsim.learning.scoring import Dialogue
from pwffsim.learning.state import Group
from pwffsim.learning.supervised import Optimisation

_AGGREGATIONS = {"sum_then_normalise": "sum_then_normalize", "normalise_then_sum": "normalize_then_sum"}
"""Our name -> trl's."""


class TrlGrpo:
    """A trainer a client and iteration; AdamW's moments stay.

    Raises:
        ValueError: when the responses shall be taken in several minibatches, whose order would be trl's own.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        if jobs[0].params["minibatches"] != 1:
            raise ValueError("trl takes all responses in one step: set minibatches to 1, or engine to native")
        self._jobs = jobs
        self._clients = [_Client(job) for job in jobs]

    def actor(self) -> Policy:
        """A policy that holds copies of what is trained."""
        states = zip(self._jobs, self.read(), strict=True)
        return policy.resident([Job(job.params, own) for job, own in states])

    def update(
        self, rollout: Rollout, scores: Mapping[str, Tensor], weights: Mapping[str, Tensor], seeds: Sequence[int]
    ) -> list[dict[str, Any]]:
        """One client after another."""
        size = rollout.responses
        return [
            client.update(
                rollout.dialogues[i * size : (i + 1) * size],
                [own[i * size : (i + 1) * size].tolist() for own in scores.values()],
                [float(own[i]) for own in weights.values()],
            )
            for i, client in enumerate(self._clients)
        ]

    def read(self) -> list[dict[str, Group]]:
        """Copies of the states."""
        return [client.policy.read() for client in self._clients]


class _Client:
    """One client's policy, its reference, and its optimiser."""

    def __init__(self, job: Job) -> None:
        self._params = job.params
        self.policy, self._reference = (PeftPolicy(job.params["model"], job.params["groups"]) for _ in range(2))
        self.policy.load(job.inputs)
        self._reference.load(job.inputs, REFERENCE)
        self._optimiser: Any = None

    def update(
        self, dialogues: Sequence[Dialogue], scores: Sequence[list[float]], weights: Sequence[float]
    ) -> dict[str, Any]:
        """Some passes over a client's responses."""
        with hosting.hosted() as folder, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You are using 'rollout_func'")
            trainer = self._trainer(dialogues, scores, weights, folder)
            trainer.train()
        self._optimiser = trainer.optimizer.optimizer  # out of accelerate's wrapper
        return {
            "policy_loss": sum(trainer.losses) / len(trainer.losses),
            "updates": len(trainer.losses),
            "rectified": 0,
        }

    def _trainer(
        self, dialogues: Sequence[Dialogue], scores: Sequence[list[float]], weights: Sequence[float], folder: str
    ) -> Any:
        from trl import GRPOTrainer

        trainer = hosting.recording(GRPOTrainer)(
            _placed(frozen.view(self.policy.network)),
            [_told(own, f"objective_{i}") for i, own in enumerate(scores)],
            self._configuration(len(dialogues), weights, folder),
            train_dataset=hosting.columns([{"prompt": str(i)} for i in range(len(dialogues))]),
            processing_class=tokens.load(self._params["model"]["tokenizer"]),
            rollout_func=lambda prompts, trainer: _rolled_out(dialogues),
            optimizers=(self._optimiser, None),
        )
        return hosting.quiet(self._with_reference(trainer))

    def _configuration(self, responses: int, weights: Sequence[float], folder: str) -> Any:
        from trl import GRPOConfig

        params = self._params
        settings = Optimisation(params["learning_rate"], params["weight_decay"], params["clip"])
        return GRPOConfig(
            output_dir=folder,
            beta=0.0,  # with another one trl would load a reference of its own
            epsilon=params["clip_range"],
            temperature=params["temperature"],
            num_generations=params["group_size"],
            num_iterations=params["ppo_epochs"],
            max_completion_length=params["max_new_tokens"],
            reward_weights=list(weights),
            multi_objective_aggregation=_AGGREGATIONS[params["group_normalisation"]],
            loss_type="bnpo",
            shuffle_dataset=False,
            disable_dropout=True,
            activation_checkpointing=False,
            **hosting.options(settings, responses, params["ppo_epochs"]),
        )

    def _with_reference(self, trainer: Any) -> Any:
        """The trainer, which is told the reference after it was made."""
        from trl.trainer.utils import add_fused_lm_head

        if self._params["kl_coefficient"]:
            network = _placed(frozen.view(self._reference.network))
            add_fused_lm_head(network, temperature=self._params["temperature"])
            trainer.beta, trainer.ref_model = self._params["kl_coefficient"], network.eval()
        return trainer


def _placed(network: Any) -> Any:
    """The network, whose tokens have the places that they have without padding on the left."""

    def places(module: Any, arguments: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        counted = named["attention_mask"].cumsum(1) - 1
        return arguments, {**named, "position_ids": counted.clamp(min=0)}

    network.base_model.register_forward_pre_hook(places, with_kwargs=True)
    return network


def _rolled_out(dialogues: Sequence[Dialogue]) -> dict[str, Any]:
    return {
        "prompt_ids": [list(dialogue.tokens.prompt) for dialogue in dialogues],
        "completion_ids": [list(dialogue.tokens.response) for dialogue in dialogues],
        "logprobs": None,
    }


def _told(scores: list[float], name: str) -> Any:
    """A reward function that knows the scores of the responses in their order."""

    def reward(**_: Any) -> list[float]:
        return scores

    reward.__name__ = name
    return reward

"""Write the task that pwffsim would do of the scenario: its rows, its order, its initial LoRA.

python -m benchmarks.peers.write_task OUT [--clients 10] [--rounds 4]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.peers import scenario
from benchmarks.peers.task import Settings, State, Task, write

scenario.register()

from pwffsim.compute.dry import DryCompute  # noqa: E402
from pwffsim.compute.recipe import Recipe  # noqa: E402
from pwffsim.learning import batching, stages, token_rows, tokens  # noqa: E402
from pwffsim.learning.bases import folder_of  # noqa: E402
from pwffsim.runs.recorder import MemoryRecorder  # noqa: E402
from pwffsim.scenario.loader import load  # noqa: E402
from pwffsim.simulation.preparation import Prepared, prepare  # noqa: E402
from pwffsim.world.world import World  # noqa: E402


class _Listening(DryCompute):
    """Keeps every recipe and computes none."""

    def __init__(self) -> None:
        super().__init__()
        self.recipes: list[Recipe] = []

    def submit(self, recipe: Recipe) -> Any:
        self.recipes.append(recipe)
        return super().submit(recipe)


def task(clients: int, rounds: int) -> Task:
    """The task of a scenario, found by playing it out without training."""
    with TemporaryDirectory() as folder:
        prepared = prepare(load(scenario.write(Path(folder) / "peers.yaml", clients, rounds)))
    recipes = _recipes(prepared)
    drawn = [batch for recipe in _trainings(recipes, clients) for batch in _batches(recipe)]
    data = {
        "ids": _stack([batch.ids for batch in drawn], 0),
        "labels": _stack([batch.labels for batch in drawn], batching.IGNORED),
        "lengths": torch.tensor([batch.ids.shape[1] for batch in drawn]),
    }
    shape = (rounds, clients, len(drawn) // (rounds * clients))
    shaped = {name: tensor.view(*shape, *tensor.shape[1:]) for name, tensor in data.items()}
    return Task(_settings(prepared, tuple(shaped["ids"].shape)), **shaped, initial=_initial(recipes))


def _recipes(prepared: Prepared) -> list[Recipe]:
    """Every recipe of the run, in the order in which simulated time makes them."""
    compute = _Listening()
    World(prepared.blueprint, compute, MemoryRecorder()).run()
    return compute.recipes


def _trainings(recipes: list[Recipe], clients: int) -> list[Recipe]:
    """Training recipes round after round, client after client."""
    found = [recipe for recipe in recipes if recipe.stage == "instruction.train"]
    of = [[recipe for recipe in found if recipe.params["client"] == client] for client in range(clients)]
    return [recipe for round_ in zip(*of, strict=True) for recipe in round_]


def _batches(recipe: Recipe) -> list[batching.Batch]:
    params = {**recipe.params, **recipe.hints}
    rows, pad = token_rows.of(params).train, tokens.tokenizer(params["model"]["tokenizer"]).pad
    order = batching.draws(params["seed"], len(rows), params["steps"], params["batch_size"])
    return [batching.collate([rows[i] for i in draw], pad) for draw in order]


def _stack(batches: list[Tensor], padding: int) -> Tensor:
    """Batches of equal length, padded on the right."""
    longest = max(batch.shape[1] for batch in batches)
    return torch.stack([functional.pad(batch, (0, longest - batch.shape[1]), value=padding) for batch in batches])


def _initial(recipes: list[Recipe]) -> State:
    first = next(recipe for recipe in recipes if recipe.stage == "initialise")
    return dict(stages.run(first.stage, first.params, {}).parts["lora"])


def _settings(prepared: Prepared, shape: tuple[int, ...]) -> Settings:
    model, stage = prepared.loaded.scenario.model, prepared.loaded.scenario.stages.instruction
    assert stage is not None, "the scenario has the one stage"
    return Settings(
        str(folder_of(prepared.blueprint.base["base"])),
        model.lora.rank,
        model.lora.alpha,
        stage.learning_rate,
        stage.clip,
        *shape,
    )


def main() -> None:
    """Write a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=4)
    asked = parser.parse_args()
    write(task(asked.clients, asked.rounds), asked.out)


if __name__ == "__main__":
    main()

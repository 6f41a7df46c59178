"""A round of instruction tuning of several clients: how much processor time each way of doing it takes.

    python -m benchmarks.fusion_instruction [--base tiny] [--clients 10] [--steps 4] [--rows 4] [--tokens 40]

Ways: `stock`, the loop a user writes with transformers and peft (torch's own settings, labels handed to the model, one
client after another); `trl`, SFTTrainer, constructed for every client; `alone`, this package client by client; `fused`,
all clients at once; the last two also in bf16. Each has a process of its own and one thread; they take turns. Printed
are the seconds of processor time of each turn, and the peak memory of each process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.trainer import QUIET
from benchmarks.turns import Parts, command

GROUPS = ["adapters", "lora"]
RATE, DECAY, CLIP = 1e-3, 0.0, 1.0


@dataclass(frozen=True)
class Task:
    """What a round is.

    Attributes:
        base: "tiny" (4 blocks of 128) or "gpt2" (12 of 768, random weights).
        clients, steps, rows, tokens: of the round, of a client, of a step, of a row, half of them prompt.
        rank: of LoRA.
        modules: LoRA modules a block.
        spread: lengths of rows are uniform within this part of `tokens` above and below.
        at_once: clients that share a batch at most; 0 for as many as a run takes.
    """

    base: str = "tiny"
    clients: int = 10
    steps: int = 4
    rows: int = 4
    tokens: int = 40
    rank: int = 8
    modules: int = 3
    spread: float = 0.0
    at_once: int = 0

    def model(self) -> dict[str, Any]:
        """As a recipe names it."""
        from pwffsim.learning import bases

        weights, tokenizer = ("pretrained", None) if self.base == "tiny" else ("untrained", "tiny")
        return {
            **bases.resolve(self.base, weights, tokenizer).params(0),
            "adapters": {"bottleneck": 10, "sites": ["attention", "mlp", "block"]},
            "lora": {"rank": self.rank, "alpha": 2.0 * self.rank},
            "lora_modules_per_block": self.modules,
        }

    def drawn(self) -> list[list[list[Any]]]:
        """Rows of each step of each client."""
        import numpy as np

        from pwffsim.learning.tokens import Encoded

        rng = np.random.default_rng(0)
        low, high = round(self.tokens * (1 - self.spread)), round(self.tokens * (1 + self.spread))

        def row() -> Encoded:
            ids = tuple(rng.integers(2, 2000, rng.integers(low, high, endpoint=True)).tolist())
            return Encoded(ids[: len(ids) // 2], ids[len(ids) // 2 :])

        return [[[row() for _ in range(self.rows)] for _ in range(self.steps)] for _ in range(self.clients)]

    def paying(self, drawn: Sequence[Sequence[Sequence[Any]]]) -> int:
        """Clients that share a batch in a run of such rows."""
        from pwffsim.architecture.families import architecture_of
        from pwffsim.learning import bases
        from pwffsim.learning.declarations import together

        weights, tokenizer = ("pretrained", None) if self.base == "tiny" else ("untrained", "tiny")
        network = architecture_of(bases.resolve(self.base, weights, tokenizer).config)
        longest = max(len(row) for steps in drawn for rows in steps for row in rows)
        params = {"batch_size": self.rows, "max_length": longest}
        return together("instruction.train", params, network.width, network.layers)


def pieces(clients: int, most: int) -> list[slice]:
    """Batches of nearly equal size, as a run deals them."""
    parts = -(-clients // most)
    bounds = [clients * i // parts for i in range(parts + 1)]
    return [slice(*bound) for bound in pairwise(bounds)]


Round = Callable[[], None]


def own(task: Task, fused: bool, precision: str = "fp32") -> Round:
    """This package's loop."""
    from pwffsim.learning import runtime, stages, supervised
    from pwffsim.learning.engines import native
    from pwffsim.learning.jobs import Job

    runtime.tune()
    drawn, model = task.drawn(), task.model()
    params = {"model": model, "seed": 0}
    start = {group: stages.run("initialise", {**params, "group": group}, {}).parts[group] for group in GROUPS}
    jobs = [Job({"model": model, "groups": GROUPS}, start)] * task.clients
    settings = supervised.Optimisation(RATE, DECAY, CLIP)
    batches = pieces(task.clients, (task.at_once or task.paying(drawn)) if fused else 1)

    def play() -> None:
        with runtime.precision(precision):
            for piece in batches:
                native.train(jobs[piece], drawn[piece], settings)

    return play


def network(task: Task) -> tuple[Any, list[Any]]:
    """The model with adapters and peft's LoRA as a user has it, and what is trained of it."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from pwffsim.learning import adapters, bases, lora

    params = task.model()
    if params["untrained"]:
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**params["config"]))
    else:
        model = AutoModelForCausalLM.from_pretrained(bases.folder_of(params["base"]))
    model.eval().requires_grad_(False)
    groups = [
        adapters.attach(model, params["adapters"]["bottleneck"], params["adapters"]["sites"]),
        lora.attach(model, lora.LoraShape(task.rank, 2.0 * task.rank, task.modules)),
    ]
    trained = [p.requires_grad_(True) for group in groups for p in group.values()]
    for tensor in trained:
        torch.nn.init.normal_(tensor, std=1e-3)
    return model, trained


def padded(rows: Sequence[Any]) -> tuple[Any, Any]:
    """ids and labels, (rows, length); the package's own would set up its runtime."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    ids = [torch.tensor([*row.prompt, *row.response]) for row in rows]
    labels = [torch.tensor([-100] * len(row.prompt) + [*row.response]) for row in rows]
    return pad_sequence(ids, batch_first=True), pad_sequence(labels, batch_first=True, padding_value=-100)


def stock(task: Task) -> Round:
    """The plain loop with peft."""
    import torch

    torch.set_num_threads(1)
    model, trained = network(task)
    start, drawn = [p.detach().clone() for p in trained], task.drawn()

    def client(steps: Sequence[Sequence[Any]]) -> list[Any]:
        torch._foreach_copy_([p.data for p in trained], start)
        optimiser = torch.optim.AdamW(trained, lr=RATE, weight_decay=DECAY)
        for rows in steps:
            ids, labels = padded(rows)
            model(input_ids=ids, labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, CLIP)
            optimiser.step()
            optimiser.zero_grad()
        return [p.detach().clone() for p in trained]

    def play() -> None:
        for steps in drawn:
            client(steps)
        assert torch.get_float32_matmul_precision() == "highest", "torch is not as a user has it"

    return play


def trl(task: Task) -> Round:
    """SFTTrainer, one a client."""
    import torch

    torch.set_num_threads(1)
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from pwffsim.learning.batching import IGNORED
    from pwffsim.learning.tokens import load

    (model, trained), text, drawn = network(task), load("tiny"), task.drawn()
    start = [p.detach().clone() for p in trained]
    folder = TemporaryDirectory()
    config = SFTConfig(
        output_dir=folder.name,
        per_device_train_batch_size=task.rows,
        max_steps=task.steps,
        learning_rate=RATE,
        weight_decay=DECAY,
        max_grad_norm=CLIP,
        **QUIET,
    )
    collator = DataCollatorForLanguageModeling(pad_token_id=0, pad_to_multiple_of=8)

    def client(steps: Sequence[Sequence[Any]]) -> None:
        rows = [row for step in steps for row in step]
        labels = [[IGNORED] * len(row.prompt) + list(row.response) for row in rows]
        dataset = Dataset.from_dict({"input_ids": [[*row.prompt, *row.response] for row in rows], "labels": labels})
        torch._foreach_copy_([p.data for p in trained], start)
        trainer = SFTTrainer(model, config, train_dataset=dataset, data_collator=collator, processing_class=text)
        trainer.remove_callback(PrinterCallback)
        trainer.train()

    def play() -> None:
        assert folder.name  # the folder lives as long as this function
        for steps in drawn:
            client(steps)
        assert torch.get_float32_matmul_precision() == "highest", "torch is not as a user has it"

    return play


WAYS: dict[str, Callable[[Task], Round]] = {
    "stock": stock,
    "trl": trl,
    "alone": lambda task: own(task, fused=False),
    "fused": lambda task: own(task, fused=True),
    "alone_bf16": lambda task: own(task, fused=False, precision="bf16"),
    "fused_bf16": lambda task: own(task, fused=True, precision="bf16"),
}


def parts(way: str, task: Task) -> Parts:
    """What a process runs."""
    return {"round": WAYS[way](task)}


def main() -> None:
    """Print the figures as JSON."""
    command(__doc__, parts, list(WAYS), Task(), 9, list(WAYS))


if __name__ == "__main__":
    main()

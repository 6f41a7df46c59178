"""LoRA alone, averaged: the paper's baseline "FedLora", that is LP-FL (Jiang, Liu and Fan 2023) without soft labels."""

from pwffsim.federation.method import Method

METHOD = Method(
    name="fedlora",
    summary="LoRA is trained and averaged; there are no adapters (LP-FL, Jiang, Liu and Fan 2023).",
    trained=("lora",),
    shared=("lora",),
    share_rewards=True,
)

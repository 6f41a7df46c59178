"""Adapters alone, averaged: the paper's baseline Fedada (Kim, Yoo and Kang 2023). Its upload is PWFF's."""

from pwffsim.federation.method import Method

METHOD = Method(
    name="fedada",
    summary="Adapters are trained and averaged; there is no LoRA (Kim, Yoo and Kang 2023).",
    trained=("adapters",),
    shared=("adapters",),
    share_rewards=True,
)

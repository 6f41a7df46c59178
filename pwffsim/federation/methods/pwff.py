"""Personalized wireless federated fine-tuning (Jiang et al., arXiv 2404.13238): adapters global, LoRA local."""

from pwffsim.federation.method import Method

METHOD = Method(
    name="pwff",
    summary="Adapters are averaged, LoRA stays on the client (arXiv 2404.13238).",
    trained=("adapters", "lora"),
    shared=("adapters",),
    share_rewards=True,
)

"""PWFF with one reward model: adapters averaged, LoRA on the client, aligned to helpfulness alone.

The baseline SFL of the PWFF paper (arXiv 2404.13238, Fig. 5).
"""

from pwffsim.federation.method import Method

METHOD = Method(
    name="sfl",
    summary="Adapters are averaged, LoRA stays; one reward model, helpfulness (arXiv 2404.13238).",
    trained=("adapters", "lora"),
    shared=("adapters",),
    share_rewards=True,
    objectives=("helpfulness",),
)

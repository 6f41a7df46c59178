"""Federated instruction tuning (Shepherd, Zhang et al., arXiv 2305.05644): LoRA averaged, one reward model.

The PWFF paper gives it the reward of helpfulness alone.
"""

from pwffsim.federation.method import Method

METHOD = Method(
    name="shepherd",
    summary="LoRA is averaged; one reward model, helpfulness (Shepherd, arXiv 2305.05644).",
    trained=("lora",),
    shared=("lora",),
    share_rewards=True,
    objectives=("helpfulness",),
)

"""Plain federated fine-tuning: everything that is trained is averaged (McMahan et al. 2017, FedAvg)."""

from pwffsim.federation.method import Method

METHOD = Method(
    name="vanilla_fl",
    summary="Adapters and LoRA are both averaged (FedAvg, arXiv 1602.05629).",
    trained=("adapters", "lora"),
    shared=("adapters", "lora"),
    share_rewards=True,
)

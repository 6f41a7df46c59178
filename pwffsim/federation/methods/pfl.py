"""Adapters and LoRA uploaded, two reward models: the baseline PFL of the PWFF paper (arXiv 2404.13238, Fig. 5).

The paper names one configuration twice: its "vanilla FL" of Fig. 4 trains and shares the same groups.
"""

from pwffsim.federation.method import Method

METHOD = Method(
    name="pfl",
    summary="Adapters and LoRA are both averaged, two reward models: vanilla_fl under its name in Fig. 5.",
    trained=("adapters", "lora"),
    shared=("adapters", "lora"),
    share_rewards=True,
)

"""The opposite of PWFF: LoRA global, adapters local. No baseline of the paper; it tells which part should travel."""

from pwffsim.federation.method import Method

METHOD = Method(
    name="dual",
    summary="LoRA is averaged, adapters stay on the client: the opposite of pwff.",
    trained=("adapters", "lora"),
    shared=("lora",),
    share_rewards=True,
)

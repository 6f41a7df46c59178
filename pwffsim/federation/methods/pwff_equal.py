"""PWFF where every client has the largest tier's LoRA modules: as many trained parameters as its baselines have.

The paper gives PWFF's clients 12 to 36 modules and its baselines 36, which mixes capacity with method.
"""

from pwffsim.federation.method import Method

METHOD = Method(
    name="pwff_equal",
    summary="pwff with the largest tier's LoRA on every client: equal trainable capacity.",
    trained=("adapters", "lora"),
    shared=("adapters",),
    share_rewards=True,
    equal_capacity=True,
)

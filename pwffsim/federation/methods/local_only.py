"""No federation at all: each client learns from its own data and sends nothing.

The reference for every claim of gain.
"""

from pwffsim.federation.method import Method

METHOD = Method(
    name="local_only",
    summary="Nothing is uploaded: each client learns alone.",
    trained=("adapters", "lora"),
    shared=(),
    share_rewards=False,
)
